import K2Domain

/// Views that compute the candles of one interval a second time, from the trades, and compare.
///
/// Trades of one instant without a sequence are ordered by trade id; the stream's candles order them by
/// a digest that a server does not have. Where an exchange gives no ids, open and close may differ.
struct CheckViews {
    var interval: CandleInterval
    var options: SchemaOptions

    private var goldName: String { MarketTables.gold(interval).warmName }
    private var checkName: String { "\(goldName)_check" }
    private var diffName: String { "\(goldName)_diff" }

    var statements: [String] { [check, diff] }

    /// The columns that the trades determine, named as those of the gold table.
    ///
    /// Windows are counted from 1970 in both directions: intervals of microseconds keep the type of the
    /// time, coarser ones would narrow it to seconds since 1970. The inner query has names of its own, since an
    /// alias would otherwise hide the column that it is made from.
    private var check: String {
        """
        CREATE VIEW IF NOT EXISTS \(options.qualified(checkName))\(options.onCluster) AS
        SELECT
            `exchange`,
            `canonical_symbol`,
            '\(interval.rawValue)' AS `interval`,
            `window` AS `window_start`,
            min(`at`) AS `open_time`,
            argMin(`trade_price`, `position`) AS `open_price`,
            max(`trade_price`) AS `high_price`,
            min(`trade_price`) AS `low_price`,
            max(`at`) AS `close_time`,
            argMax(`trade_price`, `position`) AS `close_price`,
            sum(`trade_quantity`) AS `volume`,
            sum(`trade_quote_volume`) AS `quote_volume`,
            toInt64(count()) AS `trade_count`,
            sumIf(`trade_quantity`, `is_buy`) AS `buy_volume`,
            min(`sequence`) AS `first_sequence`,
            max(`sequence`) AS `last_sequence`
        FROM
        (
            SELECT
                `exchange`,
                `canonical_symbol`,
                toStartOfInterval(`timestamp`, INTERVAL \(interval.width) MICROSECOND) AS `window`,
                `timestamp` AS `at`,
                `source_sequence` AS `sequence`,
                (`timestamp`, ifNull(`source_sequence`, 0), `trade_id`) AS `position`,
                `price` AS `trade_price`,
                `quantity` AS `trade_quantity`,
                `quote_volume` AS `trade_quote_volume`,
                `side` = 'BUY' AS `is_buy`
            FROM \(options.qualified(MarketTables.silver.warmName)) FINAL
            WHERE `is_valid`
        )
        GROUP BY `exchange`, `canonical_symbol`, `window`
        """
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
