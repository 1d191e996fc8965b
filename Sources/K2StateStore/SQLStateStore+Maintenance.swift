import K2Domain
import K2JSON
import K2SQL

extension SQLStateStore {
    // MARK: Intents

    public func openMaintenance(_ intent: MaintenanceIntent) throws(StateStoreError) {
        do throws(SQLError) {
            try engine.write(
                "INSERT INTO maintenance_intents (intent_id, table_name, kind, holder, created_at, files) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                [
                    .text(intent.id), .text(intent.table), .text(intent.kind), .text(intent.holder), .time(intent.createdAt),
                    .text(LocationList.text(intent.files)),
                ])
        } catch {
            guard error.code == .duplicate else { throw StateStoreError(error) }
            throw StateStoreError(.intentExists, "maintenance \(intent.id): intent is open already")
        }
    }

    public func addMaintenanceFiles(_ files: [String], id: String) throws(StateStoreError) {
        try transaction { () throws(StateStoreError) in
            let found = try Self.sql { () throws(SQLError) in
                try engine.read("SELECT files FROM maintenance_intents WHERE intent_id = ?1", [.text(id)]).first?.text(0)
            }
            guard let found else { throw StateStoreError(.noSuchIntent, "maintenance \(id): no open intent") }
            let known = try LocationList.read(found, "maintenance \(id)")
            let seen = Set(known)
            let all = known + files.filter { !seen.contains($0) }
            try Self.sql { () throws(SQLError) in
                _ = try engine.write("UPDATE maintenance_intents SET files = ?1 WHERE intent_id = ?2", [.text(LocationList.text(all)), .text(id)])
            }
        }
    }

    @discardableResult
    public func closeMaintenance(id: String) throws(StateStoreError) -> Bool {
        try Self.sql { () throws(SQLError) in try engine.write("DELETE FROM maintenance_intents WHERE intent_id = ?1", [.text(id)]) > 0 }
    }

    public func maintenanceIntents(table: String?) throws(StateStoreError) -> [MaintenanceIntent] {
        let columns = "SELECT intent_id, table_name, kind, holder, created_at, files FROM maintenance_intents"
        let found = try Self.sql { () throws(SQLError) in
            var result: [(intent: MaintenanceIntent, files: String)] = []
            let rows =
                if let table {
                    try engine.read("\(columns) WHERE table_name = ?1 ORDER BY created_at, intent_id", [.text(table)])
                } else {
                    try engine.read("\(columns) ORDER BY created_at, intent_id")
                }
            for row in rows {
                let intent = MaintenanceIntent(
                    id: try row.text(0), table: try row.text(1), kind: try row.text(2), holder: try row.text(3), createdAt: try row.timestamp(4), files: [])
                result.append((intent, try row.text(5)))
            }
            return result
        }
        var intents: [MaintenanceIntent] = []
        for item in found {
            var intent = item.intent
            intent.files = try LocationList.read(item.files, "maintenance \(intent.id)")
            intents.append(intent)
        }
        return intents
    }

    // MARK: History

    private static let runColumns = """
        run_id, table_name, verb, started_at, ended_at, status, rows_before, files_before, bytes_before, rows_after, files_after, bytes_after,
        snapshot_id, note, error
        """

    public func recordMaintenance(_ run: MaintenanceRun) throws(StateStoreError) {
        try Self.sql { () throws(SQLError) in
            _ = try engine.write(
                """
                INSERT INTO maintenance_runs (\(Self.runColumns)) VALUES (\(SQLBatch.placeholders(from: 1, count: 15)))
                ON CONFLICT (run_id, table_name, verb) DO UPDATE SET started_at = ?4, ended_at = ?5, status = ?6, rows_before = ?7,
                  files_before = ?8, bytes_before = ?9, rows_after = ?10, files_after = ?11, bytes_after = ?12, snapshot_id = ?13, note = ?14,
                  error = ?15
                """,
                [
                    .text(run.runID), .text(run.table), .text(run.verb), .time(run.startedAt), .time(run.endedAt), .text(run.status),
                    .optional(run.before?.rows), .optional(run.before?.files), .optional(run.before?.bytes), .optional(run.after?.rows),
                    .optional(run.after?.files), .optional(run.after?.bytes), .optional(run.snapshotID), .words(run.note), .words(run.error),
                ])
        }
    }

    public func maintenanceRuns(table: String?, verb: String?, limit: Int) throws(StateStoreError) -> [MaintenanceRun] {
        try Self.sql { () throws(SQLError) in
            let wanted = [("table_name", table), ("verb", verb)].compactMap { name, value in value.map { (name: name, value: $0) } }
            let conditions = wanted.enumerated().map { "\($0.element.name) = ?\($0.offset + 1)" }.joined(separator: " AND ")
            let rows = try engine.read(
                """
                SELECT \(Self.runColumns) FROM maintenance_runs \(conditions.isEmpty ? "" : "WHERE \(conditions)")
                ORDER BY line_id DESC LIMIT ?\(wanted.count + 1)
                """, wanted.map { .text($0.value) } + [.integer(Int64(max(limit, 0)))])
            var result: [MaintenanceRun] = []
            for row in rows { result.append(try Self.maintenanceRun(row)) }
            return result
        }
    }

    private static func maintenanceRun(_ row: SQLRow) throws(SQLError) -> MaintenanceRun {
        MaintenanceRun(
            runID: try row.text(0), table: try row.text(1), verb: try row.text(2), startedAt: try row.timestamp(3), endedAt: try row.timestamp(4),
            status: try row.text(5), before: try size(row, from: 6), after: try size(row, from: 9), snapshotID: try row.optionalInteger(12),
            note: try row.optionalText(13), error: try row.optionalText(14))
    }

    private static func size(_ row: SQLRow, from column: Int) throws(SQLError) -> TableSize? {
        guard !row.isNull(column) else { return nil }
        return TableSize(rows: try row.integer(column), files: try row.integer(column + 1), bytes: try row.integer(column + 2))
    }
}

/// Locations of files as text in one column: a JSON array.
enum LocationList {
    static func text(_ files: [String]) -> String { JSONValue.array(files.map { .string($0) }).text }

    static func read(_ text: String, _ what: String) throws(StateStoreError) -> [String] {
        let json: JSONValue
        do throws(JSONValueError) { json = try JSONValue(parsing: text) } catch { throw StateStoreError(.storage, "\(what): files: \(error)") }
        guard let items = json.arrayValue else { throw StateStoreError(.storage, "\(what): files: expected an array") }
        let files = items.compactMap(\.stringValue)
        // One that was left out could be taken for an orphan.
        guard files.count == items.count else { throw StateStoreError(.storage, "\(what): files: expected texts") }
        return files
    }
}
