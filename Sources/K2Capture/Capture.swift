import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

/// Turns the messages and pages of one exchange into `raw` records, and keeps account of the ids of every
/// symbol. Pure: bytes and receive times in, bytes out.
///
/// A message all of whose trades came before is left out; everything else is written, also what cannot be
/// understood. Nothing is allocated for a message of known symbols.
public struct Capture: ~Copyable {
    public let feed: any ExchangeFeed
    public var exchange: Exchange { feed.exchange }
    public private(set) var series: [SymbolSeries] = []
    public private(set) var counts = CaptureCounts()

    private let adapter: any ExchangeAdapter
    private var catalog: InstrumentCatalog
    /// Spellings of messages, and the series each means.
    private var spellings = ByteTable()
    private var meanings: [Int32] = []
    private var document = JSONDocument()
    private var nodes: [Int32] = []
    private var batch = WireBatch()
    private var found: [FoundTrade] = []
    private var page = ByteWriter(capacity: 1 << 12)
    private var gapLine = ByteWriter(capacity: 512)

    /// A trade of the current message.
    private struct FoundTrade {
        var series: Int32
        var id: UInt64
        var time: Timestamp
    }

    public init(feed: any ExchangeFeed, catalog: consuming InstrumentCatalog) {
        self.feed = feed
        self.catalog = catalog
        adapter = ExchangeRegistry.adapter(for: feed.exchange)
    }

    // MARK: Symbols

    /// Adds a series under its stream name, its REST name and `spellings`.
    public mutating func add(_ added: SymbolSeries, spellings: [String]) {
        let index = series.count
        series.append(added)
        for spelling in [added.name, added.restName] + spellings { name(Array(spelling.utf8).span, index) }
    }

    /// Adds the series of a symbol that the exchange does not list any more, which goes on where an earlier run stopped.
    public mutating func addUnlisted(resuming state: CaptureState.Symbol) {
        let name = Array(state.name.utf8)
        let symbol = catalog.find(name.span, on: exchange).map { catalog.instruments[$0].symbol }
        add(SymbolSeries(name: state.name, symbol: symbol ?? state.name, restName: state.name, resuming: state), spellings: [])
    }

    private mutating func name(_ spelling: Span<UInt8>, _ index: Int) {
        let known = spellings.insert(spelling)
        if known == meanings.count { meanings.append(Int32(index)) } else { meanings[known] = Int32(index) }
    }

    /// The series of a stream name, or nil.
    public func find(_ name: String) -> Int? {
        let bytes = Array(name.utf8)
        return spellings.find(bytes.span).map { Int(meanings[$0]) }
    }

    /// The series that a message means; one is made for a symbol that nobody asked for: its trades count as well.
    private mutating func find(_ spelling: Span<UInt8>) -> Int? {
        if let known = spellings.find(spelling) { return Int(meanings[known]) }
        guard series.count < Self.maxSeries, let instrument = catalog.find(spelling, on: exchange) else { return nil }
        let name = spelling.text
        add(SymbolSeries(name: name, symbol: catalog.instruments[instrument].symbol, restName: name), spellings: [])
        return series.count - 1
    }

    private static let maxSeries = 20_000

    /// Changes one series.
    public mutating func settle(_ index: Int, _ range: ClosedRange<UInt64>, as state: GapState, cause: String) {
        series[index].settle(range, as: state, cause: cause)
    }

    mutating func noteMissed(_ index: Int, at time: Timestamp) { series[index].noteMissed(at: time) }

    public mutating func noteLook(_ index: Int, at time: Timestamp) { series[index].noteLook(at: time) }

    // MARK: Messages

    /// Takes a message of a stream; appends its record, if it has something new, to `output`.
    public mutating func message(
        _ text: Span<UInt8>, from connection: Span<UInt8>, sequence: UInt64, at receivedAt: Timestamp, into output: inout ByteWriter
    ) -> CapturedMessage {
        counts.messages += 1
        batch.removeAll()
        do throws(JSONError) { try document.parse(text) } catch {
            return garbage(text, connection, sequence, receivedAt, into: &output)
        }
        let number = feed.messageNumber(document, text)
        var read = WireMessage.unknown(.empty)
        var isUnreadable = false
        do throws(WireError) {
            read = try adapter.read(0, request: .empty, document: document, text: text, into: &batch)
        } catch { isUnreadable = true }
        guard !isUnreadable, case .trades = read else {
            if isUnreadable { counts.unreadable += 1 }
            write(text, .stream, connection, sequence, receivedAt, into: &output)
            return CapturedMessage(content: .reply(feed.reply(document, text)), number: number)
        }
        let noted = note(text, receivedAt, isStream: true)
        let isSnapshot = batch.trades.first?.isSnapshot ?? false
        if noted.isWorthKeeping(batch) {
            write(text, isSnapshot ? .snapshot : .stream, connection, sequence, receivedAt, into: &output)
        }
        return CapturedMessage(
            content: .trades(new: noted.new, old: noted.old, newest: isSnapshot ? nil : newestTrade), number: number)
    }

