import K2Bytes
import K2Domain
import K2Rows

/// Values of a row for people and programs.
enum ValueText {
    /// The value as in the records of the stream, null for none.
    static func json(_ column: ColumnBuilder, _ row: Int) -> String {
        if !column.validity.isEmpty, !column.validity[row], !column.definition.isNested { return "null" }
        var text = ByteWriter(capacity: 64)
        RecordText.appendValue(column, row, to: &text)
        return text.bytes.text
    }

    /// As `json`, without quotes around texts.
    static func plain(_ column: ColumnBuilder, _ row: Int) -> String {
        let text = json(column, row)
        return text.hasPrefix("\"") ? String(text.dropFirst().dropLast()) : text
    }
}
