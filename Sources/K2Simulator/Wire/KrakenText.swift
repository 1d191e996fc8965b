import K2Bytes

/// Writes Kraken v2 `trade` messages.
struct KrakenTradeText {
    private let symbols: [WireSymbol]
    private let names: [[UInt8]]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        names = symbols.map { Array($0.name.utf8) }
    }

    /// One message, trades in the order given.
    func append(_ trades: [SimulatedTrade], isSnapshot: Bool, clock: inout ClockText, to bytes: inout ByteWriter) {
        bytes.append("{\"channel\":\"trade\",\"type\":\"")
        bytes.append(isSnapshot ? "snapshot\",\"data\":[" : "update\",\"data\":[")
        for (index, trade) in trades.enumerated() {
            bytes.append(index == 0 ? "{\"symbol\":\"" : ",{\"symbol\":\"")
            bytes.append(names[trade.symbol])
            bytes.append(trade.takerBuys ? "\",\"side\":\"buy\",\"price\":" : "\",\"side\":\"sell\",\"price\":")
            bytes.append(trade.price, as: symbols[trade.symbol].price)
            bytes.append(",\"qty\":")
            bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
            bytes.append(trade.isMarketOrder ? ",\"ord_type\":\"market\",\"trade_id\":" : ",\"ord_type\":\"limit\",\"trade_id\":")
            bytes.append(decimal: trade.id)
            bytes.append(",\"timestamp\":\"")
            clock.append(trade.time, to: &bytes)
            bytes.append("\"}")
        }
        bytes.append("]}")
    }

    /// The status message of a new connection. `connection` takes all 64 bits.
    static func status(connection: UInt64, system: String = "online") -> String {
        "{\"channel\":\"status\",\"type\":\"update\",\"data\":[{\"version\":\"2.0.10\",\"system\":\"\(system)\","
            + "\"api_version\":\"v2\",\"connection_id\":\(connection),\"upcoming_maintenance\":[],\"emergency\":[]}]}"
    }
}

/// Writes the replies of Kraken `GET /0/public/Trades`.
struct KrakenRowText {
    private let symbols: [WireSymbol]

    init(_ symbols: [WireSymbol]) { self.symbols = symbols }

    /// The engine's ns within the µs, the same for all trades of an order; below 950, so that rounding to
    /// seven decimals stays within the µs.
    static func nanoseconds(_ trade: SimulatedTrade) -> Int64 {
        Int64(RandomSource.mixed(trade.order) % 950)
    }

    /// Appends `{"error":[],"result":{"XXBTZUSD":[[…],…],"last":"1688671969993150842"}}`.
    /// - Parameter last: the text of `last` when there are no trades.
    func append(_ trades: [SimulatedTrade], key: String, last: String = "0", to bytes: inout ByteWriter) {
        bytes.append("{\"error\":[],\"result\":{\"")
        bytes.append(string: key)
        bytes.append("\":[")
        for (index, trade) in trades.enumerated() { append(trade, isFirst: index == 0, to: &bytes) }
        bytes.append("],\"last\":\"")
        if let last = trades.last {
            // In ns, which an Int64 holds to the year 2262 only: µs and three digits.
            bytes.append(decimal: last.time)
            bytes.append(decimal: UInt64(Self.nanoseconds(last)), width: 3)
        } else {
            bytes.append(string: last)
        }
        bytes.append("\"}}")
    }

    private func append(_ trade: SimulatedTrade, isFirst: Bool, to bytes: inout ByteWriter) {
        let symbol = symbols[trade.symbol]
        bytes.append(isFirst ? "[\"" : ",[\"")
        bytes.append(trade.price, as: symbol.price)
        bytes.append("\",\"")
        bytes.append(trade.quantity, as: symbol.quantity)
        bytes.append("\",")
        bytes.append(decimal: trade.time / 1_000_000)
        let tenths = UInt64(trade.time % 1_000_000 * 10 + (Self.nanoseconds(trade) + 50) / 100)
        bytes.appendFraction(tenths, digits: 7)
        bytes.append(trade.takerBuys ? ",\"b\",\"" : ",\"s\",\"")
        bytes.append(trade.isMarketOrder ? "m\",\"\"," : "l\",\"\",")
        bytes.append(decimal: trade.id)
        bytes.append("]")
    }
}
