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
        subcommands: [RunCommand.self, StatusCommand.self, ReconcileCommand.self])

    static func main() { ToolMain.run(OffloadCommand.self, name: "k2-offload") }
}

/// Where the lake is; the same flags for all verbs.
struct LakeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Folder of the tables, file:PATH; else K2_WAREHOUSE, else file:k2-lake/warehouse.", valueName: "url"))
    var warehouse: String?

    @Option(help: ArgumentHelp("Iceberg catalog, sqlite:PATH; else K2_CATALOG, else sqlite:k2-lake/catalog.db.", valueName: "url"))
    var catalog: String?

    @Option(help: ArgumentHelp("State store, sqlite:PATH; else K2_STATE, else the catalog's file.", valueName: "url"))
    var state: String?

    @Option(name: .customLong("catalog-name"), help: ArgumentHelp("Name under which the catalog's tables are registered.", valueName: "name"))
    var catalogName = "k2"
}
