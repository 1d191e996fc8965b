/// Random records of every kind that is stored, for property tests over whole rows: all members of each, also the rare ones.
public struct RandomRecords {
    private var random: Seeded
    private var number = 0

    public init(_ random: Seeded) { self.random = random }

    /// 2026-02-18, in seconds since 1970, and how far times go from there.
    public static let start: Int64 = 1_771_372_800

    private static let exchanges = ["binance", "kraken", "coinbase"]

    /// One record of the kind, without a newline. Decimals use every digit that the columns hold, texts every kind of character.
    public mutating func next(_ kind: String, exchange: String? = nil, day: Int = 0) -> String {
        number += 1
        let exchange = exchange ?? random.pick(Self.exchanges)
        switch kind {
        case "trade": return trade(exchange, day)
        case "bronze": return bronze(exchange, day)
        case "candle": return candle(exchange, day)
        default: return gap(exchange, day)
        }
    }

    private mutating func trade(_ exchange: String, _ day: Int) -> String {
        let time = self.time(day)
        var text = #"{"kind":"trade","message_id":"\#(uuid())","trade_id":"\#(exchange.uppercased())-\#(number)","exchange":"\#(exchange)""#
        text += #","symbol":"BTCUSDT","canonical_symbol":"BTC/USDT","asset_class":"crypto","currency":"USDT","price":"\#(decimal(12))""#
        text += #","quantity":"\#(decimal(12))","quote_volume":"\#(decimal(18))","side":"\#(random.pick(["BUY", "SELL", "UNKNOWN"]))""#
        if random.once(in: 2) { text += ",\"trade_conditions\":[\(strings().joined(separator: ","))]" }
        text += #","timestamp":"\#(time)","ingestion_timestamp":"\#(time)""#
        if !random.once(in: 4) { text += ",\"source_sequence\":\(integer())" }
        text += #","origin":"\#(random.pick(["stream", "rest", "snapshot"]))""#
        if random.once(in: 2) {
            let entries = strings().enumerated().map { "\"k\($0.offset)\":\($0.element)" }
            text += ",\"vendor_data\":{\(entries.joined(separator: ","))}"
        }
        return text + ",\"is_valid\":\(random.once(in: 2))}"
    }

    private mutating func bronze(_ exchange: String, _ day: Int) -> String {
        let time = self.time(day)
        var text = #"{"kind":"bronze","exchange":"\#(exchange)","exchange_timestamp":"\#(time)""#
        if !random.once(in: 4) { text += ",\"sequence_number\":\(integer())" }
        text += #","trade_id":"\#(exchange.uppercased())-\#(number)","symbol":"BTCUSDT","price":"\#(decimal(12))","quantity":"\#(decimal(12))""#
        text += #","quote_volume":"\#(decimal(18))","side":"SELL""#
        if random.once(in: 2) { text += ",\"event_time\":\"\(time)\"" }
        text += #","ingestion_timestamp":"\#(time)","payload":{"t":\#(number),"x":\#(string())}"#
        if random.once(in: 3) { text += ",\"kafka_partition\":\(random.int(0...12)),\"kafka_offset\":\(integer())" }
        return text + "}"
    }

    private mutating func candle(_ exchange: String, _ day: Int) -> String {
        let time = self.time(day)
        var text = #"{"kind":"candle","exchange":"\#(exchange)","canonical_symbol":"S\#(number)/USD","interval":"1m","window_start":"\#(time)""#
        text += #","open_time":"\#(time)","open_price":"\#(decimal(12))","high_price":"\#(decimal(12))","low_price":"\#(decimal(12))""#
        text += #","close_time":"\#(time)","close_price":"\#(decimal(12))","volume":"\#(decimal(12))","quote_volume":"\#(decimal(18))""#
        text += ",\"trade_count\":\(random.int(1...1_000_000)),\"buy_volume\":\"\(decimal(12))\""
        if random.once(in: 2) { text += ",\"first_sequence\":\(integer()),\"last_sequence\":\(integer())" }
        return text + ",\"revision\":\(random.int(0...5)),\"is_final\":\(random.once(in: 2)),\"has_gap\":\(random.once(in: 2))}"
    }

    private mutating func gap(_ exchange: String, _ day: Int) -> String {
        let time = self.time(day)
        var text = #"{"kind":"gap","exchange":"\#(exchange)","symbol":"BTCUSDT","first_missing":\#(number * 100),"last_missing":\#(number * 100 + 9)"#
        if random.once(in: 2) { text += ",\"after_time\":\"\(time)\",\"before_time\":\"\(time)\"" }
        text += ",\"state\":\"\(random.pick(["open", "filled", "empty", "lost"]))\""
        if random.once(in: 2) { text += ",\"cause\":\(string())" }
        return text + ",\"detected_at\":\"\(time)\"}"
    }

    // MARK: Values

    /// RFC 3339 with six decimals, on `day` days after the start.
    private mutating func time(_ day: Int) -> String {
        let seconds = random.int(0...86_399)
        let date = Self.date(20_502 + day)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(date)T\(two(seconds / 3_600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(random.digits(6))Z"
    }

    /// The date of a day since 1970 (Hinnant's civil_from_days).
    private static func date(_ day: Int) -> String {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let (m, d) = (month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
        let year = yearOfEra + era * 400 + (m <= 2 ? 1 : 0)
        return "\(year)-\(m < 10 ? "0" : "")\(m)-\(d < 10 ? "0" : "")\(d)"
    }

    private mutating func uuid() -> String {
        let hex = random.bytes(16).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        return [hex.prefix(8), hex.dropFirst(8).prefix(4), hex.dropFirst(12).prefix(4), hex.dropFirst(16).prefix(4), hex.dropFirst(20)].joined(separator: "-")
    }

    private mutating func decimal(_ scale: Int) -> String {
        let whole = random.once(in: 8) ? random.digits(38 - scale) : random.digits(random.int(1...6))
        let trimmed = whole.drop { $0 == "0" }
        return (random.once(in: 12) ? "-" : "") + (trimmed.isEmpty ? "0" : String(trimmed)) + "." + random.digits(random.once(in: 4) ? scale : random.int(1...8))
    }

    /// Above 2^53 ids are strings.
    private mutating func integer() -> String {
        let value = random.anyWidth() >> 1
        return value > 1 << 53 ? "\"\(value)\"" : "\(value)"
    }

    private mutating func strings() -> [String] { (0..<random.int(0...3)).map { _ in string() } }

    private mutating func string() -> String {
        let alphabet = ["a", "Z", "0", " ", "\\\"", "\\\\", "\\n", "é", "€", "漢", "😀", "\\u0000", "|", "'"]
        return "\"" + (0..<random.int(0...8)).map { _ in random.pick(alphabet) }.joined() + "\""
    }
}