    /// Messages hold their trades in either order.
    private var newestTrade: CapturedMessage.Newest? {
        var newest: CapturedMessage.Newest?
        for trade in found where newest == nil || trade.time > newest!.time {
            newest = CapturedMessage.Newest(series: Int(trade.series), time: trade.time)
        }
        return newest
    }

    private func write(
        _ text: Span<UInt8>, _ origin: Origin, _ connection: Span<UInt8>, _ sequence: UInt64, _ receivedAt: Timestamp,
        into output: inout ByteWriter
    ) {
        RawRecordWriter.begin(exchange, origin, at: receivedAt, connection: connection, sequence: sequence, to: &output)
        RawRecordWriter.appendMessage(text, to: &output)
        output.append("}\n")
    }

    /// What is no JSON is kept as a JSON string.
    private mutating func garbage(
        _ text: Span<UInt8>, _ connection: Span<UInt8>, _ sequence: UInt64, _ receivedAt: Timestamp, into output: inout ByteWriter
    ) -> CapturedMessage {
        counts.unreadable += 1
        RawRecordWriter.begin(exchange, .stream, at: receivedAt, connection: connection, sequence: sequence, to: &output)
        output.appendJSONString(text.text)
        output.append("}\n")
        return CapturedMessage(content: .garbage, number: nil)
    }

    /// What the trades of a message or page were.
    private struct Noted {
        var new = 0
        var old = 0
        /// Trades without an id or of a symbol that is no instrument.
        var untracked = 0

        func isWorthKeeping(_ batch: borrowing WireBatch) -> Bool {
            new > 0 || untracked > 0 || !batch.refused.isEmpty || batch.trades.isEmpty
        }
    }

    /// Enters the trades of the batch into their series, by rising id: a message may hold them newest first.
    private mutating func note(_ text: Span<UInt8>, _ receivedAt: Timestamp, isStream: Bool) -> Noted {
        var noted = Noted()
        counts.unreadable += UInt64(batch.refused.count)
        collect(text, &noted)
        var last: Int32 = -1
        for trade in found {
            let index = Int(trade.series)
            if isStream, trade.series != last { series[index].noteStream(at: receivedAt) }
            last = trade.series
            let isNew = series[index].observe(
                trade.id, time: trade.time, receivedAt: receivedAt, cause: isStream ? "stream" : "history")
            if isNew { noted.new += 1 } else { noted.old += 1 }
            if isNew, isStream { series[index].counts.trades += 1 } else if isNew { series[index].counts.backfilled += 1 }
        }
        if isStream { counts.trades += UInt64(noted.new) } else { counts.backfilled += UInt64(noted.new) }
        counts.duplicates += UInt64(noted.old)
        return noted
    }

    private mutating func collect(_ text: Span<UInt8>, _ noted: inout Noted) {
        found.removeAll(keepingCapacity: true)
        var isSorted = true
        for index in batch.trades.indices {
            let trade = batch.trades[index]
            guard let id = trade.id, let place = find(text.part(trade.symbol)) else {
                noted.untracked += 1
                continue
            }
            if let last = found.last, (last.series, last.id) > (Int32(place), id) { isSorted = false }
            found.append(FoundTrade(series: Int32(place), id: id, time: trade.timestamp))
        }
        if !isSorted { found.sort { ($0.series, $0.id) < ($1.series, $1.id) } }
    }

    // MARK: Pages

    /// Takes the answer to a REST request; appends its record, if it has something new, to `output`.
    public mutating func page(
        _ body: Span<UInt8>, status: Int, request: RESTRequest, at receivedAt: Timestamp, into output: inout ByteWriter
    ) -> CapturedPage {
        counts.pages += 1
        batch.removeAll()
        guard status == 200, body.count > 0 else { return .refused(refusal(status, body)) }
        var line = ByteWriter(capacity: 0)
        swap(&line, &page)
        defer { swap(&line, &page) }
        line.removeAll()
        RawRecordWriter.beginPage(exchange, at: receivedAt, request: request.target, to: &line)
        RawRecordWriter.appendMessage(body, to: &line)
        line.append("}")
        return readPage(line.bytes, body, status, receivedAt, into: &output)
    }

