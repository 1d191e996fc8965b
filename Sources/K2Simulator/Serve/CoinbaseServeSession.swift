import K2Bytes
import K2JSON

/// A connection to Coinbase Advanced Trade: `market_trades` in batches of 250 ms, `heartbeats`, and one count of all
/// messages of the connection.
///
/// Source: docs.cdp.coinbase.com, Advanced Trade WebSocket, seen 2026-06: a subscription within 5 s, one channel a
/// request, the connection closed after 60 to 90 s without updates unless it has heartbeats.
final class CoinbaseServeSession: ServeSession {
    let link: ServeLink
    private let symbols: ServeSymbols
    private let text: CoinbaseAdvancedText
    private var hasHeartbeats = false
    private var sequence: Int64 = 0
    /// By symbol: trades of the current window, ascending.
    private var groups: [[SimulatedTrade]]
    private var batched = 0
    private var batchedAt: Int64 = 0
    /// A message of the current window counts and does not arrive.
    private var lostMessages = false
    private var lastHeartbeat: Int64 = 0
    private var lastUpdate: Int64
    /// Uptime of the pretended server process when the connection opened, seconds.
    private let uptime: Int64
    private let idleLimit: Int64
    /// When acknowledgements are due.
    private var acks: [Int64] = []

    private static let window: Int64 = 250_000
    private static let limit = 100
    private static let snapshotSize = 100
    private static let subscribeLimit: Int64 = 5_000_000

    init?(_ link: ServeLink, target: RequestTarget, symbols: ServeSymbols, random: inout RandomSource) {
        guard target.segments.isEmpty else { return nil }
        self.link = link
        self.symbols = symbols
        text = CoinbaseAdvancedText(symbols.symbols)
        groups = Array(repeating: [], count: symbols.count)
        lastUpdate = link.openedAt
        uptime = 1_000 + random.below(80_000)
        idleLimit = 60_000_000 + random.below(30_000_000)
    }

    func open(at time: Int64, to context: inout ServeContext) {}

    // Requests.

    func receive(_ message: JSONValue?, at time: Int64, market: borrowing LiveMarket, to context: inout ServeContext) {
        let type = message?["type"]?.stringValue
        guard let channel = message?["channel"]?.stringValue, type == "subscribe" || type == "unsubscribe" else {
            return sendError(to: &context)
        }
        let isSubscribe = type == "subscribe"
        switch channel {
        case "heartbeats":
            hasHeartbeats = isSubscribe
            lastHeartbeat = time
        case "market_trades":
            guard let names = message?["product_ids"]?.arrayValue?.compactMap(\.stringValue), !names.isEmpty else {
                return sendError(to: &context)
            }
            let products = names.compactMap { product($0) }
            if !isSubscribe {
                for symbol in products { link.subscribed[symbol] = false }
            } else {
                for symbol in products where context.want(symbol, at: time) { subscribe(symbol, at: time, market, &context) }
            }
        default: return sendError(to: &context)
        }
        lastUpdate = time
        if context.ackDelay == 0 { acknowledge(at: time, &context) } else { acks.append(time + context.ackDelay) }
    }

    /// `X-USDC` is an alias of `X-USD`: its messages say `X-USD`.
    private func product(_ name: String) -> Int? {
        symbols.index(name) ?? (name.hasSuffix("-USDC") ? symbols.index(String(name.dropLast())) : nil)
    }

    /// The snapshot goes before the acknowledgement.
    private func subscribe(_ symbol: Int, at time: Int64, _ market: borrowing LiveMarket, _ context: inout ServeContext) {
        link.subscribed[symbol] = true
        let trades = market.histories[symbol].newest(Self.snapshotSize)
        if trades.isEmpty { return }
        let start = beginMessage("market_trades\"", at: time, &context)
        context.bytes.append("{\"type\":\"snapshot\",\"trades\":[")
        text.append(trades, clock: &context.clock, to: &context.bytes)
        context.bytes.append("]}]}")
        context.send(from: start, to: link)
    }

