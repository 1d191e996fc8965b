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
    private let text: CoinbaseAdvancedText
    private var sequence: Int64 = 0
    private var lastHeartbeat: Int64 = 0
    /// Uptime of the pretended server at `connectedAt`, in seconds.
    private var uptime: Int64 = 0
    private var connectedAt: Int64 = 0
    /// Reused between batches.
    private var groups: [[SimulatedTrade]]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        text = CoinbaseAdvancedText(symbols)
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
            text.append(group.trades, clock: &output.clock, to: &output.bytes)
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
            let nanoseconds = UInt64(output.random.below(1_000))
            CoinbaseAdvancedText.appendHeartbeat(
                at: lastHeartbeat, seconds: seconds, nanoseconds: nanoseconds,
                uptimeFraction: UInt64(output.random.below(1_000_000_000)), to: &output.bytes)
            output.end()
        }
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
            text.append(groups[symbol], clock: &output.clock, to: &output.bytes)
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
        output.bytes.append(",\"message\":")
        let nanoseconds = UInt64(output.random.below(1_000))
        CoinbaseAdvancedText.appendHead(
            channel, at: time, nanoseconds: nanoseconds, sequence: sequence, clock: &output.clock, to: &output.bytes)
        sequence += 1
    }

    private func endMessage(to output: inout RecordWriter) {
        output.bytes.append("]}]}")
        output.end()
    }
}

/// Coinbase Advanced Trade `GET …/market/products/{id}/ticker`: newest first, the maker's side, no cursor.
/// Source: docs.cdp.coinbase.com, "Get Public Market Trades", and a page recorded in April 2026.
struct CoinbaseTickerPages: WireSession {
    static let pageSize = 100
    let batching = Batching.page(limit: pageSize)
    private let symbols: [WireSymbol]
    private let page: CoinbaseTickerText

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        page = CoinbaseTickerText(symbols)
    }

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
        output.bytes.append("\",\"message\":")
        page.append(trades, newest: newest, clock: &output.clock, to: &output.bytes)
        output.end()
    }
}
