import K2Domain
import K2StateStore
import Testing

@testable import K2Maintenance

struct AuditResultTests {
    private let start = Timestamp(microseconds: 86_400_000_000)..<Timestamp(microseconds: 3 * 86_400_000_000)

    private func result(_ change: (inout AuditResult) -> Void = { _ in }) -> AuditResult {
        var result = AuditResult(table: "gold_ohlcv_1m", source: "ohlcv_1m", range: start)
        result.rows = RowFindings()
        change(&result)
        return result
    }

    @Test func `a difference counts more than what could not be decided`() {
        #expect(result().verdict == .ok)
        #expect(result { $0.reasons = ["x"] }.verdict == .unverified)
        for kind in Discrepancy.Kind.allCases {
            #expect(result { $0.rows?.counts[kind.rawValue] = 1 }.verdict == (kind.isDifference ? .different : .ok), "\(kind)")
        }
        #expect(result { $0.reasons = ["x"]; $0.files = [AuditedFileProblem(path: "p", kind: .lost, text: "t")] }.verdict == .different)
        #expect(result { $0.candles = RowFindings(); $0.candles?.counts["differs"] = 1 }.verdict == .different)
        #expect(result { $0.differences = ["x"] }.verdict == .different)
    }

    private func day(_ rows: Int64, _ counts: [String: Int64] = [:]) -> RowFindings.Day {
        let sums = AuditSums(rows: rows, hash: 1, check: 2, measures: [], earliest: 0, latest: 0)
        return RowFindings.Day(warm: sums, cold: sums, counts: counts)
    }

    @Test func `a line of the log for each day`() {
        let found = result {
            $0.rows?.days = [2: day(5), 1: day(3, ["missing": 1])]
            $0.rows?.counts = ["missing": 1]
        }
        let lines = found.records(at: start.lowerBound, runID: "run")
        #expect(lines.map(\.result) == ["different", "ok"] && lines.map(\.warmRows) == [3, 5] && lines.map(\.status) == ["mismatch", "ok"])
        #expect(lines.map(\.windowStart.day) == [1, 2] && lines.allSatisfy { $0.windowHours == 24 && $0.layer == "gold" && $0.runID == "run" })
        #expect(lines[0].warmHash == "00000000000000010000000000000002" && lines[0].notes?.contains("1 missing") == true)
    }

    @Test func `a day without trouble of its own shares that of the table`() {
        let found = result {
            $0.rows?.days = [1: day(3)]
            $0.reasons = ["7 rows wait"]
        }
        #expect(found.records(at: start.lowerBound, runID: "r").map(\.result) == ["unverified"])
    }

    @Test func `without rows there is one line for all`() {
        var found = result { $0.reasons = ["ClickHouse: away"] }
        found.rows = nil
        let lines = found.records(at: start.lowerBound, runID: "r")
        #expect(lines.count == 1 && lines[0].warmRows == nil && lines[0].windowHours == 48 && lines[0].result == "unverified")
    }

    @Test func `the summary says all`() {
        let found = result {
            $0.rows?.counts = ["missing": 2, "pending": 1]
            $0.rows?.warmRows = 9
            $0.rows?.coldRows = 6
            $0.rows?.hours = [RowFindings.Hour(hour: 1, warmRows: 9, coldRows: 6)]
        }
        #expect(found.summary == "different: 9 rows of ClickHouse against 6, 2 missing in cold, 1 not offloaded yet in 1 hour")
    }
}
