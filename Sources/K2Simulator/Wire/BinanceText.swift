import K2Bytes

/// Writes Binance `@trade` messages, with or without the wrapper of a combined stream.
struct BinanceTradeText {
    private let symbols: [WireSymbol]
    /// By symbol: up to the event time, and from there to the trade id.
    private let heads: [(event: [UInt8], symbol: [UInt8])]
    private let isCombined: Bool
    /// µs in a unit of the wire's times: 1 or 1000.
    private let timeUnit: Int64

    init(_ symbols: [WireSymbol], isCombined: Bool, timeUnit: Int64) {
        self.symbols = symbols
        self.isCombined = isCombined
        self.timeUnit = timeUnit
        heads = symbols.map { symbol in
            let wrapper = isCombined ? "{\"stream\":\"\(symbol.name.lowercased())@trade\",\"data\":" : ""
            return (Array("\(wrapper){\"e\":\"trade\",\"E\":".utf8), Array(",\"s\":\"\(symbol.name)\",\"t\":".utf8))
        }
    }

    /// - Parameter time: µs at which the stream server sends the event.
    func append(_ trade: SimulatedTrade, sentAt time: Int64, to bytes: inout ByteWriter) {
        bytes.append(heads[trade.symbol].event)
        bytes.append(decimal: time / timeUnit)
        bytes.append(heads[trade.symbol].symbol)
        bytes.append(decimal: trade.id)
        bytes.append(",\"p\":\"")
        bytes.append(trade.price, as: symbols[trade.symbol].price)
        bytes.append("\",\"q\":\"")
        bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
        bytes.append("\",\"T\":")
        bytes.append(decimal: trade.time / timeUnit)
        bytes.append(trade.takerBuys ? ",\"m\":false,\"M\":true}" : ",\"m\":true,\"M\":true}")
        if isCombined { bytes.append("}") }
    }

    /// The event before a connection is cut: `{"e":"serverShutdown","E":1770123456789}`.
    func appendShutdown(at time: Int64, to bytes: inout ByteWriter) {
        if isCombined { bytes.append("{\"stream\":\"!serverShutdown\",\"data\":") }
        bytes.append("{\"e\":\"serverShutdown\",\"E\":")
        bytes.append(decimal: time / timeUnit)
        bytes.append(isCombined ? "}}" : "}")
    }
}

/// Writes rows of Binance `historicalTrades` and `trades`.
struct BinanceRowText {
    private let symbols: [WireSymbol]
    /// Price times quantity, padded to eight decimals.
    private let quoteQuantity: [DecimalStyle]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        quoteQuantity = symbols.map { DecimalStyle(decimals: $0.price.decimals + $0.quantity.decimals, paddedTo: 8) }
    }

    /// Appends `[{"id":…},…]`, one symbol, in the order given.
    /// - Parameter timeUnit: µs in a unit of the row's time.
    func append(_ trades: [SimulatedTrade], timeUnit: Int64 = 1_000, to bytes: inout ByteWriter) {
        bytes.append("[")
        for (index, trade) in trades.enumerated() {
            let symbol = symbols[trade.symbol]
            bytes.append(index == 0 ? "{\"id\":" : ",{\"id\":")
            bytes.append(decimal: trade.id)
            bytes.append(",\"price\":\"")
            bytes.append(trade.price, as: symbol.price)
            bytes.append("\",\"qty\":\"")
            bytes.append(trade.quantity, as: symbol.quantity)
            bytes.append("\",\"quoteQty\":\"")
            bytes.append(trade.price &* trade.quantity, as: quoteQuantity[trade.symbol])
            bytes.append("\",\"time\":")
            bytes.append(decimal: trade.time / timeUnit)
            bytes.append(trade.takerBuys ? ",\"isBuyerMaker\":false" : ",\"isBuyerMaker\":true")
            bytes.append(",\"isBestMatch\":true}")
        }
        bytes.append("]")
    }
}