    private mutating func readPage(
        _ line: Span<UInt8>, _ body: Span<UInt8>, _ status: Int, _ receivedAt: Timestamp, into output: inout ByteWriter
    ) -> CapturedPage {
        var cursor: UInt64?
        do {
            try document.parse(line)
            let envelope = try RawLine(document, text: line, nodes: &nodes)
            let read = try adapter.read(envelope.message, request: envelope.request, document: document, text: line, into: &batch)
            guard case .trades = read else { return .refused(refusal(status, body)) }
            cursor = feed.cursor(envelope.message, document, line)
        } catch {
            counts.unreadable += 1
            return .refused(.unavailable("an answer that is no page of trades"))
        }
        let noted = note(line, receivedAt, isStream: false)
        if noted.new > 0 {
            output.append(line)
            output.append(0x0a)
        }
        let ids = found.map(\.id)
        let newest = found.last.map { RefillAnchor(id: $0.id, time: $0.time) }
        return .page(
            RefillPage(ids: ids, rows: batch.trades.count + batch.refused.count, cursor: cursor), new: noted.new, newest: newest)
    }

    private func refusal(_ status: Int, _ body: Span<UInt8>) -> RESTRefusal {
        let bytes = body.withUnsafeBufferPointer { Array($0.prefix(1 << 16)) }
        return feed.refusal(status: status, body: try? JSONValue(parsing: bytes))
    }

    // MARK: Gaps

    /// Writes what there is to say about holes that were seen before `time`, as `gap` records.
    /// - Returns: the reports that were written.
    @discardableResult
    public mutating func report(seenBefore time: Timestamp, at now: Timestamp, into output: inout ByteWriter) -> [(series: Int, report: HoleReport)] {
        var written: [(Int, HoleReport)] = []
        for index in series.indices where series[index].hasReports {
            for report in series[index].report(seenBefore: time) {
                write(report, of: series[index].symbol, at: now, into: &output)
                counts.count(report)
                series[index].counts.gaps[Int(report.state.rawValue)] += 1
                written.append((index, report))
            }
        }
        return written
    }

    private func write(_ report: HoleReport, of symbol: String, at now: Timestamp, into output: inout ByteWriter) {
        GapLine(
            exchange: exchange, symbol: symbol, firstMissing: report.hole.first, lastMissing: report.hole.last,
            afterTime: report.hole.afterTime, beforeTime: report.hole.beforeTime, state: report.state, cause: report.cause,
            detectedAt: report.state == .open ? report.hole.detectedAt : now
        ).write(to: &output)
        output.append(0x0a)
    }

    /// Notes that records were dropped before they were delivered: these ids are lost after all.
    public mutating func writeLost(
        _ symbol: String, _ range: ClosedRange<UInt64>, cause: String, at now: Timestamp, into output: inout ByteWriter
    ) {
        let hole = Hole(
            first: range.lowerBound, last: range.upperBound, afterTime: nil, beforeTime: nil, detectedAt: now, cause: cause)
        write(HoleReport(hole: hole, state: .lost), of: symbol, at: now, into: &output)
        counts.count(HoleReport(hole: hole, state: .lost))
    }
}

/// What a message was.
public struct CapturedMessage: Sendable {
    public enum Content: Sendable {
        /// Trades: how many were new, and the newest, unless they are history.
        case trades(new: Int, old: Int, newest: Newest?)
        case reply(FeedReply)
        case garbage
    }
    /// The series of a trade, and the exchange's time of it.
    public struct Newest: Sendable, Equatable {
        public var series: Int
        public var time: Timestamp
    }

    public var content: Content
    /// The exchange's count of messages on this connection.
    public var number: UInt64?
}

/// What the answer to a REST request was.
public enum CapturedPage: Sendable {
    /// A page of trades; `newest` is its newest trade.
    case page(RefillPage, new: Int, newest: RefillAnchor?)
    case refused(RESTRefusal)
}

/// Totals since the start.
public struct CaptureCounts: Sendable, Equatable {
    public var messages: UInt64 = 0
    /// REST answers.
    public var pages: UInt64 = 0
    /// Trades that were new, by the stream, and by REST.
    public var trades: UInt64 = 0
    public var backfilled: UInt64 = 0
    public var duplicates: UInt64 = 0
    /// Messages and trades that could not be read.
    public var unreadable: UInt64 = 0
    /// Gap records by state: `open`, `filled`, `empty`, `lost`.
    public var gaps: [UInt64] = [0, 0, 0, 0]
    /// Ids in gap records of state `lost`.
    public var lostIDs: UInt64 = 0

    mutating func count(_ report: HoleReport) {
        gaps[Int(report.state.rawValue)] += 1
        if report.state == .lost { lostIDs += report.hole.last - report.hole.first + 1 }
    }
}
