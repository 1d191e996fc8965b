import K2Bytes
import K2Domain

/// Binance `<symbol>@trade`, one trade a message.
///
/// `{"stream":"btcusdt@trade","data":{"e":"trade","E":1789295137364,"s":"BTCUSDT","t":388511,"p":"76745.18000000",
/// "q":"0.00065000","T":1789295137364,"m":true,"M":true}}`; on a raw stream only the inner object arrives.
/// Source: binance-spot-api-docs, web-socket-streams.md, "Trade Streams", seen 2026-07.
struct BinanceTradeSession: WireSession {
    let batching = Batching.single
    private let text: BinanceTradeText
    private var connectedAt: Int64 = 0

    /// Binance cuts every connection after this long.
    static let connectionLife: Int64 = 24 * 3_600 * 1_000_000

    init(_ symbols: [WireSymbol], format: WireFormat) {
        text = BinanceTradeText(
            symbols, isCombined: format != .binanceRaw, timeUnit: format == .binanceMicroseconds ? 1 : 1_000)
    }

    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        connectedAt = time
        output.record(.stream, sentAt: time, message: "{\"result\":null,\"id\":1}")
    }

    mutating func idle(until time: Int64, to output: inout RecordWriter) {
        while time - connectedAt >= Self.connectionLife {
            let cut = connectedAt + Self.connectionLife
            output.begin(.stream, sentAt: cut)
            output.bytes.append(",\"message\":")
            text.appendShutdown(at: cut, to: &output.bytes)
            output.end()
            output.connect()
            open([], at: cut, to: &output)
        }
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        for trade in trades {
            let sentAt = max(time, trade.time) + output.random.below(2_000)
            output.begin(.stream, sentAt: sentAt)
            output.bytes.append(",\"message\":")
            text.append(trade, sentAt: sentAt, to: &output.bytes)
            output.end()
        }
    }
}

/// Binance `GET /api/v3/historicalTrades`: compact rows, ascending, at most 1000 a page.
/// Source: binance-spot-api-docs, rest-api.md, "Old trade lookup", seen 2026-07.
struct BinanceTradePages: WireSession {
    static let pageSize = 1_000
    let batching = Batching.page(limit: pageSize)
    private let symbols: [WireSymbol]
    private let rows: BinanceRowText

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        rows = BinanceRowText(symbols)
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let symbol = symbols[trades[0].symbol]
        output.begin(.rest, sentAt: time)
        output.bytes.append(",\"request\":\"/api/v3/historicalTrades?symbol=")
        output.bytes.append(string: symbol.name)
        output.bytes.append("&fromId=")
        output.bytes.append(decimal: trades[0].id)
        output.bytes.append("&limit=")
        output.bytes.append(decimal: Int64(Self.pageSize))
        output.bytes.append("\",\"message\":")
        rows.append(trades, to: &output.bytes)
        output.end()
    }
}
