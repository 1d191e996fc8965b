import K2Bytes
import K2Domain
import K2JSON
import K2Rows

/// Values of a row for people and programs.
enum ValueText {
    /// The value as JSON: decimals and times as strings, null for none.
    static func json(_ column: ColumnBuilder, _ row: Int) -> String {
        if !column.validity.isEmpty, !column.validity[row] { return "null" }
        var text = ByteWriter(capacity: 64)
        switch column.definition.type {
        case .string: text.appendJSONString(column.strings.value(row).span)
        case .boolean: text.append(column.booleans[row] ? "true" : "false")
        case .int32: text.append(decimal: Int64(column.int32s[row]))
        case .int64: text.append(decimal: column.int64s[row])
        case .timestamp: quoted(&text) { $0.append(Timestamp(microseconds: column.int64s[row])) }
        case .decimal(_, let scale): quoted(&text) { $0.append(trimmed(column.int128s[row], scale)) }
        case .uuid: quoted(&text) { $0.append(UUIDValue(bits: column.uuids[row])) }
        case .stringList, .stringMap: nested(column, row, &text)
        }
        return text.bytes.text
    }

    /// As `json`, without quotes around texts.
    static func plain(_ column: ColumnBuilder, _ row: Int) -> String {
        let text = json(column, row)
        return text.hasPrefix("\"") ? String(text.dropFirst().dropLast()) : text
    }

    private static func quoted(_ text: inout ByteWriter, _ body: (inout ByteWriter) -> Void) {
        text.append("\"")
        body(&text)
        text.append("\"")
    }

    private static func trimmed(_ mantissa: Int128, _ scale: Int) -> FixedDecimal {
        var (mantissa, scale) = (mantissa, scale)
        while scale > 0, mantissa % 10 == 0 { (mantissa, scale) = (mantissa / 10, scale - 1) }
        return FixedDecimal(mantissa: mantissa, scale: UInt8(scale))
    }

    private static func nested(_ column: ColumnBuilder, _ row: Int, _ text: inout ByteWriter) {
        let isMap = column.definition.type == .stringMap
        text.append(isMap ? "{" : "[")
        for index in Int(column.offsets[row])..<Int(column.offsets[row + 1]) {
            if index > column.offsets[row] { text.append(",") }
            text.appendJSONString(column.strings.value(index).span)
            guard isMap else { continue }
            text.append(":")
            text.appendJSONString(column.mapValues.value(index).span)
        }
        text.append(isMap ? "}" : "]")
    }
}
