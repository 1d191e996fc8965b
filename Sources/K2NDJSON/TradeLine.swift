import K2Bytes
import K2Domain
import K2JSON

/// The values of a trade that both its `trade` and its `bronze` record carry, as ranges of the raw
/// line or as decoded values.
public struct TradeValues: Sendable {
    /// The price and quantity as they were sent, or empty: then they are printed from their values.
    public var priceText = ByteRange.empty
    public var quantityText = ByteRange.empty
    public var price = FixedDecimal.zero
    public var quantity = FixedDecimal.zero
    public var quoteVolume = FixedDecimal.zero
    public var side = Side.unknown
    public var timestamp = Timestamp(microseconds: 0)
    public var ingestionTimestamp = Timestamp(microseconds: 0)
    public var eventTime: Timestamp?
    /// The exchange's numeric trade id.
    public var sequence: UInt64?
    public var origin = Origin.stream

    public init() {}

    func writePriceToSide(to output: inout ByteWriter, text: Span<UInt8>) {
        output.append("\"price\":\"")
        if priceText.isEmpty { output.append(price) } else { output.append(text.part(priceText)) }
        output.append("\",\"quantity\":\"")
        if quantityText.isEmpty { output.append(quantity) } else { output.append(text.part(quantityText)) }
        output.append("\",\"quote_volume\":\"")
        output.append(quoteVolume)
        output.append("\",\"side\":\"")
        output.append(side.name)
        output.append("\"")
    }
}

/// Writes `trade` records: the silver row.
public enum TradeLine {
    /// Appends a record and its newline. Nothing is allocated.
    /// - Parameters:
    ///   - tradeID: `BINANCE-388511`.
    ///   - instrument: the members from `"exchange"` to `"currency"`.
    ///   - condition: the taker's order type, or empty.
    ///   - vendorData: entries of `vendor_data`, ranges of `text`.
    ///   - problems: the contents of `validation_errors`.
    public static func write(
        _ values: TradeValues, messageID: UUIDValue, tradeID: Span<UInt8>, instrument: [UInt8],
        condition: StaticString, vendorData: ArraySlice<NamedText>, isValid: Bool, problems: [StaticString],
        text: Span<UInt8>, to output: inout ByteWriter
    ) {
        output.append("{\"kind\":\"trade\",\"message_id\":\"")
        output.append(messageID)
        output.append("\",\"trade_id\":\"")
        output.append(tradeID)
        output.append("\",")
        output.append(instrument)
        output.append(",")
        values.writePriceToSide(to: &output, text: text)
        if condition.utf8CodeUnitCount > 0 {
            output.append(",\"trade_conditions\":[\"")
            output.append(condition)
            output.append("\"]")
        }
        output.append(",\"timestamp\":\"")
        output.append(values.timestamp)
        output.append("\",\"ingestion_timestamp\":\"")
        output.append(values.ingestionTimestamp)
        output.append("\"")
        if let sequence = values.sequence {
            output.append(",\"source_sequence\":")
            output.appendInteger(sequence)
        }
        output.append(",\"origin\":\"")
        output.append(values.origin.name)
        output.append("\"")
        write(vendorData, text: text, to: &output)
        output.append(isValid ? ",\"is_valid\":true" : ",\"is_valid\":false")
        write(problems, to: &output)
        output.append("}\n")
    }

    private static func write(_ entries: ArraySlice<NamedText>, text: Span<UInt8>, to output: inout ByteWriter) {
        if entries.isEmpty { return }
        output.append(",\"vendor_data\":{")
        var first = true
        for entry in entries {
            if !first { output.append(",") }
            first = false
            output.append("\"")
            output.append(text.part(entry.key))
            output.append("\":")
            if entry.isStructured {
                output.appendJSONString(text.part(entry.value))
            } else {
                output.append("\"")
                output.append(text.part(entry.value))
                output.append("\"")
            }
        }
        output.append("}")
    }

    private static func write(_ problems: [StaticString], to output: inout ByteWriter) {
        if problems.isEmpty { return }
        output.append(",\"validation_errors\":[")
        for (index, problem) in problems.enumerated() {
            output.append(index == 0 ? "\"" : ",\"")
            output.append(problem)
            output.append("\"")
        }
        output.append("]")
    }
}

/// Writes `bronze` records: one trade with its part of the message, verbatim.
public enum BronzeLine {
    /// Appends a record and its newline.
    public static func write(
        _ values: TradeValues, exchange: Exchange, symbol: Span<UInt8>, tradeID: Span<UInt8>, payload: ByteRange,
        text: Span<UInt8>, to output: inout ByteWriter
    ) {
        output.append("{\"kind\":\"bronze\",\"exchange\":\"")
        output.append(exchange.name)
        output.append("\",\"exchange_timestamp\":\"")
        output.append(values.timestamp)
        output.append("\"")
        if let sequence = values.sequence {
            output.append(",\"sequence_number\":")
            output.appendInteger(sequence)
        }
        output.append(",\"trade_id\":\"")
        output.append(tradeID)
        output.append("\",\"symbol\":\"")
        output.append(symbol)
        output.append("\",")
        values.writePriceToSide(to: &output, text: text)
        if let eventTime = values.eventTime {
            output.append(",\"event_time\":\"")
            output.append(eventTime)
            output.append("\"")
        }
        output.append(",\"ingestion_timestamp\":\"")
        output.append(values.ingestionTimestamp)
        output.append("\",\"payload\":")
        output.append(text.part(payload))
        output.append("}\n")
    }
}
