/// The eleven tables of K2.
public enum MarketTables {
    public static let price = ColumnType.decimal(precision: 38, scale: 12)
    public static let quoteVolume = ColumnType.decimal(precision: 38, scale: 18)

    public static let all: [TableDefinition] =
        Exchange.allCases.map(bronze) + [silver] + CandleInterval.allCases.map(gold) + [gaps]

    /// One row per trade with its part of the message, verbatim.
    public static func bronze(_ exchange: Exchange) -> TableDefinition {
        var columns = ColumnList()
        columns.add("exchange_timestamp", .timestamp)
        columns.add("sequence_number", .int64, required: false)
        columns.add("trade_id", .string)
        columns.add("symbol", .string)
        columns.add("price", price)
        columns.add("quantity", price)
        columns.add("quote_volume", quoteVolume)
        columns.add("side", .string)
        columns.add("event_time", .timestamp, required: false)
        columns.add("ingestion_timestamp", .timestamp)
        columns.add("payload", .string)
        columns.add("kafka_partition", .int32, required: false)
        columns.add("kafka_offset", .int64, required: false)
        let name = "bronze_trades_\(exchange.rawValue)"
        return TableDefinition(
            warmName: name, coldName: name, columns: columns.list, partition: [.day(column: "exchange_timestamp")],
            sortOrder: ["symbol", "exchange_timestamp"], identity: ["symbol", "trade_id"],
            timeColumn: "exchange_timestamp", warmDays: 7)
    }

    /// One row per trade of all exchanges, in canonical form.
    public static let silver: TableDefinition = {
        var columns = ColumnList()
        columns.add("message_id", .uuid)
        columns.add("trade_id", .string)
        columns.add("exchange", .string)
        columns.add("symbol", .string)
        columns.add("canonical_symbol", .string)
        columns.add("asset_class", .string)
        columns.add("currency", .string)
        columns.add("price", price)
        columns.add("quantity", price)
        columns.add("quote_volume", quoteVolume)
        columns.add("side", .string)
        columns.add("trade_conditions", .stringList)
        columns.add("timestamp", .timestamp)
        columns.add("ingestion_timestamp", .timestamp)
        columns.add("source_sequence", .int64, required: false)
        columns.add("origin", .string)
        columns.add("vendor_data", .stringMap)
        columns.add("is_valid", .boolean)
        columns.add("validation_errors", .stringList)
        return TableDefinition(
            warmName: "silver_trades", coldName: "silver_trades", columns: columns.list,
            partition: [.day(column: "timestamp")], sortOrder: ["canonical_symbol", "timestamp"],
            identity: ["exchange", "symbol", "trade_id"], timeColumn: "timestamp", warmDays: 30)
    }()

    /// One row per (exchange, symbol, window): the newest revision of the final candle.
    public static func gold(_ interval: CandleInterval) -> TableDefinition {
        var columns = ColumnList()
        columns.add("exchange", .string)
        columns.add("canonical_symbol", .string)
        columns.add("interval", .string)
        columns.add("window_start", .timestamp)
        columns.add("open_time", .timestamp)
        columns.add("open_price", price)
        columns.add("high_price", price)
        columns.add("low_price", price)
        columns.add("close_time", .timestamp)
        columns.add("close_price", price)
        columns.add("volume", price)
        columns.add("quote_volume", quoteVolume)
        columns.add("trade_count", .int64)
        columns.add("buy_volume", price)
        columns.add("first_sequence", .int64, required: false)
        columns.add("last_sequence", .int64, required: false)
        columns.add("revision", .int32)
        columns.add("is_final", .boolean)
        columns.add("has_gap", .boolean)
        return TableDefinition(
            warmName: "ohlcv_\(interval.rawValue)", coldName: "gold_ohlcv_\(interval.rawValue)", columns: columns.list,
            partition: [.month(column: "window_start"), .identity(column: "exchange")],
            sortOrder: ["canonical_symbol", "window_start"], identity: ["exchange", "canonical_symbol", "window_start"],
            timeColumn: "window_start", warmDays: 365)
    }

    /// The ledger of holes in the trade ids.
    public static let gaps: TableDefinition = {
        var columns = ColumnList()
        columns.add("exchange", .string)
        columns.add("symbol", .string)
        columns.add("first_missing", .int64)
        columns.add("last_missing", .int64)
        columns.add("after_time", .timestamp, required: false)
        columns.add("before_time", .timestamp, required: false)
        columns.add("state", .string)
        columns.add("cause", .string, required: false)
        columns.add("detected_at", .timestamp)
        return TableDefinition(
            warmName: "feed_gaps", coldName: "feed_gaps", columns: columns.list,
            partition: [.day(column: "detected_at")], sortOrder: ["symbol", "detected_at"],
            identity: ["exchange", "symbol", "first_missing", "last_missing", "state", "detected_at"],
            timeColumn: "detected_at", warmDays: 365)
    }()
}

/// Hands out field ids: columns in order first, nested fields after the last of them.
private struct ColumnList {
    private var columns: [ColumnDefinition] = []

    mutating func add(_ key: StaticString, _ type: ColumnType, required: Bool = true) {
        columns.append(ColumnDefinition(key: key, type: type, id: columns.count + 1, isRequired: required))
    }

    var list: [ColumnDefinition] {
        var next = columns.count + 1
        return columns.map { column in
            var column = column
            let nested = column.type == .stringMap ? 2 : column.type == .stringList ? 1 : 0
            column.nestedIDs = Array(next..<(next + nested))
            next += nested
            return column
        }
    }
}
