import K2Bytes
import K2Domain
import K2Rows
import K2TestSupport
import Testing

@testable import K2Load

@Suite struct TableTTLTests {
    @Test func readsWhatClickHouseSays() {
        let ttl = TableTTL(
            answer: """
                silver_trades\tReplacingMergeTree PARTITION BY toYYYYMMDD(timestamp) ORDER BY x TTL toDateTime(timestamp) + toIntervalDay(30) SETTINGS index_granularity = 8192
                feed_gaps\tReplacingMergeTree ORDER BY x SETTINGS index_granularity = 8192
                ohlcv_1m_local\tReplacingMergeTree ORDER BY x TTL toDateTime(window_start) + toIntervalYear(1)
                odd\tMergeTree ORDER BY x TTL t + n
                ohlcv_1m\tDistributed('main', 'k2', 'ohlcv_1m_local')

                """)
        #expect(ttl.seconds == ["silver_trades": 30 * 86_400, "ohlcv_1m_local": 366 * 86_400, "ohlcv_1m": 366 * 86_400])
        #expect(TableTTL(answer: "").seconds.isEmpty)
    }

    @Test func countsRowsThatAreTooOld() {
        let ttl = TableTTL(answer: "t\tMergeTree TTL toDateTime(x) + toIntervalSecond(10)\n")
        let now: Int64 = 1_000_000_000_000
        #expect(ttl.expired([now - 12_000_000, now - 10_000_000, now - 9_000_000, now], in: "t", now: now) == 2)
        #expect(ttl.expired([0], in: "other", now: now) == 0)
    }
}

@Suite struct PartitionSetsTests {
    private func buffer(_ definition: TableDefinition, days: [Int]) throws -> RowBuffer {
        var records = RandomRecords(Seeded(3))
        var intake = RowIntake()
        let kind = definition.warmName == "silver_trades" ? "trade" : "candle"
        var table: Int?
        for day in days {
            let line = Array(records.next(kind, day: day).utf8)
            table = try intake.add(line.span)
        }
        return intake.take(try #require(table))
    }

    @Test func rowsOfFewDaysStayTogether() throws {
        let sets = PartitionSets.split(try buffer(MarketTables.silver, days: [0, 5, 89, 3]))
        #expect(sets == [nil])
    }

    @Test func rowsOfManyDaysAreSpread() throws {
        let days = (0..<400).map { ($0 * 7) % 400 }
        let sets = PartitionSets.split(try buffer(MarketTables.silver, days: days))
        #expect(sets.count == 5)
        let rows = sets.flatMap { $0 ?? [] }
        #expect(Set(rows).count == 400 && rows.count == 400)
        for set in sets { #expect(Set((set ?? []).map { days[Int($0)] }).count <= PartitionSets.maxPartitions) }
    }

    @Test func monthsAreCountedAsMonths() throws {
        let sets = PartitionSets.split(try buffer(MarketTables.gold(.oneMinute), days: Array(0..<400)))
        #expect(sets.count == 1 && sets[0]?.count == 400)
    }
}

@Suite struct KafkaPrefixTests {
    private func read(_ line: String) -> String? {
        var output = ByteWriter()
        let bytes = Array(line.utf8)
        return KafkaPrefix.read(bytes.span, into: &output).map { _ in String(decoding: output.array, as: UTF8.self) }
    }

    @Test func bronzeGetsPartitionAndOffset() {
        #expect(read(#"3 17 {"kind":"bronze","symbol":"A"}"#) == #"{"kind":"bronze","symbol":"A","kafka_partition":3,"kafka_offset":17}"#)
    }

    @Test func otherRecordsStayAsTheyAre() {
        #expect(read(#"0 9 {"kind":"trade","symbol":"A"}"#) == #"{"kind":"trade","symbol":"A"}"#)
        #expect(read("0 9 ") == "")
        #expect(read("0 9 {") == "{")
    }

    @Test(arguments: ["", "{}", "1", "1 ", "1 2", "a 2 {}", "1 b {}", " 1 2 {}", "-1 2 {}"])
    func otherLinesAreRefused(_ line: String) { #expect(read(line) == nil) }
}
