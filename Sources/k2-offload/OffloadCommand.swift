import ArgumentParser
import K2CLI

@main
struct OffloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-offload",
        abstract: "Bring records into Apache Iceberg tables, exactly once.",
        discussion: """
            EXAMPLES
              k2-feed replay day.ndjson.gz | k2-normalize --bronze | k2-ohlcv --tee | k2-offload run --from -
              k2-offload status --json

            EXIT STATUS
              0 done; 1 failed; 64 wrong usage or configuration; 65 input was rejected and no --dead-letter file \
            kept it, or --strict; 75 try again later; 76 commit outcome unknown, run reconcile; 130, 143 stopped \
            by a signal after committing what was read.
            """,
        version: ToolMain.version,
        subcommands: [RunCommand.self, BackfillCommand.self, StatusCommand.self, ReconcileCommand.self])

    static func main() { ToolMain.run(OffloadCommand.self, name: "k2-offload") }
}
