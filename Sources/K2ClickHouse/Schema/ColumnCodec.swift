import K2Domain

/// How a column is compressed (documentation page "CREATE TABLE", section "Column compression codecs").
enum ColumnCodec {
    static func of(_ column: ColumnDefinition) -> String {
        switch column.type {
        // Ids and times grow from row to row: their differences are small.
        case .timestamp, .int64, .int32: "CODEC(Delta, ZSTD(1))"
        // Messages repeat the same names again and again; they are written once and hardly ever read.
        case .string where column.name == "payload": "CODEC(ZSTD(3))"
        default: "CODEC(ZSTD(1))"
        }
    }
}
