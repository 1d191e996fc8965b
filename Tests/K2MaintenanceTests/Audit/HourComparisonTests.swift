import K2ClickHouse
import K2Domain
import Testing

@testable import K2Maintenance

struct HourComparisonTests {
    private func sums(_ rows: Int64, _ hash: UInt64) -> AuditSums { AuditSums(rows: rows, hash: hash, check: hash, measures: [], earliest: 1, latest: 2) }

    private func hour(_ warm: [WarmAge: AuditSums], _ cold: AuditSums?) -> HourComparison { HourComparison(hour: 7, warm: warm, cold: cold) }

    @Test func `what must be there is compared first, then what may be`() {
        let (old, late, new) = (sums(5, 10), sums(2, 100), sums(3, 1000))
        let warm: [WarmAge: AuditSums] = [.settled: old, .recent: late, .new: new]
        #expect(hour(warm, sums(5, 10)).equal?.rows == 5)
        #expect(hour(warm, sums(7, 110)).equal?.rows == 7)
        #expect(hour(warm, sums(10, 1110)).equal?.rows == 10)
        #expect(hour(warm, sums(7, 111)).equal == nil)
        #expect(hour(warm, nil).equal == nil)
    }

    @Test func `rows that only may be there need not`() {
        #expect(hour([.new: sums(3, 9)], nil).equal?.rows == 0)
        #expect(hour([.settled: sums(3, 9)], nil).equal == nil)
        #expect(hour([:], sums(3, 9)).equal == nil)
    }

    @Test func `as many rows with the same hash and other measures are not equal`() {
        let one = AuditSums(rows: 1, hash: 1, check: 1, measures: [Measure(sum: 1, min: 1, max: 1)], earliest: 1, latest: 1)
        var other = one
        other.measures[0].sum = 2
        #expect(HourComparison(hour: 0, warm: [.settled: one], cold: other).equal == nil)
    }

    @Test func `both sides hour by hour`() {
        let all = HourComparison.all(
            [WarmHour(hour: 9, age: .settled, sums: sums(1, 1)), WarmHour(hour: 3, age: .new, sums: sums(1, 2)), WarmHour(hour: 9, age: .new, sums: sums(1, 3))],
            [5: sums(2, 2), 9: sums(1, 1)])
        #expect(all.map(\.hour) == [3, 5, 9] && all.map(\.warmRows) == [1, 0, 2] && all.map(\.coldRows) == [0, 2, 1])
    }

    @Test func `hours are compared row by row in bounded chunks`() {
        func hours(_ rows: Int64...) -> [HourComparison] { rows.enumerated().map { HourComparison(hour: Int64($0), warm: [:], cold: sums($1, 1)) } }
        func chunks(_ hours: [HourComparison]) -> [String] { HourChunk.chunks(hours, limit: 100).map { "\($0.hours) \($0.parts)" } }
        #expect(chunks(hours()) == [])
        #expect(chunks(hours(40, 60, 1, 99, 100)) == ["[0, 1] 1", "[2, 3] 1", "[4] 1"])
        #expect(chunks(hours(10, 250, 10, 20)) == ["[0] 1", "[1] 3", "[2, 3] 1"])
    }
}
