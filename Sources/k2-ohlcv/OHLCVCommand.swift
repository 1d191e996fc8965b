import ArgumentParser
import K2CLI
import K2Domain

@main
struct OHLCVCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "k2-ohlcv",
        abstract: "Fold trades into candles of several intervals at once.",
        discussion: """
            EXAMPLES
              k2-feed replay day.ndjson.gz | k2-normalize | k2-ohlcv > candles.ndjson
              … | k2-ohlcv --tee --state ohlcv.state | k2-offload run --from -

            Reads trade and gap records on stdin, writes candle records on stdout; other kinds are skipped. \
            Windows are half-open, in UTC, by the time of the exchange. A window is final when the newest trade of \
            its symbol is the lateness behind its end; a trade that comes later still re-issues the candle with \
            the next revision, as long as the window is held (--keep).

            EXIT STATUS
              0 done; 1 failed; 64 wrong usage; 65 input was rejected and no --dead-letter file kept it, or \
            --strict; 130, 143 stopped by a signal after flushing and saving the state.
            """,
        version: ToolMain.version)

    @Option(help: ArgumentHelp("Comma-separated intervals out of 1m,5m,15m,30m,1h,1d.", valueName: "list"))
    var intervals = "1m,5m,15m,30m,1h,1d"

    @Option(help: ArgumentHelp("How long a window stays open after its end, in event time.", valueName: "duration"))
    var lateness = DurationArgument(argument: "10s")!

    @Option(help: ArgumentHelp("How long a final window is held for late trades, in event time.", valueName: "duration"))
    var keep = DurationArgument(argument: "2h")!

    @Flag(help: "Also print running candles, with is_final false, after each trade.")
    var updates = false

    @Flag(help: "Also pass every input line on. It comes before the candles that it causes.")
    var tee = false

    @Option(help: ArgumentHelp("Resume from this file, and save to it.", valueName: "file"))
    var state: String?

    @Option(name: .customLong("state-interval"), help: ArgumentHelp("How often the state is saved.", valueName: "duration"))
    var stateInterval = DurationArgument(argument: "10s")!

    @Flag(
        name: .customLong("close-at-end"), inversion: .prefixedNo,
        help: "Make open windows final at the end of input. Without a flag: yes, unless --state is given.")
    var closeAtEnd: Bool?

    @Option(name: .customLong("dead-letter"), help: ArgumentHelp("Append rejected lines, with the reason, to this file.", valueName: "file"))
    var deadLetter: String?

    @Flag(help: "Stop at the first line that is rejected, with status 65.")
    var strict = false

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    func validate() throws {
        _ = try Self.parse(intervals)
    }

    static func parse(_ text: String) throws -> [CandleInterval] {
        var list: [CandleInterval] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let interval = CandleInterval(rawValue: String(name)) else {
                throw ValidationError("--intervals: \"\(name)\" is not an interval: expected 1m, 5m, 15m, 30m, 1h or 1d")
            }
            if !list.contains(interval) { list.append(interval) }
        }
        return list
    }

    func run() throws {
        var run = try OHLCVRun(plan: try OHLCVPlan(self), diagnostics: Diagnostics(tool: "k2-ohlcv"))
        try run.run()
    }

    static func main() { ToolMain.run(OHLCVCommand.self, name: "k2-ohlcv") }
}

/// What the flags ask for. Durations are microseconds: of event time, `stateInterval` of the clock.
struct OHLCVPlan {
    var intervals: [CandleInterval]
    var lateness: Int64
    var keep: Int64
    var emitsUpdates: Bool
    var tee: Bool
    var statePath: String?
    var stateInterval: Int64
    var closesAtEnd: Bool
    var deadLetterPath: String?
    var isStrict: Bool
    var printsStats: Bool

    init(_ command: OHLCVCommand) throws {
        intervals = try OHLCVCommand.parse(command.intervals)
        lateness = command.lateness.microseconds
        keep = command.keep.microseconds
        emitsUpdates = command.updates
        tee = command.tee
        statePath = command.state
        stateInterval = command.stateInterval.microseconds
        closesAtEnd = command.closeAtEnd ?? (command.state == nil)
        deadLetterPath = command.deadLetter
        isStrict = command.strict
        printsStats = command.stats
    }
}
