import ArgumentParser
import Glibc
import K2Bytes
import K2CLI
import K2Connections
import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2Maintenance
import K2NDJSON
import K2StateStore

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how each table is, and what the last run of maintenance did to it.",
        discussion: """
            EXAMPLES
              k2-maintain status
              k2-maintain status --json | jq -r 'select(.small_files > 100).table'

            Small files are data files below three quarters of 128 MB, or of what the table wants. The last run is told by its worst verb.
            """)

    @Option(help: ArgumentHelp("Comma-separated tables, such as silver_trades,gold_ohlcv_1m; all if left out. Other tables of the namespace cold may be named, too.", valueName: "list"))
    var tables: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var lake: LakeOptions

    func run() throws {
        let plan = try LakePlan(lake)
        let stores = try plan.open(mustExist: true, looking: true)
        let names = tables.map { $0.split(separator: ",").map(String.init) }
        var (found, failures): ([TableHealth], [LakeError]) = ([], [])
        for name in names ?? MaintainOptions.ownTables {
            do { found += try LakeError.naming(name) { try health(name, stores, mustExist: names != nil) } } catch let error as LakeError { failures.append(error) }
        }
        if names == nil, found.isEmpty, failures.isEmpty { throw plan.nothingFound }
        var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
        if json {
            for health in found { output.buffer.append(string: JSONValue.object(health.json).text + "\n") }
        } else {
            if !found.isEmpty { StatusTable.write(found, to: &output.buffer) }
        }
        try output.flush()
        // One that cannot be read does not hide the others.
        for error in failures.dropLast() { Diagnostics(tool: "k2-maintain").report(error.message) }
        if let last = failures.last { throw ToolFailure(ExitStatus(last.code), last.message, hint: last.hint) }
    }

    private func health(_ name: String, _ stores: LakeStores, mustExist: Bool) throws -> [TableHealth] {
        if let table = try stores.catalog.findTable(TableIdentifier(LakeSchema.namespace, name)) { return [try TableHealth(table, name, stores)] }
        if mustExist { throw LakeError(.configuration, "\(name): no such table") }
        return []
    }
}

/// The status as a table for people.
enum StatusTable {
    static func write(_ tables: [TableHealth], to output: inout ByteWriter) {
        var rows = [["table", "rows", "files", "small", "deletes", "bytes", "snapshots", "open", "oldest data", "last run", "at"]]
        for table in tables {
            rows.append([
                table.table, "\(table.rows)", "\(table.dataFiles)", "\(table.smallFiles)", "\(table.deleteFiles)", "\(table.bytes)", "\(table.snapshots)",
                "\(table.openIntents + table.openMaintenance)", table.oldestData.map { String($0.description.prefix(10)) } ?? "-", lastRun(table),
                table.lastRun.last.map { String($0.endedAt.description.prefix(16)) } ?? "-",
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            var line = ""
            for (column, text) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - text.count)
                let isNumber = (1...7).contains(column)
                line += (column == 0 ? "" : "  ") + (isNumber ? padding + text : text + padding)
            }
            while line.last == " " { line.removeLast() }
            output.append(string: line + "\n")
        }
    }

    /// `done`, or the first verb that did not go well and what became of it.
    static func lastRun(_ table: TableHealth) -> String {
        if table.lastRun.isEmpty { return "-" }
        guard let bad = table.lastRun.first(where: { !["done", "nothing"].contains($0.status) }) else { return "done" }
        return "\(bad.verb) \(bad.status)"
    }
}
