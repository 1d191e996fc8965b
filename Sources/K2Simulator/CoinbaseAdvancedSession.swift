import K2Bytes
import K2Domain

/// Coinbase Advanced Trade `market_trades` and `heartbeats`: batches of 250 ms, newest first, the maker's side,
/// trailing zeros cut, one message count for the whole connection.
///
/// `{"channel":"market_trades","timestamp":"2026-09-30T02:39:59.551901038Z","sequence_num":247,"events":[{"type":"update",
/// "trades":[{"product_id":"ETH-USD","trade_id":"846155167","price":"2667.2","size":"0.84275842",
/// "time":"2026-09-30T02:39:59.4104Z","side":"SELL"}]}]}`
/// Source: docs.cdp.coinbase.com, Advanced Trade WebSocket channels, and messages recorded in 2025 and 2026.
struct CoinbaseAdvancedSession: WireSession {
    let batching = Batching.window(window: 250_000, limit: 100)
    let history = HistoryShape.newest
    private let symbols: [WireSymbol]
    private let names: [[UInt8]]
    private var sequence: Int64 = 0
    private var lastHeartbeat: Int64 = 0
    /// Uptime of the pretended server at `connectedAt`, in seconds.
    private var uptime: Int64 = 0
    private var connectedAt: Int64 = 0
    /// Reused between batches.
    private var groups: [[SimulatedTrade]]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        names = symbols.map { Array($0.name.utf8) }
        groups = Array(repeating: [], count: symbols.count)
    }

    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        connectedAt = time
        lastHeartbeat = time
        uptime = 1_000 + output.random.below(80_000)
        let snapshots = history.bySymbol(symbols.count)
        // Data may come before the acknowledgement: the first snapshot does.
        for (index, group) in snapshots.enumerated() {
            beginMessage(.snapshot, at: time + 60_000, to: &output)
            output.bytes.append("{\"type\":\"snapshot\",\"trades\":[")
            write(group.trades, to: &output)
            endMessage(to: &output)
            if index == 0 { acknowledge(at: time + 61_000, to: &output) }
        }
        if snapshots.isEmpty { acknowledge(at: time + 61_000, to: &output) }
    }

    private mutating func acknowledge(at time: Int64, to output: inout RecordWriter) {
        let products = jsonList(symbols.map(\.name))
        for subscriptions in ["\"market_trades\":\(products)", "\"heartbeats\":[\"heartbeats\"],\"market_trades\":\(products)"] {
            beginChannel("subscriptions\"", .stream, at: time, to: &output)
            output.bytes.append("{\"subscriptions\":{")
            output.bytes.append(string: subscriptions)
            output.bytes.append("}}]}")
            output.end()
        }
    }

    mutating func idle(until time: Int64, to output: inout RecordWriter) {
        while time - lastHeartbeat >= 1_000_000 {
            lastHeartbeat += 1_000_000
            let seconds = uptime + (lastHeartbeat - connectedAt) / 1_000_000
            beginChannel("heartbeats\",\"client_id\":\"\"", .stream, at: lastHeartbeat, to: &output)
            output.bytes.append("{\"current_time\":\"")
            appendGoTime(lastHeartbeat, seconds: seconds, to: &output)
            output.bytes.append("\",\"heartbeat_counter\":")
            output.bytes.append(decimal: seconds)
            output.bytes.append("}]}")
            output.end()
        }
    }

    /// Go's default form: `2026-09-30 02:37:15.057778606 +0000 UTC m=+21697.195984854`.
    private func appendGoTime(_ time: Int64, seconds: Int64, to output: inout RecordWriter) {
        let civil = Timestamp.civil(day: Timestamp(microseconds: time).day)
        let second = UInt64(time / 1_000_000 % 86_400)
        output.bytes.append(decimal: UInt64(civil.year), width: 4)
        output.bytes.append("-")
        output.bytes.append(decimal: UInt64(civil.month), width: 2)
        output.bytes.append("-")
        output.bytes.append(decimal: UInt64(civil.day), width: 2)
        output.bytes.append(" ")
        output.bytes.append(decimal: second / 3_600, width: 2)
        output.bytes.append(":")
        output.bytes.append(decimal: second / 60 % 60, width: 2)
        output.bytes.append(":")
        output.bytes.append(decimal: second % 60, width: 2)
        output.bytes.appendFraction(UInt64(time % 1_000_000) * 1_000 + UInt64(output.random.below(1_000)), digits: 9)
        output.bytes.append(" +0000 UTC m=+")
        output.bytes.append(decimal: seconds)
        output.bytes.append(".")
        output.bytes.append(decimal: UInt64(output.random.below(1_000_000_000)), width: 9)
    }

    /// Mostly one product a message; now and then a second event, or a second product inside the event.
    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        for trade in trades { groups[trade.symbol].append(trade) }
        var isOpen = false
        for symbol in groups.indices where !groups[symbol].isEmpty {
            switch isOpen ? output.random.below(8) : 7 {
            case 0: output.bytes.append(",")
            case 1: output.bytes.append("]},{\"type\":\"update\",\"trades\":[")
            default:
                if isOpen { endMessage(to: &output) }
                beginMessage(.stream, at: time, to: &output)
                output.bytes.append("{\"type\":\"update\",\"trades\":[")
                isOpen = true
            }
            write(groups[symbol], to: &output)
            groups[symbol].removeAll(keepingCapacity: true)
        }
        if isOpen { endMessage(to: &output) }
    }

    private mutating func beginMessage(_ origin: Origin, at time: Int64, to output: inout RecordWriter) {
        beginChannel("market_trades\"", origin, at: time, to: &output)
    }

    private mutating func beginChannel(
        _ channel: StaticString, _ origin: Origin, at time: Int64, to output: inout RecordWriter
    ) {
        output.begin(origin, sentAt: time)
        output.bytes.append(",\"message\":{\"channel\":\"")
        output.bytes.append(channel)
        output.bytes.append(",\"timestamp\":\"")
        let nanoseconds = UInt64(output.random.below(1_000))
        output.clock.appendCut(time, nanoseconds: nanoseconds, to: &output.bytes)
        output.bytes.append("\",\"sequence_num\":")
        output.bytes.append(decimal: sequence)
        output.bytes.append(",\"events\":[")
        sequence += 1
    }

    private func endMessage(to output: inout RecordWriter) {
        output.bytes.append("]}]}")
        output.end()
    }

    /// Newest first.
    private func write(_ trades: [SimulatedTrade], to output: inout RecordWriter) {
        for index in trades.indices.reversed() {
            let trade = trades[index]
            output.bytes.append(index == trades.count - 1 ? "{\"product_id\":\"" : ",{\"product_id\":\"")
            output.bytes.append(names[trade.symbol])
            output.bytes.append("\",\"trade_id\":\"")
            output.bytes.append(decimal: trade.id)
            output.bytes.append("\",\"price\":\"")
            output.bytes.append(trade.price, as: symbols[trade.symbol].price)
            output.bytes.append("\",\"size\":\"")
            output.bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
            output.bytes.append("\",\"time\":\"")
            output.clock.appendCut(trade.time, to: &output.bytes)
            output.bytes.append(trade.takerBuys ? "\",\"side\":\"SELL\"}" : "\",\"side\":\"BUY\"}")
        }
    }
}

