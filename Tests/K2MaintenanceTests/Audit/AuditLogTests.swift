import K2Domain
import K2StateStore
import Testing

@testable import K2Maintenance

struct AuditLogTests {
    private static let dayLength = Timestamp.microsecondsPerDay

    private static func range(_ days: Range<Int64>) -> Range<Timestamp> {
        Timestamp(microseconds: days.lowerBound * dayLength)..<Timestamp(microseconds: days.upperBound * dayLength)
    }

    private func result(_ range: Range<Timestamp> = range(1..<3), _ change: (inout AuditResult) -> Void = { _ in }) -> AuditResult {
        var result = AuditResult(table: "gold_ohlcv_1m", source: "ohlcv_1m", range: range)
        result.rows = RowFindings()
        change(&result)
        return result
    }

    private func day(_ warm: Int64, _ cold: Int64, _ counts: [String: Int64] = [:]) -> RowFindings.Day {
        func sums(_ rows: Int64) -> AuditSums { AuditSums(rows: rows, hash: 1, check: 2, measures: [], earliest: 0, latest: 0) }
        return RowFindings.Day(warm: sums(warm), cold: sums(cold), counts: counts)
    }

    private func records(_ result: AuditResult) -> [AuditRecord] { result.records(at: Timestamp(microseconds: 0), runID: "run") }

    @Test func `a line of the log for each day`() {
        let lines = records(
            result {
                $0.rows?.days = [2: day(5, 5), 1: day(3, 3, ["missing": 1])]
                $0.rows?.counts = ["missing": 1]
            })
        #expect(lines.map(\.result) == ["different", "ok"] && lines.map(\.warmRows) == [3, 5] && lines.map(\.status) == ["mismatch", "ok"])
        #expect(lines.map(\.windowStart.day) == [1, 2] && lines.allSatisfy { $0.windowHours == 24 && $0.layer == "gold" && $0.runID == "run" })
        #expect(lines[0].warmHash == "00000000000000010000000000000002" && lines[0].notes?.contains("1 missing") == true)
    }

    @Test func `a day without rows has a line, and is not ok`() {
        let found = result(Self.range(1..<5)) { $0.rows?.days = [2: day(5, 5), 4: day(1, 1)] }
        let lines = records(found)
        #expect(lines.map(\.windowStart.day) == [1, 2, 3, 4] && lines.map(\.result) == ["unverified", "ok", "unverified", "ok"])
        #expect(lines[2].warmRows == 0 && lines[2].coldRows == 0 && lines[2].notes == "no rows on either side")
        var empty = found
        empty.mayBeEmpty = true
        #expect(records(empty).map(\.result) == ["ok", "ok", "ok", "ok"] && records(empty)[0].notes == "empty on both sides")
        empty.reasons = ["ClickHouse: away"]
        #expect(records(empty).allSatisfy { $0.result == "unverified" })
    }

    @Test(arguments: [false, true]) func `no day is ok of which a side has no rows`(_ mayBeEmpty: Bool) {
        let lines = records(
            result(Self.range(1..<6)) {
                $0.mayBeEmpty = mayBeEmpty
                // Not offloaded yet; older than ClickHouse keeps; sides that nothing explains.
                $0.rows?.days = [1: day(0, 0, ["pending": 4]), 2: day(0, 3, ["expired": 3]), 3: day(2, 0), 4: day(0, 2), 5: day(2, 2)]
            })
        #expect(lines.map(\.result) == ["unverified", "unverified", "unverified", "unverified", "ok"])
        #expect(lines[0].notes?.hasPrefix("4 pending; no rows on either side") == true)
    }

    @Test func `a part of a day is told as such`() {
        let (from, to) = (Timestamp(microseconds: Self.dayLength + 22 * AuditHour.microseconds), Timestamp(microseconds: 2 * Self.dayLength + 3 * AuditHour.microseconds))
        let lines = records(result(from..<to) { $0.rows?.days = [1: day(1, 1), 2: day(1, 1)] })
        #expect(lines.map(\.windowHours) == [2, 3] && lines.map(\.windowStart) == [from, Timestamp(microseconds: 2 * Self.dayLength)] && lines[1].windowEnd == to)
    }

    @Test func `of everything there are the days from the first with rows to the last`() {
        let found = result(AuditOptions.everything) { $0.rows?.days = [20_000: day(1, 1), 20_003: day(1, 1)] }
        #expect(records(found).map(\.result) == ["ok", "unverified", "unverified", "ok"] && found.verdict == .ok)
        // A time of 1970 by mistake does not make a line of each day since.
        let far = result(AuditOptions.everything) { $0.rows?.days = [0: day(1, 1), 20_003: day(1, 1)] }
        #expect(records(far).map(\.windowStart.day) == [0, 20_003])
        let none = records(result(AuditOptions.everything) { $0.reasons = ["no rows on either side"] })
        #expect(none.count == 1 && none[0].result == "unverified" && none[0].warmRows == 0)
    }

    @Test func `what concerns the table concerns each day`() {
        let found = result {
            $0.rows?.days = [1: day(3, 3)]
            $0.reasons = ["7 rows wait"]
        }
        #expect(records(found).map(\.result) == ["unverified", "unverified"])
        var away = found
        (away.rows, away.reasons) = (nil, ["ClickHouse: away"])
        let lines = records(away)
        #expect(lines.map(\.result) == ["unverified", "unverified"] && lines.allSatisfy { $0.warmRows == nil && $0.windowHours == 24 })
    }

    @Test func `days that are over, and not before the table's first rows, keep a table from being ok`() {
        var rows = RowFindings()
        rows.days = [3: day(1, 1), 5: day(0, 0, ["pending": 2]), 6: day(0, 0)]
        let clock = Timestamp(microseconds: 8 * Self.dayLength + 1)
        #expect(rows.silentDays(in: Self.range(1..<9), reachesBack: false, clock: clock) == [4, 6, 7])
        #expect(rows.silentDays(in: Self.range(1..<9), reachesBack: true, clock: clock) == [1, 2, 4, 6, 7])
        #expect(rows.silentDays(in: Self.range(1..<9), reachesBack: true, clock: Timestamp(microseconds: 0)) == [])
        let found = result(Self.range(1..<9)) {
            $0.rows?.days = rows.days
            $0.silentDays = [4, 6]
        }
        #expect(found.verdict == .unverified && found.summary.hasSuffix("no rows on either side on 2 days, 1970-01-05 the first of them"))
        // The days that were compared are what they are.
        #expect(records(found)[2].result == "ok" && records(found)[3].result == "unverified")
    }
}
