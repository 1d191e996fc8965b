import K2Bytes
import K2Domain

/// Binance `<symbol>@trade`, one trade a message.
///
/// `{"stream":"btcusdt@trade","data":{"e":"trade","E":1789295137364,"s":"BTCUSDT","t":388511,"p":"76745.18000000",
/// "q":"0.00065000","T":1789295137364,"m":true,"M":true}}`; on a raw stream only the inner object arrives.
/// Source: binance-spot-api-docs, web-socket-streams.md, "Trade Streams", seen 2026-07.
struct BinanceTradeSession: WireSession {
    let batching = Batching.single
    private let symbols: [WireSymbol]
    /// By symbol: from `,"message":` to the event time, and from there to the trade id.
    private let heads: [(message: [UInt8], symbol: [UInt8])]
    private let isCombined: Bool
    /// µs in a unit of the wire's times.
    private let timeUnit: Int64
    private var connectedAt: Int64 = 0

    /// Binance cuts every connection after this long.
    private static let connectionLife: Int64 = 24 * 3_600 * 1_000_000

    init(_ symbols: [WireSymbol], format: WireFormat) {
        self.symbols = symbols
        let isCombined = format != .binanceRaw
        self.isCombined = isCombined
        timeUnit = format == .binanceMicroseconds ? 1 : 1_000
        heads = symbols.map { symbol in
            let wrapper = isCombined ? "{\"stream\":\"\(symbol.name.lowercased())@trade\",\"data\":" : ""
            return (
                Array(",\"message\":\(wrapper){\"e\":\"trade\",\"E\":".utf8), Array(",\"s\":\"\(symbol.name)\",\"t\":".utf8)
            )
        }
    }

    mutating func open(_ history: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        connectedAt = time
        output.record(.stream, sentAt: time, message: "{\"result\":null,\"id\":1}")
    }

    mutating func idle(until time: Int64, to output: inout RecordWriter) {
        while time - connectedAt >= Self.connectionLife {
            let cut = connectedAt + Self.connectionLife
            let event = "{\"e\":\"serverShutdown\",\"E\":\(cut / timeUnit)}"
            let message = isCombined ? "{\"stream\":\"!serverShutdown\",\"data\":\(event)}" : event
            output.record(.stream, sentAt: cut, message: message)
            output.connect()
            open([], at: cut, to: &output)
        }
    }

    mutating func send(_ trades: [SimulatedTrade], at time: Int64, to output: inout RecordWriter) {
        for trade in trades {
            let sentAt = max(time, trade.time) + output.random.below(2_000)
            output.begin(.stream, sentAt: sentAt)
            output.bytes.append(heads[trade.symbol].message)
            output.bytes.append(decimal: sentAt / timeUnit)
            output.bytes.append(heads[trade.symbol].symbol)
            output.bytes.append(decimal: trade.id)
            output.bytes.append(",\"p\":\"")
            output.bytes.append(trade.price, as: symbols[trade.symbol].price)
            output.bytes.append("\",\"q\":\"")
            output.bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
            output.bytes.append("\",\"T\":")
            output.bytes.append(decimal: trade.time / timeUnit)
            output.bytes.append(trade.takerBuys ? ",\"m\":false,\"M\":true}" : ",\"m\":true,\"M\":true}")
            if isCombined { output.bytes.append("}") }
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
    /// Price times quantity, padded to eight decimals.
    private let quoteQuantity: [DecimalStyle]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        quoteQuantity = symbols.map { DecimalStyle(decimals: $0.price.decimals + $0.quantity.decimals, paddedTo: 8) }
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
        output.bytes.append("\",\"message\":[")
        for (index, trade) in trades.enumerated() {
            output.bytes.append(index == 0 ? "{\"id\":" : ",{\"id\":")
            output.bytes.append(decimal: trade.id)
            output.bytes.append(",\"price\":\"")
            output.bytes.append(trade.price, as: symbol.price)
            output.bytes.append("\",\"qty\":\"")
            output.bytes.append(trade.quantity, as: symbol.quantity)
            output.bytes.append("\",\"quoteQty\":\"")
            output.bytes.append(trade.price &* trade.quantity, as: quoteQuantity[trade.symbol])
            output.bytes.append("\",\"time\":")
            output.bytes.append(decimal: trade.time / 1_000)
            output.bytes.append(trade.takerBuys ? ",\"isBuyerMaker\":false" : ",\"isBuyerMaker\":true")
            output.bytes.append(",\"isBestMatch\":true}")
        }
        output.bytes.append("]")
        output.end()
    }
}
