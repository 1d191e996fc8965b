import K2Bytes
import K2Domain
import K2JSON

/// A connection to Kraken's WebSocket v2: `status` unasked, one acknowledgement for each symbol, a snapshot of 50 trades
/// when asked for, a heartbeat for each second in which nothing else is sent.
///
/// Source: docs.kraken.com, Spot WebSocket v2, trade, status, heartbeat, ping, seen 2026-09.
final class KrakenServeSession: ServeSession {
    let link: ServeLink
    private let symbols: ServeSymbols
    private let text: KrakenTradeText
    /// Trades of one symbol that go into the next message.
    private var batch: [SimulatedTrade] = []
    private var batchedAt: Int64 = 0
    private var lastSent: Int64
    private var lastReceived: Int64
    private var acks = DelayedTexts()

    private static let window: Int64 = 20_000
    private static let limit = 50
    private static let snapshotSize = 50
    private static let idleLimit: Int64 = 60_000_000

    init?(_ link: ServeLink, target: RequestTarget, symbols: ServeSymbols) {
        guard target.segments == ["v2"] else { return nil }
        self.link = link
        self.symbols = symbols
        text = KrakenTradeText(symbols.symbols)
        lastSent = link.openedAt
        lastReceived = link.openedAt
    }

    func open(at time: Int64, to context: inout ServeContext) {
        context.send(KrakenTradeText.status(connection: context.random.next() | (1 << 63)), to: link)
    }

    // Requests.

    func receive(_ message: JSONValue?, at time: Int64, market: borrowing LiveMarket, to context: inout ServeContext) {
        lastReceived = time
        let method = message?["method"]?.stringValue ?? ""
        let request = message?["req_id"].map { ",\"req_id\":\($0.text)" } ?? ""
        switch method {
        case "ping": context.send("{\"method\":\"pong\"\(request),\(times(time, &context))}", to: link)
        case "subscribe", "unsubscribe":
            guard message?["params"]?["channel"]?.stringValue == "trade" else {
                return refuse(method, "Subscription name invalid", symbol: nil, request, at: time, &context)
            }
            guard let names = message?["params"]?["symbol"]?.arrayValue?.compactMap(\.stringValue), !names.isEmpty else {
                return refuse(method, "Symbol(s) not found", symbol: nil, request, at: time, &context)
            }
            let wantsSnapshot = message?["params"]?["snapshot"]?.boolValue ?? false
            for name in names {
                if method == "subscribe" {
                    subscribe(name, snapshot: wantsSnapshot, request, at: time, market: market, &context)
                } else {
                    unsubscribe(name, request, at: time, &context)
                }
            }
        default: refuse(method, "Malformed request", symbol: nil, request, at: time, &context)
        }
    }

    private func subscribe(
        _ name: String, snapshot: Bool, _ request: String, at time: Int64, market: borrowing LiveMarket, _ context: inout ServeContext
    ) {
        guard let symbol = symbols.index(name), context.want(symbol, at: time) else {
            return refuse("subscribe", "Currency pair not supported \(name)", symbol: name, request, at: time, &context)
        }
        if link.subscribed[symbol] { return refuse("subscribe", "Already subscribed", symbol: name, request, at: time, &context) }
        link.subscribed[symbol] = true
        answer(
            "{\"method\":\"subscribe\",\"result\":{\"channel\":\"trade\",\"snapshot\":\(snapshot),\"symbol\":\"\(name)\"},"
                + "\"success\":true,\(times(time, &context))\(request)}", at: time, &context)
        guard snapshot else { return }
        flush(at: time, &context)
        let trades = market.histories[symbol].newest(Self.snapshotSize)
        if !trades.isEmpty { send(trades, isSnapshot: true, at: time, &context) }
    }

    private func unsubscribe(_ name: String, _ request: String, at time: Int64, _ context: inout ServeContext) {
        guard let symbol = symbols.index(name), link.subscribed[symbol] else {
            return refuse("unsubscribe", "Subscription Not Found", symbol: name, request, at: time, &context)
        }
        flush(at: time, &context)
        link.subscribed[symbol] = false
        answer(
            "{\"method\":\"unsubscribe\",\"result\":{\"channel\":\"trade\",\"symbol\":\"\(name)\"},\"success\":true,"
                + "\(times(time, &context))\(request)}", at: time, &context)
    }

    private func refuse(
        _ method: String, _ reason: String, symbol: String?, _ request: String, at time: Int64, _ context: inout ServeContext
    ) {
        let method = method.isEmpty ? "" : "\"method\":\(JSONValue.string(method).text),"
        let symbol = symbol.map { ",\"symbol\":\(JSONValue.string($0).text)" } ?? ""
        answer(
            "{\"error\":\(JSONValue.string(reason).text),\(method)\"success\":false\(symbol),\(times(time, &context))\(request)}",
            at: time, &context)
    }

    private func times(_ time: Int64, _ context: inout ServeContext) -> String {
        let arrived = Timestamp(microseconds: context.wire(time))
        let left = Timestamp(microseconds: context.wire(time) + 20 + context.random.below(60))
        return "\"time_in\":\"\(arrived)\",\"time_out\":\"\(left)\""
    }

    private func answer(_ text: String, at time: Int64, _ context: inout ServeContext) {
        lastSent = time
        if context.ackDelay == 0 { return context.send(text, to: link) }
        acks.add(Array(text.utf8), due: time + context.ackDelay)
    }

    // Messages.

    func deliver(_ trade: SimulatedTrade, isWithheld: Bool, at time: Int64, to context: inout ServeContext) {
        guard link.subscribed[trade.symbol], !isWithheld, !link.isSilent else { return }
        if let first = batch.first, first.symbol != trade.symbol || batch.count >= Self.limit || trade.time - first.time > Self.window {
            flush(at: time, &context)
        }
        if batch.isEmpty { batchedAt = time }
        batch.append(trade)
    }

    private func flush(at time: Int64, _ context: inout ServeContext) {
        if batch.isEmpty { return }
        send(batch, isSnapshot: false, at: time, &context)
        batch.removeAll(keepingCapacity: true)
    }

    private func send(_ trades: [SimulatedTrade], isSnapshot: Bool, at time: Int64, _ context: inout ServeContext) {
        let start = context.bytes.count
        text.append(trades, isSnapshot: isSnapshot, clock: &context.clock, to: &context.bytes)
        if isSnapshot {
            context.send(from: start, to: link)
        } else {
            context.sendTrades(from: start, to: link, at: time)
        }
        lastSent = time
    }

    func tick(at time: Int64, to context: inout ServeContext) {
        for text in acks.take(until: time) { context.send(text, to: link) }
        if time - batchedAt >= Self.window { flush(at: time, &context) }
        guard link.isSubscribed else {
            if time - lastReceived >= Self.idleLimit { context.close(link, 1000, "idle") }
            return
        }
        if time - lastSent >= 1_000_000 {
            lastSent = time
            context.send("{\"channel\":\"heartbeat\"}", to: link)
        }
    }

    func announceEnd(at time: Int64, to context: inout ServeContext) {
        context.send(KrakenTradeText.status(connection: context.random.next() | (1 << 63), system: "maintenance"), to: link)
    }

    func sendError(to context: inout ServeContext) {
        context.send("{\"error\":\"Exceeded msg rate\",\"method\":\"subscribe\",\"success\":false}", to: link)
    }
}
