import K2Bytes
import K2Domain

/// Kraken WebSocket v1 `trade`: arrays of strings, no trade id, XBT and XDG.
///
/// `[993,[["354.04000000","0.28245396","1618678150.826417","s","m",""]],"trade","XMR/USD"]`
/// Source: docs.kraken.com, Spot WebSocket v1, trade, and messages recorded in April 2021.
struct KrakenV1Session: WireSession {
    let batching = Batching.sameSymbol(window: 5_000, limit: 50)
    private let symbols: [WireSymbol]
    /// By symbol: `,"message":[993,[` and `],"trade","XMR/USD"]`.
    private let heads: [[UInt8]]
    private let tails: [[UInt8]]
    private let channels: [Int64]
    private var lastHeartbeat: Int64 = 0

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        let channels = symbols.map { 300 + Int64(RandomSource.mixed(UInt64($0.instrument.firstID)) % 6_000) }
        self.channels = channels
        heads = channels.map { Array(",\"message\":[\($0),[".utf8) }
        tails = symbols.map { Array("],\"trade\",\"\($0.name)\"]".utf8) }
    }

    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let connection = output.random.next() | (1 << 63)
        output.record(
            .stream, sentAt: time,
            message: "{\"connectionID\":\(connection),\"event\":\"systemStatus\",\"status\":\"online\",\"version\":\"1.9.6\"}")
        for (symbol, channel) in zip(symbols, channels) {
            output.record(
                .stream, sentAt: time + 100_000,
                message: "{\"channelID\":\(channel),\"channelName\":\"trade\",\"event\":\"subscriptionStatus\",\"pair\":\"\(symbol.name)\","
                    + "\"status\":\"subscribed\",\"subscription\":{\"name\":\"trade\"}}")
        }
        lastHeartbeat = time
    }

    /// A heartbeat a second, also while trades flow.
    mutating func idle(until time: Int64, to output: inout RecordWriter) {
        while time - lastHeartbeat >= 1_000_000 {
            lastHeartbeat += 1_000_000
            output.record(.stream, sentAt: lastHeartbeat, message: "{\"event\":\"heartbeat\"}")
        }
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let symbol = trades[0].symbol
        output.begin(.stream, sentAt: time)
        output.bytes.append(heads[symbol])
        for (index, trade) in trades.enumerated() {
            output.bytes.append(index == 0 ? "[\"" : ",[\"")
            output.bytes.append(trade.price, as: symbols[symbol].price)
            output.bytes.append("\",\"")
            output.bytes.append(trade.quantity, as: symbols[symbol].quantity)
            output.bytes.append("\",\"")
            output.bytes.append(decimal: trade.time / 1_000_000)
            output.bytes.append(".")
            output.bytes.append(decimal: UInt64(trade.time % 1_000_000), width: 6)
            output.bytes.append(trade.takerBuys ? "\",\"b\",\"" : "\",\"s\",\"")
            output.bytes.append(trade.isMarketOrder ? "m\",\"\"]" : "l\",\"\"]")
        }
        output.bytes.append(tails[symbol])
        output.end()
    }
}

/// Kraken `GET /0/public/Trades`: ascending rows, times as bare numbers with seven decimals at most, ids last.
///
/// `{"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]],
/// "last":"1688671969993150842"}}`. Source: docs.kraken.com, REST, "Get Recent Trades", and pages recorded in November 2025.
struct KrakenTradePages: WireSession {
    static let pageSize = 1_000
    let batching = Batching.page(limit: pageSize)
    private let symbols: [WireSymbol]
    private let rows: KrakenRowText

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        rows = KrakenRowText(symbols)
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let symbol = symbols[trades[0].symbol]
        output.begin(.rest, sentAt: time)
        output.bytes.append(",\"request\":\"/0/public/Trades?pair=")
        output.bytes.append(string: symbol.name)
        output.bytes.append("&since=")
        // In ns, which an Int64 holds to the year 2262 only: µs and three digits.
        output.bytes.append(decimal: max(trades[0].time - 1, 0))
        output.bytes.append("000&count=")
        output.bytes.append(decimal: Int64(Self.pageSize))
        output.bytes.append("\",\"message\":")
        rows.append(trades, key: symbol.instrument.krakenResultKey, to: &output.bytes)
        output.end()
    }
}
