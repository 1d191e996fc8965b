import K2Bytes
import K2Domain

/// Writes the parts of Coinbase Advanced Trade messages.
struct CoinbaseAdvancedText {
    private let symbols: [WireSymbol]
    private let names: [[UInt8]]

    init(_ symbols: [WireSymbol]) {
        self.symbols = symbols
        names = symbols.map { Array($0.name.utf8) }
    }

    /// Appends `{"channel":"market_trades","timestamp":"…","sequence_num":247,"events":[`.
    /// - Parameter channel: the name with its closing quote and whatever stands between it and the timestamp.
    static func appendHead(
        _ channel: StaticString, at time: Int64, nanoseconds: UInt64, sequence: Int64, clock: inout ClockText, to bytes: inout ByteWriter
    ) {
        bytes.append("{\"channel\":\"")
        bytes.append(channel)
        bytes.append(",\"timestamp\":\"")
        clock.appendCut(time, nanoseconds: nanoseconds, to: &bytes)
        bytes.append("\",\"sequence_num\":")
        bytes.append(decimal: sequence)
        bytes.append(",\"events\":[")
    }

    /// Appends the objects of trades that are in ascending order: newest first, the maker's side.
    func append(_ trades: [SimulatedTrade], clock: inout ClockText, to bytes: inout ByteWriter) {
        for index in trades.indices.reversed() {
            let trade = trades[index]
            bytes.append(index == trades.count - 1 ? "{\"product_id\":\"" : ",{\"product_id\":\"")
            bytes.append(names[trade.symbol])
            bytes.append("\",\"trade_id\":\"")
            bytes.append(decimal: trade.id)
            bytes.append("\",\"price\":\"")
            bytes.append(trade.price, as: symbols[trade.symbol].price)
            bytes.append("\",\"size\":\"")
            bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
            bytes.append("\",\"time\":\"")
            clock.appendCut(trade.time, to: &bytes)
            bytes.append(trade.takerBuys ? "\",\"side\":\"SELL\"}" : "\",\"side\":\"BUY\"}")
        }
    }

    /// Appends the event of a heartbeat and the end of its message.
    /// - Parameters:
    ///   - seconds: uptime of the server process, which is also the counter.
    ///   - nanoseconds: ns within the µs of `time`.
    ///   - uptimeFraction: ns within the second of the uptime.
    static func appendHeartbeat(
        at time: Int64, seconds: Int64, nanoseconds: UInt64, uptimeFraction: UInt64, to bytes: inout ByteWriter
    ) {
        bytes.append("{\"current_time\":\"")
        appendGoTime(time, nanoseconds: nanoseconds, to: &bytes)
        bytes.append(" m=+")
        bytes.append(decimal: seconds)
        bytes.append(".")
        bytes.append(decimal: uptimeFraction, width: 9)
        bytes.append("\",\"heartbeat_counter\":")
        bytes.append(decimal: seconds)
        bytes.append("}]}")
    }

    /// Go's default form: `2026-09-30 02:37:15.057778606 +0000 UTC`, trailing zeros of the fraction cut.
    private static func appendGoTime(_ time: Int64, nanoseconds: UInt64, to bytes: inout ByteWriter) {
        let civil = Timestamp.civil(day: Timestamp(microseconds: time).day)
        let second = UInt64(time / 1_000_000 % 86_400)
        bytes.append(decimal: UInt64(civil.year), width: 4)
        bytes.append("-")
        bytes.append(decimal: UInt64(civil.month), width: 2)
        bytes.append("-")
        bytes.append(decimal: UInt64(civil.day), width: 2)
        bytes.append(" ")
        bytes.append(decimal: second / 3_600, width: 2)
        bytes.append(":")
        bytes.append(decimal: second / 60 % 60, width: 2)
        bytes.append(":")
        bytes.append(decimal: second % 60, width: 2)
        bytes.appendFraction(UInt64(time % 1_000_000) * 1_000 + nanoseconds, digits: 9)
        bytes.append(" +0000 UTC")
    }
}

/// Writes the replies of Coinbase Advanced Trade `GET …/market/products/{id}/ticker`.
struct CoinbaseTickerText {
    private let symbols: [WireSymbol]

    init(_ symbols: [WireSymbol]) { self.symbols = symbols }

    /// Appends `{"trades":[…],"best_bid":"…","best_ask":"…"}`.
    /// - Parameters:
    ///   - trades: of one symbol, ascending; written newest first.
    ///   - newest: the trade whose price the book stands at.
    func append(_ trades: [SimulatedTrade], newest: SimulatedTrade?, clock: inout ClockText, to bytes: inout ByteWriter) {
        bytes.append("{\"trades\":[")
        for index in trades.indices.reversed() {
            append(trades[index], isFirst: index == trades.count - 1, clock: &clock, to: &bytes)
        }
        bytes.append("],\"best_bid\":\"")
        if let newest {
            let style = symbols[newest.symbol].price
            bytes.append(newest.takerBuys ? max(newest.price - 1, 1) : newest.price, as: style)
            bytes.append("\",\"best_ask\":\"")
            bytes.append(newest.takerBuys ? newest.price : newest.price + 1, as: style)
        } else {
            bytes.append("\",\"best_ask\":\"")
        }
        bytes.append("\"}")
    }

    private func append(_ trade: SimulatedTrade, isFirst: Bool, clock: inout ClockText, to bytes: inout ByteWriter) {
        let symbol = symbols[trade.symbol]
        bytes.append(isFirst ? "{\"trade_id\":\"" : ",{\"trade_id\":\"")
        bytes.append(decimal: trade.id)
        bytes.append("\",\"product_id\":\"")
        bytes.append(string: symbol.name)
        bytes.append("\",\"price\":\"")
        bytes.append(trade.price, as: symbol.price)
        bytes.append("\",\"size\":\"")
        bytes.append(trade.quantity, as: symbol.quantity)
        bytes.append("\",\"time\":\"")
        clock.appendCut(trade.time, to: &bytes)
        bytes.append(trade.takerBuys ? "\",\"side\":\"SELL\"" : "\",\"side\":\"BUY\"")
        bytes.append(",\"bid\":\"\",\"ask\":\"\",\"exchange\":\"coinbase\"}")
    }
}

/// Writes the replies of Coinbase Exchange `GET /products/{id}/trades`.
struct CoinbaseRowText {
    private let symbols: [WireSymbol]

    init(_ symbols: [WireSymbol]) { self.symbols = symbols }

    /// Appends `[{"trade_id":…},…]`: trades of one symbol in ascending order, written newest first.
    func append(_ trades: [SimulatedTrade], clock: inout ClockText, to bytes: inout ByteWriter) {
        bytes.append("[")
        for index in trades.indices.reversed() {
            let trade = trades[index]
            bytes.append(index == trades.count - 1 ? "{\"trade_id\":" : ",{\"trade_id\":")
            bytes.append(decimal: trade.id)
            bytes.append(trade.takerBuys ? ",\"side\":\"sell\",\"size\":\"" : ",\"side\":\"buy\",\"size\":\"")
            bytes.append(trade.quantity, as: symbols[trade.symbol].quantity)
            bytes.append("\",\"price\":\"")
            bytes.append(trade.price, as: symbols[trade.symbol].price)
            bytes.append("\",\"time\":\"")
            clock.append(trade.time, to: &bytes)
            bytes.append("\"}")
        }
        bytes.append("]")
    }
}
