import K2Domain

extension ReplacingTable {
    /// The time at which a row came, by the server's clock. What leaves the warm store is cut by it, so
    /// that rows with late event times are not missed.
    static let loadedAt = "loaded_at"

    /// The table of `table`'s rows.
    init(_ table: TableDefinition) {
        name = table.warmName
        definitions = table.columns.map(Self.definition) + [Self.loadedAtDefinition]
        if table.isGold { definitions.append(Self.candleVersion) }
        definitions += [Self.index(on: table.timeColumn), Self.index(on: Self.loadedAt)]
        version = table.isGold ? "version" : nil
        let time = SQLText.identifier(table.timeColumn)
        partition = table.isGold ? "toYYYYMM(\(time))" : "toYYYYMMDD(\(time))"
        key = table.identity
        shardKey = table.identity.filter { ["exchange", "symbol", "canonical_symbol"].contains($0) }
        ttl = "toDateTime(\(time)) + INTERVAL \(table.warmDays) DAY"
    }

    private static func definition(_ column: ColumnDefinition) -> String {
        "\(SQLText.identifier(column.name)) \(ClickHouseType.of(column)) \(ColumnCodec.of(column))"
    }

    private static let loadedAtDefinition =
        "\(SQLText.identifier(loadedAt)) \(ClickHouseType.timestamp) DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1))"

    /// The higher revision wins; of one revision the final candle, then the one that came last.
    private static let candleVersion =
        "`version` UInt64 MATERIALIZED toUInt64(`revision`) * 2 + toUInt64(`is_final`) CODEC(ZSTD(1))"

    private static func index(on column: String) -> String {
        "INDEX \(SQLText.identifier("\(column)_range")) \(SQLText.identifier(column)) TYPE minmax GRANULARITY 1"
    }
}

extension TableDefinition {
    /// Its rows are candles, which are revised.
    fileprivate var isGold: Bool { column("revision") != nil }
}
