import K2Bytes
import K2JSON

/// A connection to Binance Spot's market streams: `/ws…`, or `/stream…` with each event in a wrapper.
///
/// Source: binance-spot-api-docs, web-socket-streams.md, seen 2026-07: five incoming messages a second, 1024 streams,
/// a ping every 20 s that wants its pong within a minute, a life of 24 hours.
final class BinanceServeSession: ServeSession {
    let link: ServeLink
    private let symbols: ServeSymbols
    private let plainText: BinanceTradeText
    private let wrappedText: BinanceTradeText
    private var isCombined: Bool
    /// In the order of subscribing.
    private var streams: [String] = []
    /// Times of the last messages that came in, at most `maxIncoming`.
    private var incoming: [Int64] = []
    private var nextPing: Int64
    /// When the oldest ping without a pong was sent.
    private var unanswered: Int64?
    private var acks = DelayedTexts()

    private static let maxIncoming = 5
    static let maxStreams = 1_024
    private static let pingInterval: Int64 = 20_000_000
    private static let pongLimit: Int64 = 60_000_000

    /// - Returns: nil when the path is none of the exchange's.
    init?(_ link: ServeLink, target: RequestTarget, symbols: ServeSymbols) {
        guard let first = target.segments.first, first == "ws" || first == "stream" else { return nil }
        self.link = link
        self.symbols = symbols
        let unit: Int64 = ["MICROSECOND", "microsecond"].contains(target["timeUnit"] ?? "") ? 1 : 1_000
        plainText = BinanceTradeText(symbols.symbols, isCombined: false, timeUnit: unit)
        wrappedText = BinanceTradeText(symbols.symbols, isCombined: true, timeUnit: unit)
        isCombined = first == "stream"
        nextPing = link.openedAt + Self.pingInterval
        let named = isCombined ? (target["streams"] ?? "").split(separator: "/").map(String.init) : Array(target.segments.dropFirst())
        streams = named
    }

    func open(at time: Int64, to context: inout ServeContext) {
        let named = streams
        streams = []
        _ = subscribe(named, at: time, &context)
    }

    // Requests.

    func receive(_ message: JSONValue?, at time: Int64, market: borrowing LiveMarket, to context: inout ServeContext) {
        guard isWithinRate(at: time, &context) else { return }
        guard let message, message.objectValue != nil else {
            return context.send("{\"code\":3,\"msg\":\"Invalid JSON: expected value at line 1 column 1\"}", to: link)
        }
        let id = message["id"].map(\.text) ?? "null"
        let reply =
            switch message["method"]?.stringValue {
            case "SUBSCRIBE": subscribe(names(message), at: time, &context)
            case "UNSUBSCRIBE": unsubscribe(names(message))
            case "LIST_SUBSCRIPTIONS": "{\"result\":\(jsonList(streams)),\"id\":\(id)}"
            case "SET_PROPERTY": setProperty(message)
            case "GET_PROPERTY": "{\"result\":\(isCombined),\"id\":\(id)}"
            default: "Invalid request: unknown method"
            }
        answer(reply, id: id, at: time, &context)
    }

    /// - Parameter reply: nil acknowledges, text in braces goes as it is, other text is an error.
    private func answer(_ reply: String?, id: String, at time: Int64, _ context: inout ServeContext) {
        let text =
            switch reply {
            case nil: "{\"result\":null,\"id\":\(id)}"
            case let reply? where reply.hasPrefix("{"): reply
            case let reply?: "{\"error\":{\"code\":2,\"msg\":\"\(reply)\"},\"id\":\(id)}"
            }
        if context.ackDelay == 0 { return context.send(text, to: link) }
        acks.add(Array(text.utf8), due: time + context.ackDelay)
    }

    private func names(_ message: JSONValue) -> [String]? {
        message["params"]?.arrayValue.flatMap { values in
            let names = values.compactMap(\.stringValue)
            return names.count == values.count ? names : nil
        }
    }

    /// Unknown symbols and streams are accepted like others, and then nothing ever comes.
    /// - Returns: the reason why the request is refused, or nil.
    private func subscribe(_ names: [String]?, at time: Int64, _ context: inout ServeContext) -> String? {
        guard let names else { return "Invalid request: request JSON value must be array of string" }
        guard names.allSatisfy({ $0.contains("@") || $0.hasPrefix("!") }) else { return "Invalid request: invalid stream" }
        let new = names.filter { !streams.contains($0) }
        guard streams.count + new.count <= Self.maxStreams else { return "Invalid request: too many streams" }
        for name in new where !streams.contains(name) {
            streams.append(name)
            if let symbol = symbol(name), context.want(symbol, at: time) { link.subscribed[symbol] = true }
        }
        return nil
    }

    private func unsubscribe(_ names: [String]?) -> String? {
        guard let names else { return "Invalid request: request JSON value must be array of string" }
        streams.removeAll { names.contains($0) }
        for name in names { if let symbol = symbol(name) { link.subscribed[symbol] = false } }
        return nil
    }

    private func setProperty(_ message: JSONValue) -> String? {
        guard let values = message["params"]?.arrayValue, values.count == 2, values[0].stringValue == "combined",
            let value = values[1].boolValue
        else { return "Invalid request: unknown property" }
        isCombined = value
        return nil
    }

    /// Of `btcusdt@trade`, lower case.
    private func symbol(_ stream: String) -> Int? {
        guard stream.hasSuffix("@trade"), stream == stream.lowercased() else { return nil }
        return symbols.index(stream.dropLast("@trade".utf8.count).uppercased())
    }

    // Limits and pings.

    private func isWithinRate(at time: Int64, _ context: inout ServeContext) -> Bool {
        incoming.append(time)
        if incoming.count <= Self.maxIncoming { return true }
        if time - incoming.removeFirst() >= 1_000_000 { return true }
        context.close(link, 1008, "Too many requests")
        return false
    }

    func heardPing(at time: Int64, to context: inout ServeContext) { _ = isWithinRate(at: time, &context) }

    func heardPong(at time: Int64, to context: inout ServeContext) {
        unanswered = nil
        _ = isWithinRate(at: time, &context)
    }

    func tick(at time: Int64, to context: inout ServeContext) {
        for text in acks.take(until: time) { context.send(text, to: link) }
        if let unanswered, time - unanswered >= Self.pongLimit { return context.drop(link) }
        guard time >= nextPing else { return }
        nextPing = time + Self.pingInterval
        if unanswered == nil { unanswered = time }
        context.ping("\(context.wire(time) / 1_000)", link)
    }

    // Messages.

    func deliver(_ trade: SimulatedTrade, isWithheld: Bool, at time: Int64, to context: inout ServeContext) {
        guard link.subscribed[trade.symbol], !isWithheld, !link.isSilent else { return }
        let start = context.bytes.count
        let sentAt = max(context.wire(time), trade.time)
        if isCombined {
            wrappedText.append(trade, sentAt: sentAt, to: &context.bytes)
        } else {
            plainText.append(trade, sentAt: sentAt, to: &context.bytes)
        }
        context.sendTrades(from: start, to: link, at: time)
    }

    func announceEnd(at time: Int64, to context: inout ServeContext) {
        let start = context.bytes.count
        (isCombined ? wrappedText : plainText).appendShutdown(at: context.wire(time), to: &context.bytes)
        context.send(from: start, to: link)
    }

    func sendError(to context: inout ServeContext) {
        context.send("{\"error\":{\"code\":2,\"msg\":\"Invalid request: invalid stream\"},\"id\":null}", to: link)
    }
}
