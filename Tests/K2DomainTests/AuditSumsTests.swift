import Testing

@testable import K2Domain

struct AuditSumsTests {
    @Test func `hours are rounded down, before 1970 too`() {
        #expect(AuditHour.of(0) == 0 && AuditHour.of(3_599_999_999) == 0 && AuditHour.of(3_600_000_000) == 1)
        #expect(AuditHour.of(-1) == -1 && AuditHour.of(-3_600_000_000) == -1 && AuditHour.of(-3_600_000_001) == -2)
        #expect(AuditHour.start(-2).microseconds == -7_200_000_000)
    }

    @Test func `sums wrap around and bounds widen`() {
        var sums = AuditSums(measures: 1)
        sums.add(AuditSums(rows: 2, hash: .max, check: 1, measures: [Measure(sum: .max, min: 3, max: 9)], earliest: 5, latest: 6))
        sums.add(AuditSums(rows: 1, hash: 2, check: .max, measures: [Measure(sum: 1, min: -3, max: 4)], earliest: 1, latest: 2))
        #expect(sums == AuditSums(rows: 3, hash: 1, check: 0, measures: [Measure(sum: .min, min: -3, max: 9)], earliest: 1, latest: 6))
        #expect(sums.digest == "00000000000000010000000000000000")
    }

    @Test func `decimals that are always there are measured`() {
        #expect(AuditSums.measured(MarketTables.silver.columns).map(\.name) == ["price", "quantity", "quote_volume"])
    }
}
