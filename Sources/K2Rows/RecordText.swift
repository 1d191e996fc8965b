import K2Bytes
import K2Domain
import K2JSON

/// Writes a row back as a record of the stream: equal values, but numbers without the zeros that their column adds.
public enum RecordText {
    /// Appends the record of row `row`, without a newline.
    public static func write(_ buffer: borrowing RowBuffer, row: Int, to output: inout ByteWriter) {
        output.append("{\"kind\":")
        output.appendJSONString(kind(buffer.definition))
        if let exchange = bronzeExchange(buffer.definition) {
            output.append(",\"exchange\":")
            output.appendJSONString(exchange)
        }
        for index in buffer.columns.indices { write(buffer.columns[index], row, to: &output) }
        output.append("}")
    }

    private static func kind(_ definition: TableDefinition) -> String {
        if bronzeExchange(definition) != nil { return "bronze" }
        if definition.warmName == MarketTables.silver.warmName { return "trade" }
        return definition.warmName == MarketTables.gaps.warmName ? "gap" : "candle"
    }

    private static func bronzeExchange(_ definition: TableDefinition) -> String? {
        Exchange.allCases.first { MarketTables.bronze($0).warmName == definition.warmName }?.rawValue
    }

    /// What is empty or null is left out.
    private static func write(_ column: ColumnBuilder, _ row: Int, to output: inout ByteWriter) {
        let definition = column.definition
        let isNested = definition.type == .stringList || definition.type == .stringMap
        if isNested ? column.offsets[row] == column.offsets[row + 1] : !definition.isRequired && !column.validity[row] { return }
        output.append(",\"")
        output.append(definition.key)
        output.append("\":")
        // A payload is JSON itself.
        if definition.name == "payload", let first = column.strings.value(row).first, first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            output.append(column.strings.value(row))
        } else {
            appendValue(column, row, to: &output)
        }
    }

    /// Appends a value that is not null, as JSON: decimals and times as strings, and integers that JSON readers round.
    public static func appendValue(_ column: ColumnBuilder, _ row: Int, to output: inout ByteWriter) {
        switch column.definition.type {
        case .string: output.appendJSONString(column.strings.value(row).span)
        case .boolean: output.append(column.booleans[row] ? "true" : "false")
        case .int32: output.append(decimal: Int64(column.int32s[row]))
        case .int64: writeInteger(column.int64s[row], to: &output)
        case .timestamp: quoted(&output) { $0.append(Timestamp(microseconds: column.int64s[row])) }
        case .decimal(_, let scale): quoted(&output) { $0.append(trimmed(column.int128s[row], scale)) }
        case .uuid: quoted(&output) { $0.append(UUIDValue(bits: column.uuids[row])) }
        case .stringList, .stringMap: writeNested(column, row, to: &output)
        }
    }

    private static func quoted(_ output: inout ByteWriter, _ body: (inout ByteWriter) -> Void) {
        output.append("\"")
        body(&output)
        output.append("\"")
    }

    private static func writeInteger(_ value: Int64, to output: inout ByteWriter) {
        guard value.magnitude > 1 << 53 else { return output.append(decimal: value) }
        quoted(&output) { $0.append(decimal: value) }
    }

    private static func trimmed(_ mantissa: Int128, _ scale: Int) -> FixedDecimal {
        var (mantissa, scale) = (mantissa, scale)
        while scale > 0, mantissa % 10 == 0 {
            mantissa /= 10
            scale -= 1
        }
        return FixedDecimal(mantissa: mantissa, scale: UInt8(scale))
    }

    private static func writeNested(_ column: ColumnBuilder, _ row: Int, to output: inout ByteWriter) {
        let isMap = column.definition.type == .stringMap
        output.append(isMap ? "{" : "[")
        for index in Int(column.offsets[row])..<Int(column.offsets[row + 1]) {
            if index > column.offsets[row] { output.append(",") }
            output.appendJSONString(column.strings.value(index).span)
            guard isMap else { continue }
            output.append(":")
            output.appendJSONString(column.mapValues.value(index).span)
        }
        output.append(isMap ? "}" : "]")
    }
}
