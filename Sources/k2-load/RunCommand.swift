import ArgumentParser
import K2CLI
import K2Connections

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Load records from standard input; the verb may be left out.",
        discussion: """
            EXAMPLES
              … | k2-normalize --bronze | k2-load --tee | k2-ohlcv | k2-load
              k2-load run --dead-letter refused.ndjson --stats < trades.ndjson
              kcat -C -b broker:9092 -t market.crypto.trades.binance -f '%p %o %s\\n' | k2-load --kcat

            Records of all kinds come in one stream; each goes to its table. Rows wait in batches on disk until ClickHouse \
            has them: while it is away or busy, and when this tool is stopped or killed. A batch may be sent twice, which \
            changes nothing. When the spool is full, reading waits. Rows that ClickHouse refuses become dead letters; the \
            others go on.

            With --tee each line is passed on as soon as it is read, whatever ClickHouse does. Lines of more than 16 MiB and a \
            last line without a newline are not: they are rejected.
            """)

    @Flag(help: "Also pass every input line on.")
    var tee = false

    @Option(help: ArgumentHelp("Where records wait until they are delivered. (default: under XDG_STATE_HOME)", valueName: "dir"))
    var spool: String?

    @Option(help: ArgumentHelp("What the spool may take, such as 512m.", valueName: "size"))
    var spoolLimit = SizeArgument(argument: "1g")!

    @Option(help: ArgumentHelp("Send a batch when it has so many rows.", valueName: "count"))
    var batchRows = 100_000

    @Option(help: ArgumentHelp("Send a batch when it has so many bytes.", valueName: "size"))
    var batchSize = SizeArgument(argument: "16m")!

    @Option(help: ArgumentHelp("Send a batch at the latest this long after its first row.", valueName: "time"))
    var batchAge = DurationArgument(argument: "1s")!

    @Option(help: ArgumentHelp("Time limit of one request to ClickHouse.", valueName: "time"))
    var timeout = DurationArgument(argument: "60s")!

    @Option(help: ArgumentHelp("How long to try at the end of the input while nothing can be sent; a request under way may still take its --timeout.", valueName: "time"))
    var drain = DurationArgument(argument: "30s")!

    @Option(help: ArgumentHelp("Append rejected lines, with the reason, to this file.", valueName: "file"))
    var deadLetter: String?

    @Flag(help: "Stop at the first line that is rejected, with status 65.")
    var strict = false

    @Flag(help: "Lines begin with partition and offset, as kcat -f '%p %o %s\\n' prints them.")
    var kcat = false

    @Option(help: ArgumentHelp("Serve /metrics and /healthz here.", valueName: "host:port"))
    var metricsListen: String?

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    @OptionGroup var server: ClickHouseOptions

    private static let minSpoolLimit = 1 << 20

    func validate() throws {
        guard (1...1_000_000).contains(batchRows) else { throw ValidationError("--batch-rows: expected 1 to 1000000, found \(batchRows)") }
        guard (1 << 10...256 << 20).contains(batchSize.bytes) else { throw ValidationError("--batch-size: expected 1k to 256m, found \(batchSize)") }
        guard batchAge.microseconds >= 1_000 else { throw ValidationError("--batch-age: expected 1ms or more, found \(batchAge)") }
        guard timeout.microseconds >= 1_000 else { throw ValidationError("--timeout: expected 1ms or more, found \(timeout)") }
        guard spoolLimit.bytes >= Self.minSpoolLimit else { throw ValidationError("--spool-limit: expected at least 1m, found \(spoolLimit)") }
    }

    func run() throws {
        var run = try LoadRun.start(self, diagnostics: Diagnostics(tool: "k2-load"))
        try run.run()
    }
}
