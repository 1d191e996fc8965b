import K2Domain
import K2JSON
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

    @Test func `a table that may be empty says that it is`() {
        let empty = result { $0.mayBeEmpty = true }
        #expect(empty.verdict == .ok && empty.summary == "ok: 0 rows of ClickHouse against 0; empty on both sides" && empty.facts["empty"] == true)
        #expect(result { $0.mayBeEmpty = true; $0.rows = nil; $0.reasons = ["x"] }.facts["empty"] == nil)
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
