import Foundation
import K2CLI
import K2Domain
import K2Lake
import K2Maintenance
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintain

struct MaintainMetricsTests {
    private func result(_ table: String, _ verb: String, at seconds: Int64, _ outcome: Result<StepOutcome, LakeError>) -> StepResult {
        StepResult(runID: "r", verb: verb, table: table, startedAt: Timestamp(microseconds: seconds * 1_000_000), duration: 500_000, outcome: outcome)
    }

    private func write(_ path: String, _ results: [StepResult]) throws -> [Substring] {
        try MaintainMetrics(path: path).write(results)
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    }

    @Test func `totals grow, and what other verbs wrote stays`() throws {
        let path = NSTemporaryDirectory() + "metrics-\(UUID().uuidString).prom"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var outcome = StepOutcome(.done, "", after: TableSize(rows: 7, files: 2, bytes: 30))
        outcome.metrics = [StepMetric("maintenance_removed_files_total", "Files.", 4), StepMetric("maintenance_table_snapshots", "Snapshots.", 9)]
        _ = try write(path, [result("a", "expire", at: 100, .success(outcome)), result("b", "expire", at: 100, .failure(LakeError(.failed, "x")))])
        let lines = try write(path, [result("a", "expire", at: 200, .success(outcome)), result("a", "compact", at: 300, .failure(LakeError(.held, "x")))])
        for expected in [
            "# TYPE maintenance_runs_total counter", "maintenance_runs_total{status=\"done\",table=\"a\",verb=\"expire\"} 2",
            "maintenance_runs_total{status=\"failed\",table=\"b\",verb=\"expire\"} 1", "maintenance_removed_files_total{table=\"a\"} 8",
            "# HELP maintenance_table_snapshots Snapshots.", "maintenance_table_snapshots{table=\"a\"} 9", "maintenance_table_rows{table=\"a\"} 7",
            "maintenance_last_success_timestamp{table=\"a\",verb=\"expire\"} 200.5", "maintenance_last_failure_timestamp{table=\"b\",verb=\"expire\"} 100.5",
        ] { #expect(lines.contains(Substring(expected)), "\(expected) in \(lines)") }
        #expect(!lines.contains { $0.contains("compact") }, "another run had the table")
        #expect(lines.filter { $0.hasPrefix("# TYPE") }.count == Set(lines.filter { $0.hasPrefix("# TYPE") }).count)
    }
}
