import K2Bytes
import K2Domain
import K2JSON

/// Kraken Spot, WebSocket v2, channel `trade` with its snapshot of the last 50 trades.
///
/// Source: docs.kraken.com, Spot WebSocket v2 and REST (seen October 2026). One answer for each symbol; a
/// heartbeat a second while nothing else is sent; about 150 connections in 10 minutes from an address; the
/// public REST limit is not published, one request a second is safe.
public struct KrakenFeed: ExchangeFeed {
    public let exchange = Exchange.kraken
    public let endpoints = FeedEndpoints(
        stream: "wss://ws.kraken.com", streamTarget: "/v2", rest: "https://api.kraken.com")
    public let limits = FeedLimits(
        symbolsPerConnection: 200, symbolsPerRequest: 50, messageInterval: 100_000, attempts: 100,
        attemptWindow: 600_000_000, retryDelay: 1_000_000...60_000_000, acknowledgeWithin: 10_000_000,
        silence: 10_000_000, maxAge: nil, requestBurst: 3, requestInterval: 1_000_000)

    public init() {}

    public func subscribe(_ symbols: [String], id: Int) -> [FeedRequest] { requests("subscribe", symbols, id) }
    public func unsubscribe(_ symbols: [String], id: Int) -> [FeedRequest] { requests("unsubscribe", symbols, id) }

    private func requests(_ method: String, _ symbols: [String], _ id: Int) -> [FeedRequest] {
        symbols.chunked(limits.symbolsPerRequest).enumerated().map { index, chunk in
            var params: JSONObject = JSONObject()
            params["channel"] = "trade"
            params["symbol"] = .array(chunk.map { .string($0) })
            if method == "subscribe" { params["snapshot"] = true }
            let message: JSONValue = ["method": .string(method), "params": .object(params), "req_id": .integer(id + index)]
            return FeedRequest(message.text, id: id + index, symbols: chunk, unsubscribes: method.hasPrefix("un"))
        }
    }

    public func ping(id: Int) -> FeedRequest? { FeedRequest(#"{"method":"ping","req_id":\#(id)}"#, id: id) }

    /// `{"channel":"heartbeat"}`, `{"channel":"status",…}`, `{"method":"subscribe","success":true,…}`.
    public func reply(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> FeedReply {
        guard document.kind(0) == .object else { return .other }
        switch ReplyField.text(0, "channel", document, text) {
        case "heartbeat": return .heartbeat
        case "status": return .status(system(document, text) ?? "unknown")
        case .some: return .other
        case nil: break
        }
        let id = ReplyField.integer(0, "req_id", document, text)
        guard let method = ReplyField.text(0, "method", document, text) else {
            return ReplyField.text(0, "error", document, text).map { .refused(id: id, symbol: nil, reason: $0) } ?? .other
        }
        if method == "pong" { return .heartbeat }
        guard method == "subscribe" || method == "unsubscribe" else { return .other }
        if let success = document.member(0, named: "success", in: text), document.kind(success) == .false {
            return .refused(
                id: id, symbol: ReplyField.text(0, "symbol", document, text),
                reason: ReplyField.text(0, "error", document, text) ?? "refused")
        }
        let result = document.member(0, named: "result", in: text)
        return .acknowledged(id: id, symbol: result.flatMap { ReplyField.text($0, "symbol", document, text) })
    }

    private func system(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> String? {
        guard let data = document.member(0, named: "data", in: text), document.kind(data) == .array, document.next(data) > data + 1
        else { return nil }
        return ReplyField.text(data + 1, "system", document, text)
    }

    public let instrumentList = RESTRequest("/0/public/AssetPairs")

    /// `{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD","status":"online",…},…}}`.
    /// Dark pools have no `wsname` and are left out.
    public func readInstruments(_ body: JSONValue) throws(InstrumentListError) -> [ListedInstrument] {
        guard let pairs = body["result"]?.objectValue else {
            throw InstrumentListError("AssetPairs: expected result, found \(body["error"]?.text ?? "none")")
        }
        return pairs.members.compactMap { member in
            guard let name = member.value["wsname"]?.stringValue, let slash = name.firstIndex(of: "/") else { return nil }
            let base = KrakenAdapter.plain(String(name[..<slash]))
            let quote = KrakenAdapter.plain(String(name[name.index(after: slash)...]))
            let altname = member.value["altname"]?.stringValue ?? member.key
            let stream = base + "/" + quote
            var spellings = [stream]
            for spelling in [name, member.key, altname] where !spellings.contains(spelling) { spellings.append(spelling) }
            return ListedInstrument(
                base: base, quote: quote, streamName: stream, restName: altname, spellings: spellings,
                isTrading: member.value["status"]?.stringValue ?? "online" != "delisted")
        }
    }

    public func newestTrades(_ symbol: String) -> RESTRequest {
        RESTRequest("/0/public/Trades?pair=\(symbol)&count=\(KrakenPager.pageSize)")
    }

    public func refill(_ hole: RefillHole) -> any RefillPager { KrakenPager(hole) }

    /// `last`, the time of the last row in ns, a string.
    public func cursor(_ node: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> UInt64? {
        guard document.kind(node) == .object, let result = document.member(node, named: "result", in: text),
            document.kind(result) == .object, let last = document.member(result, named: "last", in: text)
        else { return nil }
        return WireReader.unsigned(text.part(document.range(last)))
    }

    /// Errors come with status 200: `{"error":["EAPI:Rate limit exceeded"]}`.
    public func refusal(status: Int, body: JSONValue?) -> RESTRefusal {
        if status == 429 || status == 418 || status == 403 { return .tooMany }
        guard let message = body?["error"]?.arrayValue?.first?.stringValue else {
            return RESTRefusal.isFinal(status) ? .never("HTTP \(status)") : .unavailable("HTTP \(status)")
        }
        if message.contains("Rate limit") || message.contains("Throttled") || message.contains("Too many") { return .tooMany }
        return message.hasPrefix("EQuery") || message.hasPrefix("EGeneral:Invalid") ? .never(message) : .unavailable(message)
    }
}

/// `Trades` upwards by time, in ns, judged by id. A page starts one nanosecond before the last row of the one
/// before, since rows may share an instant.
struct KrakenPager: RefillPager {
    static let pageSize = 1_000
    private let hole: RefillHole
    private var limit: Int
    private var since: UInt64
    private var isDone = false

    /// The trade before the hole is asked for as well: REST rounds times to 100 ns.
    private static let margin: Int64 = 1

    init(_ hole: RefillHole) {
        self.hole = hole
        // Several trades may share the instant before the hole.
        limit = hole.pageSize(margin: 20, atMost: Self.pageSize)
        let micros = (hole.afterTime?.microseconds ?? 0) - Self.margin
        // ns end in 2262; a later time is nobody's, and `since` beyond it would not be understood.
        since = UInt64(min(max(micros, 0), Int64.max / 1_000)) * 1_000
    }

    var next: RESTRequest? {
        isDone ? nil : RESTRequest("/0/public/Trades?pair=\(hole.symbol)&since=\(since)&count=\(limit)")
    }

    mutating func advance(_ page: RefillPage) {
        guard let highest = page.ids.last, highest <= hole.last, page.rows >= limit, let cursor = page.cursor, cursor > 0, cursor >= since
        else {
            isDone = true
            return
        }
        if cursor > since + 1 {
            since = cursor - 1
        } else if limit < Self.pageSize {
            // A short page is full of one instant.
            limit = Self.pageSize
        } else {
            // More rows in one instant than a page holds cannot be had; those after it can.
            since += 1
        }
    }
}
