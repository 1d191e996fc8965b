import K2Domain
import Testing

@testable import K2ClickHouse

struct AuditQueriesTests {
    private let day = Timestamp(microseconds: 0)..<Timestamp(microseconds: 86_400_000_000)

    @Test func `a column that may be null has a term of its own for null`() {
        let sequence = MarketTables.silver.column("source_sequence")!
        #expect(RowHashSQL.term(sequence) == "if(isNull(`source_sequence`), \(RowHash.null), intHash64(toUInt64(assumeNotNull(`source_sequence`)) + \(RowHash.salt("source_sequence"))))")
    }

    @Test func `lists and maps are never null`() {
        for name in ["trade_conditions", "vendor_data"] { #expect(!RowHashSQL.term(MarketTables.silver.column(name)!).contains("isNull")) }
    }

    @Test func `every column of every table has a term`() {
        for table in MarketTables.all {
            let sql = RowHashSQL.row(table.columns)
            for column in table.columns { #expect(sql.contains("`\(column.name)`")) }
        }
    }

    @Test func `only final candles are compared, and each row of an identity once`() {
        let reach = WarmReach(watermark: day.upperBound, lookback: 0)
        #expect(AuditSource(MarketTables.gold(.oneHour), in: day, reach).query.contains("FINAL\nWHERE `window_start` >= fromUnixTimestamp64Micro(0, 'UTC') AND `window_start` < fromUnixTimestamp64Micro(86400000000, 'UTC') AND `is_final`"))
        #expect(!AuditSource(MarketTables.silver, in: day, reach).query.contains("is_final"))
    }

    @Test func `without a watermark every row may be missing`() {
        #expect(AuditSource(MarketTables.silver, in: day, WarmReach(watermark: nil, lookback: 900)).query.contains("toUInt64(2) AS `age`"))
    }

    @Test func `a line of sums`() throws {
        let line = "489864\t1\t3\t7\t9\t-5\t-6\t4\t1000000000000001\t1000000000000002"
        let hour = try #require(WarmHour(line[...], measures: 1))
        #expect(hour.hour == 489_864 && hour.age == .recent)
        let measures = [Measure(sum: -5, min: -6, max: 4)]
        #expect(hour.sums == AuditSums(rows: 3, hash: 7, check: 9, measures: measures, earliest: 1_000_000_000_000_001, latest: 1_000_000_000_000_002))
        for bad in ["", "1\t2", line.replacing("489864", with: "x"), line.replacing("\t1\t3", with: "\t9\t3")] { #expect(WarmHour(bad[...], measures: 1) == nil, "\(bad)") }
    }

    @Test(arguments: [
        ("ReplacingMergeTree PARTITION BY toYYYYMMDD(timestamp) ORDER BY a TTL toDateTime(timestamp) + toIntervalDay(30) SETTINGS ttl_only_drop_parts = 1", WarmKeeping.days(30)),
        ("ReplacingMergeTree ORDER BY a SETTINGS index_granularity = 8192", .always),
        ("ReplacingMergeTree ORDER BY a TTL toDateTime(other) + toIntervalDay(30) SETTINGS x = 1", .unknown("toDateTime(other) + toIntervalDay(30)")),
        ("ReplacingMergeTree ORDER BY a TTL toDateTime(timestamp) + toIntervalDay(7) TO VOLUME 'cold'", .unknown("toDateTime(timestamp) + toIntervalDay(7) TO VOLUME 'cold'")),
        ("", .unknown("no engine that keeps rows")),
    ])
    func `how long a table keeps rows`(engine: String, keeping: WarmKeeping) {
        #expect(WarmKeeping(engine: engine[...], time: "timestamp") == keeping)
    }

    @Test func `rows may be gone before the cutoff`() {
        let clock = Timestamp(microseconds: 40 * Timestamp.microsecondsPerDay)
        #expect(WarmKeeping.days(30).cutoff(at: clock).microseconds == 10 * Timestamp.microsecondsPerDay + 1_000_000)
        #expect(WarmKeeping.always.cutoff(at: clock) == AuditSource.earliest)
        #expect(WarmKeeping.unknown("").cutoff(at: clock) == AuditSource.latest)
    }
}
