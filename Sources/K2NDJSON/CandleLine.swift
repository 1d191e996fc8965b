import K2Bytes
import K2Domain

/// Writes `candle` records.
public enum CandleLine {
    /// Appends a record without its newline.
    public static func write(
        _ candle: Candle, exchange: Exchange, canonicalSymbol: [UInt8], interval: CandleInterval,
        to output: inout ByteWriter
    ) {
        output.append("{\"kind\":\"candle\",\"exchange\":\"")
        output.append(exchange.name)
        output.append("\",\"canonical_symbol\":\"")
        output.append(canonicalSymbol)
        output.append("\",\"interval\":\"")
        output.append(interval.name)
        output.append("\",\"window_start\":\"")
        output.append(candle.windowStart)
        output.append("\",\"open_time\":\"")
        output.append(candle.openAt.time)
        write(",\"open_price\":\"", candle.openPrice, to: &output)
        write(",\"high_price\":\"", candle.highPrice, to: &output)
        write(",\"low_price\":\"", candle.lowPrice, to: &output)
        output.append("\",\"close_time\":\"")
        output.append(candle.closeAt.time)
        write(",\"close_price\":\"", candle.closePrice, to: &output)
        write(",\"volume\":\"", candle.volume, to: &output)
        write(",\"quote_volume\":\"", candle.quoteVolume, to: &output)
        output.append("\",\"trade_count\":")
        output.append(decimal: candle.tradeCount)
        output.append(",\"buy_volume\":\"")
        output.append(candle.buyVolume)
        output.append("\"")
        writeSequences(candle, to: &output)
        output.append(",\"revision\":")
        output.append(decimal: UInt64(candle.revision))
        output.append(candle.isFinal ? ",\"is_final\":true" : ",\"is_final\":false")
        output.append(candle.hasGap ? ",\"has_gap\":true}" : ",\"has_gap\":false}")
    }

    /// Closes the string before, then writes a member whose string is left open.
    private static func write(
        _ head: StaticString, _ value: FixedDecimal, to output: inout ByteWriter
    ) {
        output.append("\"")
        output.append(head)
        output.append(value)
    }

    private static func writeSequences(_ candle: Candle, to output: inout ByteWriter) {
        if let first = candle.firstSequence {
            output.append(",\"first_sequence\":")
            output.appendInteger(first)
        }
        if let last = candle.lastSequence {
            output.append(",\"last_sequence\":")
            output.appendInteger(last)
        }
    }
}
