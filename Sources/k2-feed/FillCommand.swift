import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2NDJSON

/// `k2-feed fill`: missing trades from the exchange's history.
struct FillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill",
        abstract: "Fetches missing trades from the history of an exchange.",
        discussion: """
            EXAMPLES:
              k2-feed fill binance --symbol BTCUSDT --from-id 388511 --to-id 388599 | k2-normalize
              k2-feed fill kraken --symbol BTC/USD --from-id 100 --to-id 200 --after 2026-02-18T00:00:00Z
              grep '"kind":"gap"' feed.ndjson > gaps.ndjson; k2-feed fill coinbase --ledger gaps.ndjson

            Prints raw records of origin rest, and a gap record for what became of each range: filled, empty (the
            exchange proved that there was nothing) or lost. Of a ledger, the gaps of this exchange whose last record
            says open are asked for. Kraken's history is ordered by time: without a ledger it needs --after, a time
            before the first missing trade.

            Exit status 3 when something is lost.
            """)

    @Argument(help: ArgumentHelp("binance, kraken or coinbase.", valueName: "exchange"))
    var exchange: ExchangeArgument

    @Option(help: ArgumentHelp("The symbol, in any of its spellings.", valueName: "symbol"))
    var symbol: String?

    @Option(help: ArgumentHelp("First missing trade id.", valueName: "id"))
    var fromId: UInt64?

    @Option(help: ArgumentHelp("Last missing trade id.", valueName: "id"))
    var toId: UInt64?

    @Option(help: ArgumentHelp("A time before the first missing trade, RFC 3339.", valueName: "time"))
    var after: String?

    @Option(help: ArgumentHelp("Gap records, NDJSON; other records are skipped. - for stdin.", valueName: "file"))
    var ledger: String?

    @Option(help: ArgumentHelp("REST address, without a path. (default: the exchange's)", valueName: "url"))
    var restEndpoint: String?

    @Option(help: ArgumentHelp("Least time between REST requests. (default: as the exchange allows)", valueName: "time"))
    var restInterval: DurationArgument?

    @Option(help: ArgumentHelp("How long the exchange's history may lag behind before trades count as lost.", valueName: "time"))
    var refillPatience = DurationArgument(argument: "1m")!

    func run() throws {
        let feed = ExchangeRegistry.feed(for: exchange.exchange)
        let base = try LivePlan.restBase(restEndpoint, feed)
        let wanted = try FillPlan.wanted(self)
        var options = HTTPOptions()
        options.userAgent = "k2-feed/\(ToolMain.version)"
        options.totalTimeout = 30_000
        let client = HTTPClient(options: options)
        let catalog = InstrumentCatalog.bundled()
        let list = try InstrumentList.fetchOrKnown(feed, base: base, client, catalog, Diagnostics(tool: "k2-feed"))
        var capture = Capture(feed: feed, catalog: catalog)
        try FillPlan.add(wanted, to: &capture, list)
        var run = FillRun(self, feed: feed, base: base, client: client)
        try run.run(&capture)
        if capture.counts.lostIDs > 0 {
            throw ToolFailure(.different, "\(feed.exchange.rawValue): \(capture.counts.lostIDs) ids are lost: the exchange does not have them")
        }
    }
}

/// What `fill` is to ask for.
enum FillPlan {
    /// Ranges by symbol.
    static func wanted(_ command: FillCommand) throws -> [(symbol: String, hole: Hole)] {
        if let ledger = command.ledger {
            guard command.symbol == nil, command.fromId == nil, command.toId == nil else {
                throw ToolFailure(.usage, "--ledger: expected neither --symbol nor ids beside it")
            }
            return try openGaps(ledger, command.exchange.exchange)
        }
        guard let symbol = command.symbol, let first = command.fromId, let last = command.toId else {
            throw ToolFailure(.usage, "expected --symbol, --from-id and --to-id, or --ledger", hint: "k2-feed fill --help")
        }
        guard first <= last, last < UInt64(Int64.max) - 1 else {
            throw ToolFailure(.usage, "--to-id: expected an id not below \(first), found \(last)")
        }
        var time: Timestamp?
        if let after = command.after {
            guard let read = Timestamp(after) else {
                throw ToolFailure(.usage, "--after: expected a time such as 2026-02-18T00:00:00Z, found \"\(after)\"")
            }
            time = read
        } else if command.exchange.exchange == .kraken {
            throw ToolFailure(.usage, "--after: expected a time before trade \(first): Kraken's history is ordered by time")
        }
        return [(symbol, hole(first, last, time))]
    }

