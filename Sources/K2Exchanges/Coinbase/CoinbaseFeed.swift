import K2Bytes
import K2Domain
import K2JSON

/// Coinbase Advanced Trade, channels `market_trades` and `heartbeats`; refills from the Exchange's REST
/// interface, which has the same ids.
///
/// Source: docs.cdp.coinbase.com, Advanced Trade WebSocket and Exchange REST (seen October 2026). One channel a
/// message; the first subscription is due within 5 s; every answer lists all subscriptions; heartbeats come
/// once a second and keep the connection; 8 messages a second; REST 10 requests a second, bursts of 15.
public struct CoinbaseFeed: ExchangeFeed {
    public let exchange = Exchange.coinbase
    public let endpoints = FeedEndpoints(
        stream: "wss://advanced-trade-ws.coinbase.com", streamTarget: "/", rest: "https://api.exchange.coinbase.com")
    public let limits = FeedLimits(
        symbolsPerConnection: 100, symbolsPerRequest: 50, messageInterval: 150_000, attempts: 40,
        attemptWindow: 60_000_000, retryDelay: 500_000...60_000_000, acknowledgeWithin: 10_000_000,
        silence: 10_000_000, maxAge: nil, requestBurst: 10, requestInterval: 150_000)

    public init() {}

    /// Heartbeats first: they count as the subscription that is due within 5 s.
    public func greeting(id: Int) -> [FeedRequest] { [FeedRequest(#"{"type":"subscribe","channel":"heartbeats"}"#)] }

    public func subscribe(_ symbols: [String], id: Int) -> [FeedRequest] { requests("subscribe", symbols) }
    public func unsubscribe(_ symbols: [String], id: Int) -> [FeedRequest] { requests("unsubscribe", symbols) }

    private func requests(_ type: String, _ symbols: [String]) -> [FeedRequest] {
        symbols.chunked(limits.symbolsPerRequest).map { chunk in
            let products = JSONValue.array(chunk.map { .string($0) })
            let message: JSONValue = ["type": .string(type), "product_ids": products, "channel": "market_trades"]
            return FeedRequest(message.text, symbols: chunk, unsubscribes: type == "unsubscribe")
        }
    }

    /// `{"channel":"subscriptions",…,"events":[{"subscriptions":{"market_trades":["ETH-USD"]}}]}`, `{"channel":"heartbeats",…}`,
    /// `{"type":"error","message":"failure to subscribe"}`.
    public func reply(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> FeedReply {
        guard document.kind(0) == .object else { return .other }
        switch ReplyField.text(0, "channel", document, text) {
        case "heartbeats": return .heartbeat
        case "subscriptions": return .subscriptions(products(document, text))
        case .some: return .other
        case nil: break
        }
        guard ReplyField.text(0, "type", document, text) == "error" else { return .other }
        let reason = ReplyField.text(0, "reason", document, text) ?? ReplyField.text(0, "message", document, text)
        return .refused(id: nil, symbol: nil, reason: reason ?? "error")
    }

    private func products(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> [String] {
        guard let events = document.member(0, named: "events", in: text), document.kind(events) == .array,
            document.next(events) > events + 1, document.kind(events + 1) == .object,
            let channels = document.member(events + 1, named: "subscriptions", in: text), document.kind(channels) == .object,
            let list = document.member(channels, named: "market_trades", in: text), document.kind(list) == .array
        else { return [] }
        var names: [String] = []
        var node = list + 1
        while node < document.next(list) {
            if document.kind(node) == .string { names.append(JSONString.string(text.part(document.range(node)))) }
            node = document.next(node)
        }
        return names
    }

    /// `sequence_num` counts all messages of the connection from 0.
    public func messageNumber(_ document: borrowing JSONDocument, _ text: Span<UInt8>) -> UInt64? {
        guard document.kind(0) == .object, let node = document.member(0, named: "sequence_num", in: text) else { return nil }
        return WireReader.unsigned(text.part(document.range(node)))
    }

    public let instrumentList = RESTRequest("/products")

    /// The Exchange's list, `[{"id":"BTC-USD","base_currency":"BTC","quote_currency":"USD","status":"online",…},…]`, or that
    /// of Advanced Trade, `{"products":[{"product_id":"BTC-USD","base_currency_id":"BTC",…,"alias":""},…]}`.
    public func readInstruments(_ body: JSONValue) throws(InstrumentListError) -> [ListedInstrument] {
        guard let products = body.arrayValue ?? body["products"]?.arrayValue else {
            throw InstrumentListError("products: expected an array, found \(body.kindName)")
        }
        let listed = products.compactMap(product)
        let names = Set(listed.map(\.streamName))
        return listed.map { Self.withAlias($0, names) }
    }

    private func product(_ entry: JSONValue) -> ListedInstrument? {
        guard let name = (entry["id"] ?? entry["product_id"])?.stringValue,
            let base = (entry["base_currency"] ?? entry["base_currency_id"])?.stringValue,
            let quote = (entry["quote_currency"] ?? entry["quote_currency_id"])?.stringValue,
            entry["product_type"]?.stringValue ?? "SPOT" == "SPOT"
        else { return nil }
        let status = entry["status"]?.stringValue ?? "online"
        var listed = ListedInstrument(
            base: base, quote: quote, streamName: name, restName: name, spellings: [name], isTrading: status == "online" || status.isEmpty)
        if let alias = entry["alias"]?.stringValue, !alias.isEmpty { listed.alias = alias }
        return listed
    }

    /// `X-USDC` has no book of its own where there is `X-USD`: its trades come under that name, says the Advanced
    /// Trade list. The Exchange's list does not have these.
    private static func withAlias(_ instrument: ListedInstrument, _ names: Set<String>) -> ListedInstrument {
        guard let alias = instrument.alias, names.contains(alias) else {
            var own = instrument
            own.alias = nil
            return own
        }
        return instrument
    }

    public func newestTrades(_ symbol: String) -> RESTRequest {
        RESTRequest("/products/\(symbol)/trades?limit=\(CoinbasePager.pageSize)")
    }

    public func refill(_ hole: RefillHole) -> any RefillPager { CoinbasePager(hole) }

    /// `{"message":"NotFound"}`, `{"errors":[{"id":"rate_limit_exceeded",…}]}`.
    public func refusal(status: Int, body: JSONValue?) -> RESTRefusal {
        if status == 429 || status == 418 || status == 403 { return .tooMany }
        let message = body?["message"]?.stringValue ?? "HTTP \(status)"
        return RESTRefusal.isFinal(status) ? .never(message) : .unavailable(message)
    }
}

/// `trades?after=` downwards by id: `after` names the trade behind the page, and each page starts with the
/// lowest trade of the one before.
struct CoinbasePager: RefillPager {
    static let pageSize = 1_000
    private let hole: RefillHole
    /// No more than the hole and a trade on either side.
    private let limit: Int
    private var after: UInt64
    private var isDone = false
    /// There is always something older, unless history begins later.
    private(set) var isBeforeHistory = false

    init(_ hole: RefillHole) {
        self.hole = hole
        limit = hole.pageSize(margin: 2, atMost: Self.pageSize)
        after = hole.last + 2
    }

    var next: RESTRequest? {
        isDone ? nil : RESTRequest("/products/\(hole.symbol)/trades?limit=\(limit)&after=\(after)")
    }

    mutating func advance(_ page: RefillPage) {
        if page.rows == 0 { isBeforeHistory = true }
        guard let lowest = page.ids.first, lowest >= hole.first, page.rows >= limit, lowest + 1 < after else {
            isDone = true
            return
        }
        after = lowest + 1
    }
}
