import K2Bytes
import K2Domain

/// Coinbase Exchange `matches` and `heartbeat`: one trade a message, the maker's side, `last_match` for each product first.
///
/// `{"type":"match","trade_id":1100243521,"maker_order_id":"fe46feac-…","taker_order_id":"1b7ab681-…","side":"buy",
/// "size":"0.00000004","price":"83432.17","product_id":"BTC-USD","sequence":136999334655,"time":"2026-09-30T02:03:22.285778Z"}`
/// Source: docs.cdp.coinbase.com, Exchange WebSocket channels, and messages recorded in April 2021 and September 2026
/// (in both, prices and sizes have their trailing zeros cut).
struct CoinbaseExchangeSession: WireSession {
    let batching = Batching.single
    let history = HistoryShape.onePerSymbol
    private let symbols: [WireSymbol]
    private let names: [[UInt8]]
    private var lastTrades: [SimulatedTrade?]
    private var lastHeartbeat: Int64 = 0

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        names = symbols.map { Array($0.name.utf8) }
        lastTrades = Array(repeating: nil, count: symbols.count)
    }

    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let products = jsonList(symbols.map(\.name))
        output.record(
            .stream, sentAt: time,
            message: "{\"type\":\"subscriptions\",\"channels\":[{\"name\":\"matches\",\"product_ids\":\(products),\"account_ids\":null},"
                + "{\"name\":\"heartbeat\",\"product_ids\":\(products),\"account_ids\":null}]}")
        for trade in history { write(trade, .snapshot, at: time + 1_000, to: &output) }
        lastHeartbeat = time
    }

    mutating func idle(until time: Int64, to output: inout RecordWriter) {
        while time - lastHeartbeat >= 1_000_000 {
            lastHeartbeat += 1_000_000
            for symbol in symbols.indices {
                guard let last = lastTrades[symbol] else { continue }
                output.begin(.stream, sentAt: lastHeartbeat)
                output.bytes.append(",\"message\":{\"type\":\"heartbeat\",\"last_trade_id\":")
                output.bytes.append(decimal: last.id)
                output.bytes.append(",\"product_id\":\"")
                output.bytes.append(names[symbol])
                output.bytes.append("\",\"sequence\":")
                output.bytes.append(decimal: Self.sequence(last) + 1)
                output.bytes.append(",\"time\":\"")
                output.clock.append(lastHeartbeat, to: &output.bytes)
                output.bytes.append("\"}")
                output.end()
            }
        }
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        for trade in trades { write(trade, .stream, at: time, to: &output) }
    }

    /// Counts all events of the product's book, so it rises by more than one from match to match.
    private static func sequence(_ trade: SimulatedTrade) -> UInt64 {
        UInt64(trade.id) &* 37 &+ RandomSource.mixed(UInt64(trade.id)) % 36
    }

    private mutating func write(_ trade: SimulatedTrade, _ origin: Origin, at time: Int64, to output: inout RecordWriter) {
        if trade.id > lastTrades[trade.symbol]?.id ?? 0 { lastTrades[trade.symbol] = trade }
        output.begin(origin, sentAt: time)
        output.bytes.append(",\"message\":{\"type\":\"")
        output.bytes.append(origin == .snapshot ? "last_match\",\"trade_id\":" : "match\",\"trade_id\":")
        output.bytes.append(decimal: trade.id)
        output.bytes.append(",\"maker_order_id\":\"")
        output.bytes.appendUUID(RandomSource.mixed(UInt64(trade.id)) ^ UInt64(trade.symbol))
        output.bytes.append("\",\"taker_order_id\":\"")
        output.bytes.appendUUID(RandomSource.mixed(trade.order) ^ UInt64(trade.symbol) << 32)
        output.bytes.append(trade.takerBuys ? "\",\"side\":\"sell\",\"size\":\"" : "\",\"side\":\"buy\",\"size\":\"")
        output.bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
        output.bytes.append("\",\"price\":\"")
        output.bytes.append(trade.price, as: symbols[trade.symbol].price)
        output.bytes.append("\",\"product_id\":\"")
        output.bytes.append(names[trade.symbol])
        output.bytes.append("\",\"sequence\":")
        output.bytes.append(decimal: Self.sequence(trade))
        output.bytes.append(",\"time\":\"")
        output.clock.append(trade.time, to: &output.bytes)
        output.bytes.append("\"}")
        output.end()
    }
}

/// Coinbase Exchange `GET /products/{id}/trades`: newest first, the maker's side, eight decimals.
/// Source: docs.cdp.coinbase.com, Exchange REST, "Get product trades", seen 2026.
struct CoinbaseTradePages: WireSession {
    static let pageSize = 1_000
    let batching = Batching.page(limit: pageSize)
    private let symbols: [WireSymbol]
    private let rows: CoinbaseRowText

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        rows = CoinbaseRowText(symbols)
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let symbol = symbols[trades[0].symbol]
        output.begin(.rest, sentAt: time)
        output.bytes.append(",\"request\":\"/products/")
        output.bytes.append(string: symbol.name)
        output.bytes.append("/trades?limit=")
        output.bytes.append(decimal: Int64(Self.pageSize))
        output.bytes.append("&after=")
        output.bytes.append(decimal: trades[trades.count - 1].id + 1)
        output.bytes.append("\",\"message\":")
        rows.append(trades, clock: &output.clock, to: &output.bytes)
        output.end()
    }
}