/// Coinbase Advanced Trade `GET …/market/products/{id}/ticker`: newest first, the maker's side, no cursor.
/// Source: docs.cdp.coinbase.com, "Get Public Market Trades", and a page recorded in April 2026.
struct CoinbaseTickerPages: WireSession {
    static let pageSize = 100
    let batching = Batching.page(limit: pageSize)
    private let symbols: [WireSymbol]

    init(_ symbols: [WireSymbol]) { self.symbols = symbols }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let symbol = symbols[trades[0].symbol]
        let newest = trades[trades.count - 1]
        output.begin(.rest, sentAt: time)
        output.bytes.append(",\"request\":\"/api/v3/brokerage/market/products/")
        output.bytes.append(string: symbol.name)
        output.bytes.append("/ticker?limit=")
        output.bytes.append(decimal: Int64(Self.pageSize))
        output.bytes.append("&start=")
        output.bytes.append(decimal: trades[0].time / 1_000_000)
        output.bytes.append("&end=")
        output.bytes.append(decimal: newest.time / 1_000_000 + 1)
        output.bytes.append("\",\"message\":{\"trades\":[")
        for index in trades.indices.reversed() {
            let trade = trades[index]
            output.bytes.append(index == trades.count - 1 ? "{\"trade_id\":\"" : ",{\"trade_id\":\"")
            output.bytes.append(decimal: trade.id)
            output.bytes.append("\",\"product_id\":\"")
            output.bytes.append(string: symbol.name)
            output.bytes.append("\",\"price\":\"")
            output.bytes.append(trade.price, as: symbol.price)
            output.bytes.append("\",\"size\":\"")
            output.bytes.append(trade.quantity, as: symbol.quantity)
            output.bytes.append("\",\"time\":\"")
            output.clock.appendCut(trade.time, to: &output.bytes)
            output.bytes.append(trade.takerBuys ? "\",\"side\":\"SELL\"" : "\",\"side\":\"BUY\"")
            output.bytes.append(",\"bid\":\"\",\"ask\":\"\",\"exchange\":\"coinbase\"}")
        }
        output.bytes.append("],\"best_bid\":\"")
        output.bytes.append(newest.takerBuys ? max(newest.price - 1, 1) : newest.price, as: symbol.price)
        output.bytes.append("\",\"best_ask\":\"")
        output.bytes.append(newest.takerBuys ? newest.price : newest.price + 1, as: symbol.price)
        output.bytes.append("\"}")
        output.end()
    }
}
