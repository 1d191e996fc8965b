import K2Bytes
import K2CLI
import K2Connections
import K2Domain
import K2Maintenance
import K2Metrics
import K2StateStore

/// Metrics of maintenance, for a collector that reads files. What the file has of other verbs and tables stays in it.
struct MaintainMetrics {
    private let file: MetricsFile
    private var families: [MetricsFile.Family]

    init(path: String) throws(ToolFailure) {
        file = try MetricsFile(path: path)
        families = file.families
    }

    /// Replaces the file.
    func write(_ results: [StepResult]) throws(ToolFailure) {
        var copy = self
        for result in results where result.status != "held" && result.status != "stopped" { copy.add(result) }
        var text = MetricsText()
        for family in copy.families {
            text.family(family.name, help: family.help, MetricType(rawValue: family.type) ?? .gauge)
            for (series, value) in family.samples.sorted(by: { $0.key < $1.key }) { text.sample(Self.labels(series), value) }
        }
        try file.replace(text.output.bytes)
    }

    private mutating func add(_ result: StepResult) {
        let table = "{table=\"\(result.table)\"}"
        if case .success(let outcome) = result.outcome {
            for metric in outcome.metrics {
                if metric.isCounter { count(metric.name, metric.help, table, metric.value) } else { set(metric.name, metric.help, table, metric.value) }
            }
            if outcome.isSilent { return }
            if let size = outcome.after {
                set("maintenance_table_rows", "Rows of the table.", table, Double(size.rows))
                set("maintenance_table_files", "Data files and delete files of the table.", table, Double(size.files))
                set("maintenance_table_bytes", "Bytes of the table's files.", table, Double(size.bytes))
            }
        }
        addRun(result)
    }

    private mutating func addRun(_ result: StepResult) {
        let labels = "{table=\"\(result.table)\",verb=\"\(result.verb)\"}"
        let ended = Double(result.startedAt.microseconds + result.duration) / 1e6
        let isGood = result.exitStatus == .done
        count("maintenance_runs_total", "Runs of a verb over a table.", "{status=\"\(result.status)\",\(labels.dropFirst())", 1)
        set("maintenance_duration_seconds", "Time the last run of a verb over a table took.", labels, Double(result.duration) / 1e6)
        set(
            isGood ? "maintenance_last_success_timestamp" : "maintenance_last_failure_timestamp",
            isGood ? "When a verb went well last." : "When a verb failed last, or found a difference.", labels, ended)
    }

    private mutating func family(_ name: String, _ help: String, _ type: MetricType) -> Int {
        if let place = families.firstIndex(where: { $0.name == name }) {
            families[place].help = help
            families[place].type = type.rawValue
            return place
        }
        families.append(MetricsFile.Family(name: name, help: help, type: type.rawValue))
        return families.count - 1
    }

    private mutating func set(_ name: String, _ help: String, _ labels: String, _ value: Double) {
        families[family(name, help, .gauge)].samples[name + labels] = value
    }

    private mutating func count(_ name: String, _ help: String, _ labels: String, _ more: Double) {
        families[family(name, help, .counter)].samples[name + labels, default: 0] += more
    }

    /// The labels of `name{a="b",c="d"}`. Values of ours hold neither quotes nor backslashes.
    private static func labels(_ series: String) -> [(String, String)] {
        guard let open = series.firstIndex(of: "{"), series.hasSuffix("}") else { return [] }
        return series[series.index(after: open)...].dropLast().split(separator: ",").compactMap { part in
            guard let equal = part.firstIndex(of: "=") else { return nil }
            return (String(part[..<equal]), part[part.index(after: equal)...].filter { $0 != "\"" })
        }
    }
}
