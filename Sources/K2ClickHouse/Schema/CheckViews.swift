import K2Domain

/// Views that compute the candles of one interval a second time, from the trades, and compare.
struct CheckViews {
    var interval: CandleInterval
    var options: SchemaOptions

    private var goldName: String { MarketTables.gold(interval).warmName }
    private var checkName: String { "\(goldName)_check" }
    private var diffName: String { "\(goldName)_diff" }

    var statements: [String] { [check, diff] }

    /// The columns that the trades determine.
    private var check: String {
        let candles = CandleSQL(interval: interval, trades: options.qualified(MarketTables.silver.warmName))
        return "CREATE VIEW IF NOT EXISTS \(options.qualified(checkName))\(options.onCluster) AS\n\(candles.select)"
    }

    /// One row per window in which final candle and trades disagree. `missing`: no final candle, as of a
    /// window that is still open; `unfounded`: no trades, as after they have left the table.
    private var diff: String {
        """
        CREATE VIEW IF NOT EXISTS \(options.qualified(diffName))\(options.onCluster) AS
        SELECT
            `exchange`,
            `canonical_symbol`,
            '\(interval.rawValue)' AS `interval`,
            `window_start`,
            multiIf(countIf(`is_stored`) = 0, 'missing', countIf(NOT `is_stored`) = 0, 'unfounded', 'different') AS `difference`,
            anyIf(`candle`, `is_stored`) AS `stored`,
            anyIf(`candle`, NOT `is_stored`) AS `computed`
        FROM
        (
            SELECT true AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, \(candle) AS `candle`
            FROM \(options.qualified(goldName)) FINAL
            WHERE `is_final`
            UNION ALL
            SELECT false AS `is_stored`, `exchange`, `canonical_symbol`, `window_start`, \(candle) AS `candle`
            FROM \(options.qualified(checkName))
        )
        GROUP BY `exchange`, `canonical_symbol`, `window_start`
        HAVING count() != 2 OR uniqExact(`candle`) != 1
        """
    }

    /// Everything but the identity that both sides have, as one named tuple.
    private var candle: String {
        let own: Set<String> = ["exchange", "canonical_symbol", "interval", "window_start", "revision", "is_final", "has_gap"]
        let columns = MarketTables.gold(interval).columns.filter { !own.contains($0.name) }
        let types = columns.map { "\(SQLText.identifier($0.name)) \(ClickHouseType.of($0))" }.joined(separator: ", ")
        return "CAST((\(SQLText.identifiers(columns.map(\.name)))), \(SQLText.literal("Tuple(\(types))")))"
    }
}
