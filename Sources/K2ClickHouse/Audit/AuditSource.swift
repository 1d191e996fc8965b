import K2Domain

/// How far a warm row must be in the lake.
public enum WarmAge: UInt64, Sendable {
    /// It must be there.
    case settled = 0
    /// It came shortly before the watermark: if it became visible late, the next run takes it.
    case recent = 1
    /// It came after the watermark: it may be there.
    case new = 2
    /// A candle over trades without ids: open and close depend on an order that ClickHouse does not have.
    case unordered = 3
}

/// How far the lake's table is filled from the warm store.
public struct WarmReach: Equatable, Sendable {
    /// Rows that came later need not be in the lake; nil when none need be.
    public var watermark: Timestamp?
    /// How long before the watermark rows may have come that the lake gets later, µs.
    public var lookback: Int64

    public init(watermark: Timestamp?, lookback: Int64) {
        self.watermark = watermark
        self.lookback = lookback
    }

    /// The watermark less `lookback`; before everything when there is none.
    var settled: Int64 { watermark.map { max($0.microseconds - lookback, AuditSource.earliest.microseconds) } ?? AuditSource.earliest.microseconds }

    /// The age of a row by when it came.
    func age(_ loadedAt: String) -> String {
        guard let watermark else { return "toUInt64(\(WarmAge.new.rawValue))" }
        let (new, recent) = (SQLText.time(watermark), SQLText.time(Timestamp(microseconds: settled)))
        return "toUInt64(multiIf(\(loadedAt) > \(new), \(WarmAge.new.rawValue), \(loadedAt) > \(recent), \(WarmAge.recent.rawValue), 0))"
    }
}

/// Rows of the warm store that are compared with those of the lake: of a table, or candles computed from trades.
public struct AuditSource: Sendable {
    /// What is compared of each row.
    public let columns: [ColumnDefinition]
    /// Names of the columns that name a row.
    public let identity: [String]
    /// Name of the column by whose hours rows are compared.
    public let time: String
    /// For messages.
    public let name: String
    /// A query that gives `columns` and `age`.
    let query: String

    /// What a time of ClickHouse can be.
    public static let earliest = Timestamp(microseconds: -2_208_988_800_000_000)
    public static let latest = Timestamp(microseconds: 10_413_791_999_999_999)

    /// The rows of a table whose time is in `range`; of candles the final ones.
    public init(_ table: TableDefinition, in range: Range<Timestamp>, _ reach: WarmReach) {
        columns = table.columns
        identity = table.identity
        time = table.timeColumn
        name = table.warmName
        var conditions = SQLText.range(table.timeColumn, range)
        if table.column("is_final") != nil { conditions.append("`is_final`") }
        query = """
            SELECT \(SQLText.identifiers(table.columns.map(\.name))), \(reach.age(SQLText.identifier(ReplacingTable.loadedAt))) AS `age`
            FROM \(SQLText.identifier(table.warmName)) FINAL
            WHERE \(conditions.joined(separator: " AND "))
            """
    }

    /// The columns of a candle that its trades determine.
    public static func determined(_ table: TableDefinition) -> [ColumnDefinition] {
        table.columns.filter { !["revision", "is_final", "has_gap"].contains($0.name) }
    }

    /// Candles of `interval`, computed from the trades, whose windows begin in `range`.
    ///
    /// A window counts as closed when a trade that the lake's candles can know of lies `lateness` behind its end; trades are looked for up to an hour
    /// after the last window of `all`, so that what a part says of a window does not depend on the part.
    /// - Parameters:
    ///   - all: of which `range` is a part.
    ///   - reach: of the table of candles.
    public init(candles interval: CandleInterval, in range: Range<Timestamp>, of all: Range<Timestamp>, lateness: Int64, _ reach: WarmReach) {
        let table = MarketTables.gold(interval)
        columns = Self.determined(table)
        identity = table.identity
        time = table.timeColumn
        name = "candles of \(interval.rawValue) from \(MarketTables.silver.warmName)"
        query = Self.query(interval, range, all.upperBound, lateness, reach, columns.map(\.name))
    }

    private static func query(
        _ interval: CandleInterval, _ range: Range<Timestamp>, _ through: Timestamp, _ lateness: Int64, _ reach: WarmReach, _ names: [String]
    ) -> String {
        let came = SQLText.identifier(ReplacingTable.loadedAt)
        let width = interval.width + lateness
        let (ahead, isFar) = through.microseconds.addingReportingOverflow(width + AuditHour.microseconds)
        let end = isFar ? latest : min(Timestamp(microseconds: ahead), latest)
        let settled = SQLText.time(Timestamp(microseconds: reach.settled))
        let candles = CandleSQL(
            interval: interval, trades: SQLText.identifier(MarketTables.silver.warmName),
            conditions: SQLText.range(MarketTables.silver.timeColumn, range.lowerBound..<end),
            extras: [
                (came, "came", "max(`came`)", "newest"),
                ("isNull(`source_sequence`)", "has_no_id", "max(`has_no_id`)", "has_unordered"),
                ("if(\(came) <= \(settled), `timestamp`, \(SQLText.time(earliest)))", "known_at", "max(`known_at`)", "known"),
            ])
        let age = reach.age("`newest`")
        return """
            SELECT \(SQLText.identifiers(names)),
                toUInt64(multiIf(toUnixTimestamp64Micro(`window_start`) + \(width) > toUnixTimestamp64Micro(`reached`), \(WarmAge.new.rawValue),
                    \(age) > 0, \(age), `has_unordered`, \(WarmAge.unordered.rawValue), 0)) AS `age`
            FROM (SELECT *, max(`known`) OVER (PARTITION BY `exchange`, `canonical_symbol`) AS `reached` FROM (\(candles.select)))
            WHERE \(SQLText.range(MarketTables.gold(interval).timeColumn, range).joined(separator: " AND "))
            """
    }
}

extension SQLText {
    static func time(_ time: Timestamp) -> String { "fromUnixTimestamp64Micro(\(time.microseconds), 'UTC')" }

    static func range(_ column: String, _ range: Range<Timestamp>) -> [String] {
        ["\(identifier(column)) >= \(time(range.lowerBound))", "\(identifier(column)) < \(time(range.upperBound))"]
    }
}
