import K2Domain

/// Records as the stages in front of the lake write them; tests change single members.
enum Records {
    static let start = Timestamp(microseconds: 1_771_372_800_000_000)

    static func time(_ microseconds: Int64) -> String { Timestamp(microseconds: microseconds).description }

    static func quoted(_ text: String) -> String { "\"\(text)\"" }

    /// Members of a record in order; a later one of the same name replaces the value, nil removes it.
    static func record(_ kind: String, _ members: [(String, String)], _ changes: [String: String?]) -> String {
        var parts = ["\"kind\":\"\(kind)\""]
        for (name, value) in members {
            guard let change = changes[name] else {
                parts.append("\"\(name)\":\(value)")
                continue
            }
            if let change { parts.append("\"\(name)\":\(change)") }
        }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) where !members.contains(where: { $0.0 == name }) {
            if let value { parts.append("\"\(name)\":\(value)") }
        }
        return "{" + parts.joined(separator: ",") + "}"
    }

    /// A silver trade; `changes` are JSON texts.
    static func trade(
        _ id: Int, exchange: String = "binance", symbol: String = "BTCUSDT", canonical: String = "BTC/USDT", at time: Int64? = nil,
        _ changes: [String: String?] = [:]
    ) -> String {
        let time = time ?? start.microseconds + Int64(id) * 1_000
        return record(
            "trade",
            [
                ("message_id", "\"123e4567-e89b-12d3-a456-\(String(repeating: "0", count: 12 - String(id).count))\(id)\""),
                ("trade_id", quoted("\(exchange.uppercased())-\(id)")), ("exchange", quoted(exchange)), ("symbol", quoted(symbol)),
                ("canonical_symbol", quoted(canonical)), ("asset_class", "\"crypto\""), ("currency", "\"USDT\""),
                ("price", "\"100.\(id % 100 + 100)\""), ("quantity", "\"2\""), ("quote_volume", "\"200.5\""), ("side", "\"BUY\""),
                ("timestamp", quoted(Self.time(time))), ("ingestion_timestamp", quoted(Self.time(time + 5))),
                ("source_sequence", "\(id)"), ("origin", "\"stream\""), ("is_valid", "true"),
            ], changes)
    }

    /// A trade without a numeric id, as those of Kraken's v1 recordings.
    static func anonymousTrade(_ digest: String, at time: Int64 = start.microseconds, _ changes: [String: String?] = [:]) -> String {
        var changes = changes
        changes["source_sequence"] = .some(nil)
        changes["trade_id"] = quoted("KRAKEN-V1-\(digest)")
        return trade(1, exchange: "kraken", symbol: "BTCUSD", canonical: "BTC/USD", at: time, changes)
    }

    static func bronze(_ id: Int, exchange: String = "binance", symbol: String = "BTCUSDT", _ changes: [String: String?] = [:]) -> String {
        let time = start.microseconds + Int64(id) * 1_000
        return record(
            "bronze",
            [
                ("exchange", quoted(exchange)), ("exchange_timestamp", quoted(Self.time(time))), ("sequence_number", "\(id)"),
                ("trade_id", quoted("\(exchange.uppercased())-\(id)")), ("symbol", quoted(symbol)), ("price", "\"1.5\""), ("quantity", "\"2\""),
                ("quote_volume", "\"3.0\""), ("side", "\"SELL\""), ("ingestion_timestamp", quoted(Self.time(time + 9))),
                ("payload", "{\"t\":\(id),\"x\":\"a\\u0041\"}"),
            ], changes)
    }

    static func candle(
        _ symbol: String, _ windowStart: Int64, revision: Int = 0, close: String = "5", exchange: String = "binance", interval: String = "1m",
        _ changes: [String: String?] = [:]
    ) -> String {
        record(
            "candle",
            [
                ("exchange", quoted(exchange)), ("canonical_symbol", quoted(symbol)), ("interval", quoted(interval)),
                ("window_start", quoted(time(windowStart))), ("open_time", quoted(time(windowStart + 1))), ("open_price", "\"4\""),
                ("high_price", "\"9\""), ("low_price", "\"3\""), ("close_time", quoted(time(windowStart + 2))), ("close_price", quoted(close)),
                ("volume", "\"7.5\""), ("quote_volume", "\"30.25\""), ("trade_count", "3"), ("buy_volume", "\"1\""), ("first_sequence", "10"),
                ("last_sequence", "12"), ("revision", "\(revision)"), ("is_final", "true"), ("has_gap", "false"),
            ], changes)
    }

    static func gap(_ first: Int, _ last: Int, state: String = "open", _ changes: [String: String?] = [:]) -> String {
        record(
            "gap",
            [
                ("exchange", "\"binance\""), ("symbol", "\"BTCUSDT\""), ("first_missing", "\(first)"), ("last_missing", "\(last)"),
                ("after_time", quoted(time(start.microseconds))), ("before_time", quoted(time(start.microseconds + 60))),
                ("state", quoted(state)), ("cause", "\"id_hole\""), ("detected_at", quoted(time(start.microseconds + 99))),
            ], changes)
    }
}
