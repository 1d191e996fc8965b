import K2Domain
import K2SQL

extension SQLStateStore {
    private static let auditColumns = """
        run_timestamp, iceberg_table, ch_source, layer, audit_window_hours, window_start, window_end, ch_row_count, iceberg_row_count, delta,
        delta_pct, status, notes, ch_hash, iceberg_hash, result, run_id
        """

    public func recordAudit(_ record: AuditRecord) throws(StateStoreError) {
        try Self.sql { () throws(SQLError) in
            _ = try engine.write(
                "INSERT INTO maintenance_audit_log (\(Self.auditColumns)) VALUES (\(SQLBatch.placeholders(from: 1, count: 17)))",
                [
                    .time(record.runAt), .text(record.table), .text(record.source), .text(record.layer), .integer(record.windowHours),
                    .time(record.windowStart), .time(record.windowEnd), .optional(record.warmRows), .optional(record.coldRows),
                    .optional(record.delta), record.deltaPercent.map { .real($0) } ?? .null, .text(record.status), .words(record.notes),
                    .optional(record.warmHash), .optional(record.coldHash), .text(record.result), .optional(record.runID),
                ])
        }
    }

    public func audits(table: String?, limit: Int) throws(StateStoreError) -> [AuditRecord] {
        try Self.sql { () throws(SQLError) in
            let columns = "SELECT \(Self.auditColumns) FROM maintenance_audit_log"
            let count = SQLValue.integer(Int64(max(limit, 0)))
            let rows =
                if let table {
                    try engine.read("\(columns) WHERE iceberg_table = ?1 ORDER BY line_id DESC LIMIT ?2", [.text(table), count])
                } else {
                    try engine.read("\(columns) ORDER BY line_id DESC LIMIT ?1", [count])
                }
            var result: [AuditRecord] = []
            for row in rows { result.append(try Self.audit(row)) }
            return result
        }
    }

    private static func audit(_ row: SQLRow) throws(SQLError) -> AuditRecord {
        AuditRecord(
            runAt: try row.timestamp(0), table: try row.text(1), source: try row.text(2), layer: try row.text(3), windowHours: try row.integer(4),
            windowStart: try row.timestamp(5), windowEnd: try row.timestamp(6), warmRows: try row.optionalInteger(7),
            coldRows: try row.optionalInteger(8), warmHash: try row.optionalText(13), coldHash: try row.optionalText(14), status: try row.text(11),
            result: try row.text(15), notes: try row.optionalText(12), runID: try row.optionalText(16))
    }
}
