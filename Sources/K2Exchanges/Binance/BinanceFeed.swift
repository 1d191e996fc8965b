import K2Bytes
import K2Domain
import K2JSON

/// Binance Spot, stream `<symbol>@trade`.
///
/// Source: binance-spot-api-docs, web-socket-streams.md and rest-api.md (seen July 2026). Combined streams
/// with times in µs; 1024 streams, 5 messages a second and 24 hours a connection; 300 connections in 5
/// minutes from an address; a server ping every 20 s. `historicalTrades` weighs 25 of 6000 a minute.
public struct BinanceFeed: ExchangeFeed {
    public let exchange = Exchange.binance
    public let endpoints = FeedEndpoints(
        stream: "wss://stream.binance.com:9443", streamTarget: "/stream?timeUnit=MICROSECOND", rest: "https://api.binance.com")
    public let limits = FeedLimits(
        symbolsPerConnection: 400, symbolsPerRequest: 100, messageInterval: 350_000, attempts: 200,
        attemptWindow: 300_000_000, retryDelay: 500_000...60_000_000, acknowledgeWithin: 10_000_000,
        silence: 65_000_000, maxAge: 23 * 3_600_000_000, requestBurst: 20, requestInterval: 300_000)

    public init() {}

    /// Times of the history as exact as those of the stream.
    public var restHeaders: [(name: String, value: String)] { [("X-MBX-TIME-UNIT", "MICROSECOND")] }

    public func subscribe(_ symbols: [String], id: Int) -> [FeedRequest] { requests("SUBSCRIBE", symbols, id) }
    public func unsubscribe(_ symbols: [String], id: Int) -> [FeedRequest] { requests("UNSUBSCRIBE", symbols, id) }

    private func requests(_ method: String, _ symbols: [String], _ id: Int) -> [FeedRequest] {
        symbols.chunked(limits.symbolsPerRequest).enumerated().map { index, chunk in
            let streams = JSONValue.array(chunk.map { .string($0.lowercased() + "@trade") })
            let message: JSONValue = ["method": .string(method), "params": streams, "id": .integer(id + index)]
            return FeedRequest(message.text, id: id + index, symbols: chunk, unsubscribes: method.hasPrefix("UN"))
        }
    }

    /// `{"result":null,"id":1}`; errors flat, `{"code":2,"msg":"…"}`, or nested, `{"error":{…},"id":2}`.
    public func reply(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> FeedReply {
        guard document.kind(0) == .object else { return .other }
        let id = ReplyField.integer(0, "id", document, text)
        if let error = document.member(0, named: "error", in: text), document.kind(error) == .object {
            return .refused(id: id, symbol: nil, reason: ReplyField.text(error, "msg", document, text) ?? "error")
        }
        if document.member(0, named: "code", in: text) != nil {
            return .refused(id: id, symbol: nil, reason: ReplyField.text(0, "msg", document, text) ?? "error")
        }
        if document.member(0, named: "result", in: text) != nil { return .acknowledged(id: id, symbol: nil) }
        if ReplyField.text(0, "e", document, text) == "serverShutdown" { return .shutdown }
        return ReplyField.text(0, "stream", document, text) == "!serverShutdown" ? .shutdown : .other
    }

    public let instrumentList = RESTRequest("/api/v3/exchangeInfo")

    /// `{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",…},…]}`
    public func readInstruments(_ body: JSONValue) throws(InstrumentListError) -> [ListedInstrument] {
        guard let symbols = body["symbols"]?.arrayValue else {
            throw InstrumentListError("exchangeInfo: expected symbols, found none")
        }
        return symbols.compactMap { entry in
            guard let name = entry["symbol"]?.stringValue, let base = entry["baseAsset"]?.stringValue,
                let quote = entry["quoteAsset"]?.stringValue
            else { return nil }
            // Data flow in HALT and CANCEL_ONLY too; only BREAK is silent.
            let status = entry["status"]?.stringValue ?? "TRADING"
            return ListedInstrument(
                base: base, quote: quote, streamName: name, restName: name, spellings: [name], isTrading: status != "BREAK")
        }
    }

    public func newestTrades(_ symbol: String) -> RESTRequest {
        RESTRequest("/api/v3/historicalTrades?symbol=\(symbol)&limit=\(BinancePager.pageSize)")
    }

    public func refill(_ hole: RefillHole) -> any RefillPager { BinancePager(hole) }

    /// `{"code":-1121,"msg":"Invalid symbol."}`; 429 and 418 are rate limits, 403 the firewall.
    public func refusal(status: Int, body: JSONValue?) -> RESTRefusal {
        if status == 429 || status == 418 || status == 403 { return .tooMany }
        let message = body?["msg"]?.stringValue ?? "HTTP \(status)"
        return RESTRefusal.isFinal(status) ? .never(message) : .unavailable(message)
    }
}

/// `historicalTrades` upwards by id: each page starts with the last trade of the one before.
struct BinancePager: RefillPager {
    static let pageSize = 1_000
    private let hole: RefillHole
    /// No more than the hole and a trade on either side.
    private let limit: Int
    private var from: UInt64
    private var isDone = false

    init(_ hole: RefillHole) {
        self.hole = hole
        limit = hole.pageSize(margin: 2, atMost: Self.pageSize)
        from = hole.first > 0 ? hole.first - 1 : 0
    }

    var next: RESTRequest? {
        isDone ? nil : RESTRequest("/api/v3/historicalTrades?symbol=\(hole.symbol)&fromId=\(from)&limit=\(limit)")
    }

    mutating func advance(_ page: RefillPage) {
        guard let highest = page.ids.last, highest > from, highest <= hole.last, page.rows >= limit else {
            isDone = true
            return
        }
        from = highest
    }
}
