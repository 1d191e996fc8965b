import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2Connections
import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2NDJSON
import K2StateStore

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what each table holds, how far it is offloaded, and its last run.",
        discussion: """
            EXAMPLES
              k2-offload status
              k2-offload status --json | jq -r 'select(.open_intents > 0).table'
            """)

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var lake: LakeOptions

    func run() throws {
        let plan = try LakePlan(lake)
        let tables = try LakeVerbs.run { try plan.open().status() }
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        if json {
            for table in tables { StatusText.writeJSON(table, to: &output.buffer) }
        } else {
            StatusText.writeTable(tables, to: &output.buffer)
        }
        try output.flush()
    }
}

struct ReconcileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Settle batches that a killed run left open, and say what was found.",
        discussion: """
            EXAMPLES
              k2-offload reconcile
            """)

    @OptionGroup var lake: LakeOptions

    func run() throws {
        let plan = try LakePlan(lake)
        let (lines, failures) = try plan.open().reconcile()
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        for line in lines.isEmpty && failures.isEmpty ? ["no open batches"] : lines { output.buffer.append(string: line + "\n") }
        try output.flush()
        let diagnostics = Diagnostics(tool: "k2-offload")
        for failure in failures.dropLast() { diagnostics.report(failure.message) }
        if let last = failures.last { throw ToolFailure(last) }
    }
}

/// Turns errors of the libraries into failures of the tool.
enum LakeVerbs {
    static func run<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as LakeError {
            throw ToolFailure(error)
        } catch let error as IcebergError {
            throw ToolFailure(error.isRetryable ? .temporary : .failed, error.message)
        } catch let error as StateStoreError {
            throw ToolFailure(error.isRetryable ? .temporary : .failed, error.message)
        }
    }
}

extension ToolFailure {
    init(_ error: LakeError) { self.init(ExitStatus(error.code), error.message, hint: error.hint ?? (error.code == .outcomeUnknown ? "k2-offload reconcile" : nil)) }
}

/// The two forms of the status.
enum StatusText {
    static func writeJSON(_ table: TableStatus, to output: inout ByteWriter) {
        output.append("{\"table\":")
        output.appendJSONString(table.table)
        for (name, value) in [("rows", table.rows), ("files", table.files), ("bytes", table.bytes), ("snapshots", Int64(table.snapshots)),
            ("open_intents", Int64(table.openIntents))]
        {
            output.append(string: ",\"\(name)\":\(value)")
        }
        // Snapshot ids are random 63-bit numbers: a string, so that no reader rounds them.
        if let id = table.snapshotID { output.append(string: ",\"snapshot_id\":\"\(id)\"") }
        if let time = table.committedAt { output.append(string: ",\"committed_at\":\"\(time)\"") }
        if let watermark = table.watermark {
            output.append(string: ",\"watermark\":\"\(watermark.position)\",\"status\":\"\(watermark.status)\",\"failures\":\(watermark.failureCount)")
            if let lag = table.lag { output.append(string: ",\"lag_seconds\":\(lag / 1_000_000)") }
            if let time = watermark.lastSuccess { output.append(string: ",\"last_success\":\"\(time)\"") }
            if let error = watermark.lastError {
                output.append(",\"last_error\":")
                output.appendJSONString(error)
            }
        }
        if let run = table.lastRun {
            output.append(string: ",\"last_run\":{\"status\":\"\(run.status)\",\"kind\":\"\(run.kind)\",\"rows\":\(run.rows),\"files\":\(run.files),\"bytes\":\(run.bytes)")
            output.append(string: ",\"started_at\":\"\(run.startedAt)\",\"ended_at\":\"\(run.endedAt)\"")
            if let from = run.windowFrom, let to = run.windowTo { output.append(string: ",\"window_from\":\"\(from)\",\"window_to\":\"\(to)\"") }
            if let error = run.error {
                output.append(",\"error\":")
                output.appendJSONString(error)
            }
            output.append("}")
        }
        output.append(",\"location\":")
        output.appendJSONString(table.location)
        output.append("}\n")
    }

    /// Whole seconds, minutes, hours or days.
    private static func duration(_ microseconds: Int64) -> String {
        let seconds = max(microseconds / 1_000_000, 0)
        if seconds < 120 { return "\(seconds)s" }
        if seconds < 7_200 { return "\(seconds / 60)m" }
        return seconds < 172_800 ? "\(seconds / 3_600)h" : "\(seconds / 86_400)d"
    }

    /// Without the fraction, which no person reads.
    private static func seconds(_ time: Timestamp) -> String { String("\(time)".prefix(19)) + "Z" }

    static func writeTable(_ tables: [TableStatus], to output: inout ByteWriter) {
        var rows = [["table", "watermark", "lag", "last run", "ended", "rows", "files", "bytes", "snapshots", "failures", "open"]]
        for table in tables {
            rows.append([
                table.table, table.watermark.map { seconds($0.position) } ?? "-", table.lag.map(duration) ?? "-", table.lastRun?.status ?? "-",
                table.lastRun.map { seconds($0.endedAt) } ?? "-", "\(table.rows)", "\(table.files)", "\(table.bytes)", "\(table.snapshots)",
                "\(table.watermark?.failureCount ?? 0)", "\(table.openIntents)",
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            var line = ""
            for (column, text) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - text.count)
                let isNumber = column == 2 || column > 4
                line += (column == 0 ? "" : "  ") + (isNumber ? padding + text : text + padding)
            }
            while line.last == " " { line.removeLast() }
            output.append(string: line + "\n")
        }
    }
}
