import K2Domain

/// How a session collects trades before it makes a message of them.
enum Batching {
    /// Each trade is a message.
    case single
    /// Trades of one symbol that follow each other within `window` µs, at most `limit`.
    case sameSymbol(window: Int64, limit: Int)
    /// Trades of all symbols within `window` µs, at most `limit`.
    case window(window: Int64, limit: Int)
    /// Trades of one symbol, `limit` of them, however long it takes.
    case page(limit: Int)
}

/// Trades from before the recording that a session sends on subscribing.
enum HistoryShape {
    case none
    /// Some of the newest trades of all symbols.
    case newest
    /// One trade of each symbol.
    case onePerSymbol
}

/// One connection to an exchange in one format: turns batches of trades into messages, and adds what
/// a real connection carries besides. Times are µs since 1970 and never go back from call to call.
protocol WireSession {
    var batching: Batching { get }
    var history: HistoryShape { get }
    /// Status, acknowledgements and the history, grouped by nothing yet.
    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter)
    /// Everything due up to `time` that is no trade, such as heartbeats.
    mutating func idle(until time: Int64, to output: inout RecordWriter)
    /// One batch; not empty.
    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter)
}

extension WireSession {
    var history: HistoryShape { .none }
    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {}
    mutating func idle(until time: Int64, to output: inout RecordWriter) {}
}

extension WireFormat {
    func session(_ symbols: [WireSymbol]) -> any WireSession {
        switch self {
        case .binanceCombined, .binanceRaw, .binanceMicroseconds: BinanceTradeSession(symbols, format: self)
        case .binanceREST: BinanceTradePages(symbols)
        case .krakenV2: KrakenV2Session(symbols)
        case .krakenV1: KrakenV1Session(symbols)
        case .krakenREST: KrakenTradePages(symbols)
        case .coinbaseAdvanced: CoinbaseAdvancedSession(symbols)
        case .coinbaseExchange: CoinbaseExchangeSession(symbols)
        case .coinbaseREST: CoinbaseTradePages(symbols)
        case .coinbaseAdvancedREST: CoinbaseTickerPages(symbols)
        }
    }
}

extension [SimulatedTrade] {
    /// The trades of each symbol in their order, symbols without trades left out.
    func bySymbol(_ count: Int) -> [(symbol: Int, trades: [SimulatedTrade])] {
        var groups = [[SimulatedTrade]](repeating: [], count: count)
        for trade in self { groups[trade.symbol].append(trade) }
        return groups.enumerated().filter { !$0.element.isEmpty }.map { ($0.offset, $0.element) }
    }
}

/// A JSON array of strings.
func jsonList(_ texts: [String]) -> String {
    "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]"
}
