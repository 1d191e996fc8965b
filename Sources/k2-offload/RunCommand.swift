import ArgumentParser
import K2CLI
import K2Domain

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Load records from standard input.",
        discussion: """
            EXAMPLES
              … | k2-ohlcv --tee | k2-offload run --from -
              k2-offload run --from - --tables silver_trades --commit-rows 100000 < trades.ndjson

            Rows are committed in batches, each as one snapshot per table whose summary names the batch \
            (k2.batch-id). Rows that the lake has already are left out: loading the same recording twice adds \
            nothing. A later revision of a candle replaces the earlier one. Stopped by SIGTERM, what was read is \
            committed; after a kill, the next run settles what was left.
            """)

    @Option(help: ArgumentHelp("Where records come from: - for standard input.", valueName: "source"))
    var from: String

    @Option(help: ArgumentHelp("Comma-separated tables to fill, such as silver_trades,gold_ohlcv_1m; all if left out.", valueName: "list"))
    var tables: String?

    @Option(name: .customLong("commit-interval"), help: ArgumentHelp("Commit at the latest this long after a row came.", valueName: "duration"))
    var commitInterval = DurationArgument(argument: "60s")!

    @Option(name: .customLong("commit-rows"), help: ArgumentHelp("Commit when so many rows wait.", valueName: "count"))
    var commitRows = 500_000

    @Option(name: .customLong("dead-letter"), help: ArgumentHelp("Append rejected lines, with the reason, to this file.", valueName: "file"))
    var deadLetter: String?

    @Flag(help: "Stop at the first line that is rejected, with status 65. What was read before it is committed.")
    var strict = false

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    @OptionGroup var lake: LakeOptions

    func validate() throws {
        guard from == "-" else { throw ValidationError("--from: expected -, found \"\(from)\"") }
        guard commitRows >= 1 else { throw ValidationError("--commit-rows: expected 1 or more, found \(commitRows)") }
        guard commitInterval.microseconds >= 1_000 else { throw ValidationError("--commit-interval: expected 1ms or more") }
        let known = MarketTables.all.map(\.coldName)
        if selected?.isEmpty == true { throw ValidationError("--tables: expected names of tables, found nothing") }
        for name in selected ?? [] where !known.contains(name) {
            throw ValidationError("--tables: \"\(name)\" is not a table: expected some of \(known.joined(separator: ", "))")
        }
    }

    var selected: Set<String>? { tables.map { Set($0.split(separator: ",").map(String.init)) } }

    func run() throws {
        var run = try OffloadRun(self, diagnostics: Diagnostics(tool: "k2-offload"))
        try run.run()
    }
}
