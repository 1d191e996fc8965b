import ArgumentParser
import K2CLI
import K2Connections
import K2Domain
import K2Lake

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Bring what is new into the lake: from ClickHouse, or from standard input.",
        discussion: """
            EXAMPLES
              k2-offload run
              k2-offload run --tables silver_trades,gold_ohlcv_1m --jobs 1
              … | k2-ohlcv --tee | k2-offload run --from -

            From ClickHouse, rows are taken by the time at which ClickHouse got them, up to --safety-lag ago, so that late trades go \
            cold as well; what came later than that is found by --lookback. Rows that stand twice become one. Each table has a watermark in \
            the state store, which moves in the same transaction that closes a batch. Of candles only final ones are taken; a later \
            revision replaces the earlier row. A table that fails is tried again, and does not stop the others.

            From standard input, rows are committed in batches; SIGTERM commits what was read. Rows that the lake has already are left out in \
            both ways: the same rows twice add nothing. After a kill, the next run settles what was left.
            """)

    @Option(help: ArgumentHelp("Where rows come from: clickhouse, or - for records on standard input.", valueName: "source"))
    var from = "clickhouse"

    @OptionGroup var selection: TableSelection

    @OptionGroup(title: "From ClickHouse") var cycle: CycleOptions

    @Option(name: .customLong("safety-lag"), help: ArgumentHelp("Leave rows to the next run that came so short a time ago.", valueName: "time"))
    var safetyLag = DurationArgument(argument: "60s")!

    @Option(help: ArgumentHelp("Look for late rows so far before the watermark.", valueName: "time"))
    var lookback = DurationArgument(argument: "15m")!

    @Option(name: .customLong("metrics-file"), help: ArgumentHelp("Write metrics to this file at the end.", valueName: "file"))
    var metricsFile: String?

    @OptionGroup(title: "From standard input") var stream: StreamOptions

    @OptionGroup(title: "Servers") var clickHouse: ClickHouseOptions

    @OptionGroup(title: "The lake") var lake: LakeOptions

    func validate() throws {
        guard from == "-" || from == "clickhouse" else { throw ValidationError("--from: expected clickhouse or -, found \"\(from)\"") }
    }

    func run() throws {
        let diagnostics = Diagnostics(tool: "k2-offload")
        if from == "-" {
            var run = try StreamRun(stream, lake, only: selection.names, diagnostics: diagnostics)
            return try run.run()
        }
        var options = cycle.options(tables: selection.count)
        options.offload.safetyLag = safetyLag.microseconds
        options.offload.lookback = lookback.microseconds
        let offload = options.offload
        let run = CycleRun(try LakePlan(lake), try clickHouse.address(), options, diagnostics) { definition, source, stores, watch in
            try TableOffload(
                definition, from: source, to: stores, options: offload, isStopped: { Shutdown.signalNumber != nil }, progress: watch.progress,
                note: watch.note
            ).run()
        }
        let metrics = try metricsFile.map { path throws(ToolFailure) in try OffloadMetrics(path: path) }
        let (started, begun) = (WallClock.now(), MonotonicClock.now())
        let results = run.run(selection.names)
        try metrics?.write(results, started: started, duration: MonotonicClock.now() - begun)
        try CycleReport.check(results, expected: selection.count)
    }
}

/// Which tables are meant.
struct TableSelection: ParsableArguments {
    @Option(help: ArgumentHelp("Comma-separated tables, such as silver_trades,gold_ohlcv_1m; all if left out.", valueName: "list"))
    var tables: String?

    func validate() throws {
        let known = MarketTables.all.map(\.coldName)
        if names?.isEmpty == true { throw ValidationError("--tables: expected names of tables, found nothing") }
        for name in names ?? [] where !known.contains(name) {
            throw ValidationError("--tables: \"\(name)\" is not a table: expected some of \(known.joined(separator: ", "))")
        }
    }

    var names: Set<String>? { tables.map { Set($0.split(separator: ",").map(String.init)) } }
    var count: Int { names?.count ?? MarketTables.all.count }
}

/// How tables are gone through.
struct CycleOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Tables at a time.", valueName: "count"))
    var jobs = 2

    @Option(help: ArgumentHelp("Try a table so often again.", valueName: "count"))
    var retries = 3

    @Option(name: .customLong("max-rows"), help: ArgumentHelp("Rows of one commit, at most.", valueName: "count"))
    var maxRows = 1_000_000

    @Option(name: .customLong("target-file-size"), help: ArgumentHelp("Begin a new data file at about this size.", valueName: "size"))
    var targetFileSize = SizeArgument(argument: "128m")!

    @Option(help: ArgumentHelp("How long ClickHouse may send nothing.", valueName: "time"))
    var patience = DurationArgument(argument: "5m")!

    func validate() throws {
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs: expected 1 to 64, found \(jobs)") }
        guard (0...1000).contains(retries) else { throw ValidationError("--retries: expected 0 to 1000, found \(retries)") }
        guard (1_000...20_000_000).contains(maxRows) else { throw ValidationError("--max-rows: expected 1000 to 20000000, found \(maxRows)") }
        guard targetFileSize.bytes >= 1 << 20 else { throw ValidationError("--target-file-size: expected 1m or more, found \(targetFileSize)") }
        guard patience.microseconds >= 1_000_000 else { throw ValidationError("--patience: expected 1s or more, found \(patience)") }
    }

    /// Bytes of rows in memory, all tables that are done at a time.
    private static let maxBytes = 96 << 20

    func options(tables: Int) -> CycleRun.Options {
        var options = CycleRun.Options()
        options.jobs = jobs
        options.retries = retries
        options.timeout = Int(patience.microseconds / 1_000)
        options.offload.maxRows = maxRows
        options.offload.maxBytes = Self.maxBytes / min(jobs, tables)
        options.offload.targetFileSize = targetFileSize.bytes
        return options
    }
}

/// How standard input is read.
struct StreamOptions: ParsableArguments {
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

    func validate() throws {
        guard commitRows >= 1 else { throw ValidationError("--commit-rows: expected 1 or more, found \(commitRows)") }
        guard commitInterval.microseconds >= 1_000 else { throw ValidationError("--commit-interval: expected 1ms or more") }
    }
}
