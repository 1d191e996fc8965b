import K2Domain
import K2SQLite

extension SQLiteStateStore {
    public func record(_ run: RunRecord) throws(StateStoreError) {
        try Self.sqlite { () throws(SQLiteError) in try Self.insert(run, into: database) }
    }

    static func insert(_ run: RunRecord, into database: borrowing SQLiteDatabase) throws(SQLiteError) {
        let insert = try database.prepare(
            """
            INSERT INTO offload_runs
              (table_name, batch_id, started_at, ended_at, row_count, file_count, byte_count, snapshot_id, status, error)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        try insert.bind(run.table, at: 1)
        try insert.bind(run.batchID, at: 2)
        try insert.bind(run.startedAt.microseconds, at: 3)
        try insert.bind(run.endedAt.microseconds, at: 4)
        try insert.bind(run.rows, at: 5)
        try insert.bind(run.files, at: 6)
        try insert.bind(run.bytes, at: 7)
        try insert.bind(run.snapshotID, at: 8)
        try insert.bind(run.status, at: 9)
        try insert.bind(run.error, at: 10)
        try insert.runOnce()
    }

    public func runs(table: String?, limit: Int) throws(StateStoreError) -> [RunRecord] {
        try Self.sqlite { () throws(SQLiteError) in
            let select = try database.prepare(
                """
                SELECT table_name, batch_id, started_at, ended_at, row_count, file_count, byte_count, snapshot_id, status, error
                FROM offload_runs WHERE ?1 IS NULL OR table_name = ?1 ORDER BY run_id DESC LIMIT ?2
                """)
            try select.bind(table, at: 1)
            try select.bind(Int64(max(limit, 0)), at: 2)
            var result: [RunRecord] = []
            while try select.step() {
                result.append(
                    RunRecord(
                        table: select.text(0), batchID: select.optionalText(1), startedAt: Timestamp(microseconds: select.int64(2)),
                        endedAt: Timestamp(microseconds: select.int64(3)), rows: select.int64(4), files: select.int64(5), bytes: select.int64(6),
                        snapshotID: select.optionalInt64(7), status: select.text(8), error: select.optionalText(9)))
            }
            return result
        }
    }
}