    private static func hole(_ first: UInt64, _ last: UInt64, _ after: Timestamp?, _ before: Timestamp? = nil) -> Hole {
        Hole(first: first, last: last, afterTime: after, beforeTime: before, detectedAt: WallClock.now(), cause: "fill", isAnnounced: true)
    }

    /// The gaps of a ledger whose last record says that they are open, ascending.
    private static func openGaps(_ path: String, _ exchange: Exchange) throws -> [(symbol: String, hole: Hole)] {
        var gaps = OpenGaps(exchange: exchange)
        var lines = RecordingLines(try RecordingInput(path: path, stopDescriptor: Shutdown.descriptor))
        var unused = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        while try lines.next(flushing: &unused) == .line {
            do throws(RecordError) { try gaps.read(lines.line) } catch {
                throw ToolFailure(.badInput, "\(lines.name):\(lines.number): \(error)")
            }
        }
        return gaps.open.map { ($0.symbol, hole($0.first, $0.last, $0.after, $0.before)) }
    }

    /// One series for each symbol, its holes announced.
    static func add(_ wanted: [(symbol: String, hole: Hole)], to capture: inout Capture, _ list: InstrumentList) throws {
        var holes: [(instrument: ListedInstrument, holes: [Hole])] = []
        for (symbol, hole) in wanted {
            let instrument = try list.find([symbol], on: capture.exchange)[0]
            if let index = holes.firstIndex(where: { $0.instrument.streamName == instrument.streamName }) {
                holes[index].holes.append(hole)
            } else {
                holes.append((instrument, [hole]))
            }
        }
        for (instrument, parts) in holes {
            let sorted = parts.sorted { $0.first < $1.first }
            let end = RefillAnchor(id: sorted[sorted.count - 1].last + 1, time: sorted[sorted.count - 1].beforeTime ?? WallClock.now())
            let known = CaptureState.Symbol(name: instrument.streamName, newest: end, holes: sorted)
            let name = instrument.base + instrument.quote
            capture.add(
                SymbolSeries(name: instrument.streamName, symbol: name, restName: instrument.restName, resuming: known),
                spellings: instrument.spellings)
        }
    }
}

/// Reads gap records and keeps those that are open: later records settle earlier ones, also in parts.
struct OpenGaps {
    struct Gap {
        var symbol: String
        var first: UInt64
        var last: UInt64
        var after: Timestamp?
        var before: Timestamp?
    }

    private let exchange: Exchange
    private var document = NodesOfLine()
    private(set) var open: [Gap] = []

    init(exchange: Exchange) { self.exchange = exchange }

    mutating func read(_ line: Span<UInt8>) throws(RecordError) {
        guard let gap = try document.gap(line), gap.exchange == exchange else { return }
        // What was said about these ids before counts no more.
        open = open.flatMap { $0.symbol == gap.symbol ? Self.parts(of: $0, without: gap.firstMissing...gap.lastMissing) : [$0] }
        guard gap.state == .open else { return }
        open.append(Gap(symbol: gap.symbol, first: gap.firstMissing, last: gap.lastMissing, after: gap.afterTime, before: gap.beforeTime))
        open.sort { ($0.symbol, $0.first) < ($1.symbol, $1.first) }
    }

    private static func parts(of gap: Gap, without range: ClosedRange<UInt64>) -> [Gap] {
        var settled = SequenceSet()
        settled.insert(contentsOf: range)
        return settled.absent(from: gap.first...gap.last).map {
            var part = gap
            part.first = $0.lowerBound
            part.last = $0.upperBound
            return part
        }
    }
}
