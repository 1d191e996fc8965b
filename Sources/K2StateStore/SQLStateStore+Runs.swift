import K2Domain
import K2SQL

extension SQLStateStore {
    public func record(_ run: RunRecord) throws(StateStoreError) {
        try transaction { () throws(StateStoreError) in
            try Self.sql { () throws(SQLError) in try insert(run) }
        }
    }

    func insert(_ run: RunRecord) throws(SQLError) {
        try engine.write(
            """
            INSERT INTO offload_runs
              (table_name, batch_id, started_at, ended_at, row_count, file_count, byte_count, snapshot_id, status, error,
              kind, window_from, window_to)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            """,
            [
                .text(run.table), .optional(run.batchID), .time(run.startedAt), .time(run.endedAt), .integer(run.rows),
                .integer(run.files), .integer(run.bytes), .optional(run.snapshotID), .text(run.status), .words(run.error),
                .text(run.kind), .optional(run.windowFrom), .optional(run.windowTo),
            ])
    }

    public func runs(table: String?, limit: Int) throws(StateStoreError) -> [RunRecord] {
        try Self.sql { () throws(SQLError) in
            let columns = """
                SELECT table_name, batch_id, started_at, ended_at, row_count, file_count, byte_count, snapshot_id, status, error,
                  kind, window_from, window_to FROM offload_runs
                """
            let count = SQLValue.integer(Int64(max(limit, 0)))
            let rows =
                if let table {
                    try engine.read("\(columns) WHERE table_name = ?1 ORDER BY run_id DESC LIMIT ?2", [.text(table), count])
                } else {
                    try engine.read("\(columns) ORDER BY run_id DESC LIMIT ?1", [count])
                }
            var result: [RunRecord] = []
            for row in rows { result.append(try Self.run(row)) }
            return result
        }
    }

    private static func run(_ row: SQLRow) throws(SQLError) -> RunRecord {
        RunRecord(
            table: try row.text(0), batchID: try row.optionalText(1), startedAt: try row.timestamp(2), endedAt: try row.timestamp(3),
            rows: try row.integer(4), files: try row.integer(5), bytes: try row.integer(6), snapshotID: try row.optionalInteger(7),
            status: try row.text(8), error: try row.optionalText(9), windowFrom: try row.optionalTimestamp(11),
            windowTo: try row.optionalTimestamp(12), kind: try row.text(10))
    }
}
