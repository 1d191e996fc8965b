import K2Bytes
import K2Capture
import K2Domain
import K2Exchanges
import K2Metrics

/// The metrics of a live capture as text. Three names are the old platform's: `feed_handler_trades_produced_total`,
/// `feed_handler_reconnects_total` and `feed_handler_last_message_timestamp`.
enum LiveMetrics {
    static func text(_ live: LiveCapture) -> [UInt8] {
        var text = MetricsText()
        let exchange = ("exchange", live.options.feed.exchange.rawValue)
        writeSymbols(live, exchange, &text)
        writeTotals(live, exchange, &text)
        writeOutput(live, exchange, &text)
        return text.output.array
    }

    private static func writeSymbols(_ live: LiveCapture, _ exchange: (String, String), _ text: inout MetricsText) {
        let all = live.capture.series.map { (labels: [exchange, ("symbol", $0.symbol)], series: $0) }
        text.family("feed_handler_trades_produced_total", help: "New trades, over the stream and by REST.", .counter)
        for (labels, series) in all { text.sample(labels, Int(series.counts.trades + series.counts.backfilled)) }
        text.family("k2_feed_backfilled_trades_total", help: "New trades that REST brought.", .counter)
        for (labels, series) in all { text.sample(labels, Int(series.counts.backfilled)) }
        text.family("k2_feed_trade_messages_total", help: "Stream messages with trades.", .counter)
        for (labels, series) in all { text.sample(labels, Int(series.counts.messages)) }
        text.family("feed_handler_last_message_timestamp", help: "Unix time of the last trade message, seconds.", .gauge)
        for (labels, series) in all {
            if let last = series.activity.lastMessage { text.sample(labels, Double(last.microseconds) / 1_000_000) }
        }
        text.family("k2_feed_open_gaps", help: "Gaps that are not settled.", .gauge)
        for (labels, series) in all { text.sample(labels, series.holes.count) }
        text.family("k2_feed_gaps_total", help: "Gap records.", .counter)
        for (labels, series) in all {
            for state in GapState.allCases { text.sample(labels + [("state", "\(state.name)")], Int(series.counts.gaps[Int(state.rawValue)])) }
        }
        text.family("k2_feed_lag_seconds", help: "From the exchange's time of a trade to its receipt.", .histogram)
        for (index, lag) in live.metrics.lags.enumerated() where lag.count > 0 { text.sample(all[index].labels, lag) }
    }

    private static func writeTotals(_ live: LiveCapture, _ exchange: (String, String), _ text: inout MetricsText) {
        let counts = live.capture.counts
        text.family("k2_feed_messages_total", help: "WebSocket messages.", .counter)
        text.sample([exchange], Int(counts.messages))
        text.family("k2_feed_duplicates_total", help: "Trades that came before.", .counter)
        text.sample([exchange], Int(counts.duplicates))
        text.family("k2_feed_unreadable_total", help: "Messages and trades that could not be read; they are kept.", .counter)
        text.sample([exchange], Int(counts.unreadable))
        text.family("feed_handler_reconnects_total", help: "Connections that replaced another one.", .counter)
        text.sample([exchange], live.metrics.reconnects)
        text.family("k2_feed_connections_total", help: "Connections that were tried.", .counter)
        text.sample([exchange], live.metrics.connections)
        text.family("k2_feed_rest_requests_total", help: "REST requests that were answered.", .counter)
        text.sample([exchange], Int(counts.pages))
        text.family("k2_feed_rest_failures_total", help: "REST requests without a page.", .counter)
        text.sample([exchange], live.metrics.restFailures)
        text.family("k2_feed_lost_ids_total", help: "Trade ids in gap records of state lost.", .counter)
        text.sample([exchange], Int(counts.lostIDs))
    }

    private static func writeOutput(_ live: LiveCapture, _ exchange: (String, String), _ text: inout MetricsText) {
        text.family("k2_feed_spool_bytes", help: "Bytes of records on disk that wait for the reader.", .gauge)
        text.sample([exchange], live.output.spooledBytes)
        text.family("k2_feed_waiting_bytes", help: "Bytes of records in memory that wait for the reader.", .gauge)
        text.sample([exchange], live.output.waitingBytes)
        text.family("k2_feed_dropped_bytes_total", help: "Bytes of records that no spool could take; their ids are in gap records.", .counter)
        text.sample([exchange], live.output.droppedBytes)
        text.family("k2_feed_connections_subscribed", help: "Connections that are subscribed to all their symbols.", .gauge)
        text.sample([exchange], live.plans.filter(\.isLive).count)
    }
}