    /// Lists everything that is subscribed on this connection.
    private func acknowledge(at time: Int64, _ context: inout ServeContext) {
        var parts: [String] = []
        if hasHeartbeats { parts.append("\"heartbeats\":[\"heartbeats\"]") }
        let products = symbols.symbols.indices.filter { link.subscribed[$0] }.map { symbols.symbols[$0].name }
        if !products.isEmpty { parts.append("\"market_trades\":\(jsonList(products))") }
        let start = beginMessage("subscriptions\"", at: time, &context)
        context.bytes.append(string: "{\"subscriptions\":{\(parts.joined(separator: ","))}}]}")
        context.send(from: start, to: link)
    }

    // Messages.

    /// Appends a message up to its events, and counts it.
    /// - Returns: where it starts.
    private func beginMessage(_ channel: StaticString, at time: Int64, _ context: inout ServeContext) -> Int {
        let start = context.bytes.count
        let nanoseconds = UInt64(context.random.below(1_000))
        CoinbaseAdvancedText.appendHead(
            channel, at: context.wire(time), nanoseconds: nanoseconds, sequence: sequence, clock: &context.sendClock, to: &context.bytes)
        sequence += 1
        return start
    }

    func deliver(_ trade: SimulatedTrade, isWithheld: Bool, at time: Int64, to context: inout ServeContext) {
        guard link.subscribed[trade.symbol], !link.isSilent else { return }
        if batched >= Self.limit { flush(at: time, &context) }
        if batched == 0, !lostMessages { batchedAt = time }
        if isWithheld {
            lostMessages = true
            return
        }
        groups[trade.symbol].append(trade)
        batched += 1
    }

    /// Mostly one product a message; now and then a second event, or a second product inside the event.
    private func flush(at time: Int64, _ context: inout ServeContext) {
        if lostMessages {
            sequence += 1
            lostMessages = false
        }
        if batched == 0 { return }
        batched = 0
        lastUpdate = time
        var start: Int?
        for symbol in groups.indices where !groups[symbol].isEmpty {
            switch start == nil ? 7 : context.random.below(8) {
            case 0: context.bytes.append(",")
            case 1: context.bytes.append("]},{\"type\":\"update\",\"trades\":[")
            default:
                if let start { endUpdate(start, at: time, &context) }
                start = beginMessage("market_trades\"", at: time, &context)
                context.bytes.append("{\"type\":\"update\",\"trades\":[")
            }
            text.append(groups[symbol], clock: &context.clock, to: &context.bytes)
            groups[symbol].removeAll(keepingCapacity: true)
        }
        if let start { endUpdate(start, at: time, &context) }
    }

    private func endUpdate(_ start: Int, at time: Int64, _ context: inout ServeContext) {
        context.bytes.append("]}]}")
        context.sendTrades(from: start, to: link, at: time)
    }

    func tick(at time: Int64, to context: inout ServeContext) {
        if time - batchedAt >= Self.window { flush(at: time, &context) }
        while let due = acks.first, due <= time {
            acks.removeFirst()
            acknowledge(at: time, &context)
        }
        if !hasHeartbeats, !link.isSubscribed, time - link.openedAt >= Self.subscribeLimit {
            return context.close(link, 1008, "no subscription within 5 seconds")
        }
        if hasHeartbeats, time - lastHeartbeat >= 1_000_000 { heartbeat(at: time, &context) }
        if !hasHeartbeats, time - lastUpdate >= idleLimit { context.close(link, 1000, "no updates") }
    }

    private func heartbeat(at time: Int64, _ context: inout ServeContext) {
        lastHeartbeat = max(lastHeartbeat + 1_000_000, time - 1_000_000)
        let start = beginMessage("heartbeats\",\"client_id\":\"\"", at: time, &context)
        let nanoseconds = UInt64(context.random.below(1_000))
        CoinbaseAdvancedText.appendHeartbeat(
            at: context.wire(time), seconds: uptime + (time - link.openedAt) / 1_000_000, nanoseconds: nanoseconds,
            uptimeFraction: UInt64(context.random.below(1_000_000_000)), to: &context.bytes)
        context.send(from: start, to: link)
    }

    /// Nothing announces it here.
    func announceEnd(at time: Int64, to context: inout ServeContext) {}

    /// Errors are outside the count.
    func sendError(to context: inout ServeContext) {
        context.send("{\"type\":\"error\",\"message\":\"failure to subscribe\"}", to: link)
    }
}
