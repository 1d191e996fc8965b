import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2Domain
import K2NDJSON
import K2Simulator

/// `k2-sim record`: flags to a `RecordingPlan`, the recording to stdout.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Prints a made-up recording: raw records in the exact wire format of an exchange.",
        discussion: """
            EXAMPLES:
              k2-sim record binance --trades 1000
              k2-sim record coinbase --trades 5000 --symbols BTC-USD --start now
              k2-sim record kraken --format v1 --trades 200 --seed 7
              k2-sim record binance --format rest --trades 5000 --first-id 1
              k2-sim record kraken --trades 9999 --faults gap,late --truth truth.ndjson

            The same arguments give the same bytes, except with --start now. Prices walk at random from plausible
            starting points; ids are contiguous for each symbol, unless --faults gap leaves some out. Status,
            acknowledgements, snapshots and heartbeats occur as on a real connection.

            FORMATS (the first is the default):
              binance   combined, raw, us (times in µs), rest
              kraken    v2, v1, rest
              coinbase  advanced, exchange, rest (Exchange), rest-advanced

            FAULTS:
              duplicates  one trade in 50 is sent again, up to a minute later
              reorder     one message in 25 changes places with one of the next five
              gap         ids are left out: before one trade in 200 of a symbol, one to five of them
              late        one trade in 64 arrives one second to three minutes late
            """)

    @Argument(help: ArgumentHelp("binance, kraken or coinbase.", valueName: "exchange"))
    var exchange: String

    @Option(help: ArgumentHelp("How many distinct trades to send, 1 to 1000000000.", valueName: "n"))
    var trades: Int

    @Option(help: ArgumentHelp("Which of the possible recordings to make.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Time of the first trade, RFC 3339, or now.", valueName: "time"))
    var start: String = RecordingPlan.defaultStart.description

    @Option(help: ArgumentHelp("Id of each symbol's first trade. (default: plausible for the symbol)", valueName: "n"))
    var firstId: Int64?

    @Option(help: ArgumentHelp("Trades a second of recorded time, over all symbols, 1 to 1000000.", valueName: "n"))
    var rate: Int = RecordingPlan.defaultRate

    @Option(help: ArgumentHelp("Some of duplicates, reorder, gap, late, with commas between.", valueName: "list"))
    var faults: String?

    @Option(help: ArgumentHelp("Only these symbols, with commas between, such as BTC-USD,ETH-USD. (default: all)", valueName: "list"))
    var symbols: String?

    @Option(help: ArgumentHelp("Message format, see above.", valueName: "name"))
    var format: String?

    @Option(help: ArgumentHelp("Also write what is true to FILE: a line for each distinct trade and each hole in the ids.", valueName: "file"))
    var truth: String?

    @Flag(help: "Print a line of counts on stderr at the end.")
    var stats = false

    func run() throws {
        let plan = try plan()
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        var truthFile: TruthFile?
        if let truth { truthFile = try TruthFile(path: truth) }
        var recording = Recording(plan)
        while Shutdown.signalNumber == nil, recording.next() {
            output.buffer.append(recording.records)
            try output.endRecord()
            try truthFile?.write(recording.truth)
        }
        try output.flush()
        try truthFile?.finish()
        if stats { Diagnostics(tool: "k2-sim").report(summary(recording.counts, plan.format)) }
    }

    private func plan() throws -> RecordingPlan {
        do {
            return try RecordingPlan(
                format: try wireFormat(), trades: trades, seed: seed, start: try startTime(), firstID: firstId, rate: rate,
                faults: try faults.map { try Faults(list: $0) } ?? [],
                symbols: symbols?.split(separator: ",").map(String.init), wantsTruth: truth != nil)
        } catch let error as SimulationError {
            throw ToolFailure(.usage, error.description)
        }
    }

    private func wireFormat() throws -> WireFormat {
        guard let known = Exchange(rawValue: exchange) else {
            let choices = Exchange.allCases.map(\.rawValue).joined(separator: ", ")
            throw SimulationError("exchange", "expected one of \(choices), found \"\(exchange)\"")
        }
        let formats = WireFormat.formats(of: known)
        guard let format else { return formats[0] }
        guard let found = formats.first(where: { $0.name == format }) else {
            let choices = formats.map(\.name).joined(separator: ", ")
            throw SimulationError("--format", "expected one of \(choices) for \(known.rawValue), found \"\(format)\"")
        }
        return found
    }

    private func startTime() throws -> Timestamp {
        if start == "now" { return Timestamp(microseconds: SteadyClock().now) }
        guard let time = Timestamp(start) else {
            throw SimulationError("--start", "expected now or a time such as 2026-02-18T00:00:00Z, found \"\(start)\"")
        }
        return time
    }

    private func summary(_ counts: RecordingCounts, _ format: WireFormat) -> String {
        "\(format.exchange.rawValue) \(format.name): \(counts.trades) trades, \(counts.duplicates) sent twice, \(counts.late) late, "
            + "\(counts.reordered) messages out of order, \(counts.holes) holes of \(counts.missing) ids"
    }
}
