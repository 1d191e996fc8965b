import K2Bytes
import K2Domain

/// Kraken WebSocket v2 `trade`: several trades of one symbol a message, bare numbers with the engine's digits.
///
/// `{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,
/// "ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}]}`
/// Source: docs.kraken.com, Spot WebSocket v2, trade, status, heartbeat, seen 2026-09.
struct KrakenV2Session: WireSession {
    let batching = Batching.sameSymbol(window: 20_000, limit: 50)
    let history = HistoryShape.newest
    private let symbols: [WireSymbol]
    private let text: KrakenTradeText
    private var lastSent: Int64 = 0

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        text = KrakenTradeText(symbols)
    }

    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        let connection = output.random.next() | (1 << 63)
        output.record(.stream, sentAt: time, message: KrakenTradeText.status(connection: connection))
        for symbol in symbols {
            let arrived = Timestamp(microseconds: time + 80_000)
            let left = Timestamp(microseconds: time + 80_000 + 20 + output.random.below(60))
            output.record(
                .stream, sentAt: time + 80_000,
                message: "{\"method\":\"subscribe\",\"result\":{\"channel\":\"trade\",\"snapshot\":true,\"symbol\":\"\(symbol.name)\"},"
                    + "\"success\":true,\"time_in\":\"\(arrived)\",\"time_out\":\"\(left)\",\"req_id\":1}")
        }
        for group in history.bySymbol(symbols.count) { write(group.trades, .snapshot, at: time + 90_000, to: &output) }
        lastSent = time + 90_000
    }

    /// A heartbeat a second while nothing else is sent.
    mutating func idle(until time: Int64, to output: inout RecordWriter) {
        while time - lastSent >= 1_000_000 {
            lastSent += 1_000_000
            output.record(.stream, sentAt: lastSent, message: "{\"channel\":\"heartbeat\"}")
        }
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        write(trades, .stream, at: time, to: &output)
        lastSent = max(lastSent, time)
    }

    private func write(_ trades: [SimulatedTrade], _ origin: Origin, at time: Int64, to output: inout RecordWriter) {
        output.begin(origin, sentAt: time)
        output.bytes.append(",\"message\":")
        text.append(trades, isSnapshot: origin == .snapshot, clock: &output.clock, to: &output.bytes)
        output.end()
    }
}
