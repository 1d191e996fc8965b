import K2Bytes
import K2CLI
import K2Connections
import K2Domain
import K2Lake
import K2Metrics

/// The metrics of a cycle, for a collector that reads files: the names are those that dashboards of the old platform know.
///
/// Totals go on from what the file said before, so that they grow from run to run.
struct OffloadMetrics {
    private let file: MetricsFile

    init(path: String) throws(ToolFailure) { file = try MetricsFile(path: path) }

    private func before(_ name: String, _ label: String, _ value: String) -> Int { Int(file.before("\(name){\(label)=\"\(value)\"}") ?? 0) }

    /// Replaces the file.
    /// - Parameter duration: of the whole cycle, µs.
    func write(_ results: [String: Result<TableOutcome, LakeError>], started: Timestamp, duration: Int64) throws(ToolFailure) {
        var text = MetricsText()
        let tables = results.sorted { $0.key < $1.key }
        let done = tables.compactMap { name, result in if case .success(let outcome) = result { (name, outcome) } else { nil } }
        let now = Double(started.microseconds + duration) / 1e6
        total(&text, "offload_rows_total", "Rows brought into the lake.", tables.map { name, result in (name, (try? result.get().rows).map { Int($0) } ?? 0) })
        total(&text, "offload_errors_total", "Runs of a table that failed.", tables.map { name, result in (name, Self.hasFailed(result) ? 1 : 0) })
        text.family("offload_cycles_total", help: "Runs over all tables.", .counter)
        let isWhole = done.count == tables.count
        for (status, count) in [("failed", isWhole ? 0 : 1), ("success", isWhole ? 1 : 0)] {
            text.sample([("status", status)], before("offload_cycles_total", "status", status) + count)
        }
        gauge(&text, "watermark_timestamp_seconds", "Everything that ClickHouse got up to here is in the lake.", done.map { ($0, Double($1.position.microseconds) / 1e6) })
        gauge(&text, "offload_lag_minutes", "How far the watermark is behind ClickHouse's clock.", done.map { ($0, Double($1.clock.microseconds - $1.position.microseconds) / 6e7) })
        gauge(&text, "offload_duration_seconds", "Time the last run of a table took.", done.map { ($0, Double($1.duration) / 1e6) })
        gauge(&text, "offload_last_success_timestamp", "When a table was done last.", tables.map { name, result in
            (name, (try? result.get()) != nil ? now : file.before("offload_last_success_timestamp{table=\"\(name)\"}") ?? 0)
        })
        gauge(&text, "offload_last_failure_timestamp", "When a table failed last; 0 for never.", tables.map { name, result in
            (name, (try? result.get()) == nil ? now : file.before("offload_last_failure_timestamp{table=\"\(name)\"}") ?? 0)
        })
        text.family("offload_cycle_duration_seconds", help: "Time the last run over all tables took.", .gauge)
        text.sample([], Double(duration) / 1e6)
        try file.replace(text.output.bytes)
    }

    /// A table that another run has is none that failed.
    private static func hasFailed(_ result: Result<TableOutcome, LakeError>) -> Bool {
        if case .failure(let error) = result { error.code != .held && error.code != .stopped } else { false }
    }

    private func total(_ text: inout MetricsText, _ name: String, _ help: String, _ values: [(String, Int)]) {
        text.family(name, help: help, .counter)
        let grown = Dictionary(uniqueKeysWithValues: values)
        for definition in MarketTables.all {
            let table = definition.coldName
            text.sample([("table", table)], before(name, "table", table) + (grown[table] ?? 0))
        }
    }

    /// A table without a new value keeps its last one: an alert on it must not lose its series when it fails.
    private func gauge(_ text: inout MetricsText, _ name: String, _ help: String, _ values: [(String, Double)]) {
        text.family(name, help: help, .gauge)
        let new = Dictionary(uniqueKeysWithValues: values)
        for definition in MarketTables.all {
            let table = definition.coldName
            if let value = new[table] ?? file.before("\(name){table=\"\(table)\"}") { text.sample([("table", table)], value) }
        }
    }
}
