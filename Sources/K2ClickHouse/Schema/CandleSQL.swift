import K2Domain

/// The candles of one interval, computed from the trades of the warm store. Columns are named as those of the gold table.
///
/// Windows are counted from 1970 in both directions: intervals of microseconds keep the type of the time, coarser ones would narrow it to seconds since
/// 1970. The inner query has names of its own, since an alias would otherwise hide the column that it is made from.
///
/// Trades of one instant without a sequence are ordered by trade id; the stream's candles order them by
/// a digest that a server does not have. Where an exchange gives no ids, open and close may differ.
struct CandleSQL {
    var interval: CandleInterval
    /// The table of trades, quoted.
    var trades: String
    /// Conditions on trades beside being valid.
    var conditions: [String] = []
    /// Further columns: `(expression over a trade, its name, expression over a window's trades, its name)`.
    var extras: [(trade: String, name: String, window: String, column: String)] = []

    var select: String {
        """
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
            max(`sequence`) AS `last_sequence`\(extras.map { ",\n    \($0.window) AS `\($0.column)`" }.joined())
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
                `side` = 'BUY' AS `is_buy`\(extras.map { ",\n        \($0.trade) AS `\($0.name)`" }.joined())
            FROM \(trades) FINAL
            WHERE \((["`is_valid`"] + conditions).joined(separator: " AND "))
        )
        GROUP BY `exchange`, `canonical_symbol`, `window`
        """
    }
}
