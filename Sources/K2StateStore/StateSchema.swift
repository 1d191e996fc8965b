import K2SQLite

/// The tables of `SQLiteStateStore` and the steps that lead to them.
enum StateSchema {
    /// Step n brings version n to version n + 1. A step that was released is never changed.
    static let steps: [String] = [
        """
        CREATE TABLE offload_intents (
          batch_id TEXT NOT NULL PRIMARY KEY,
          table_name TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          files TEXT NOT NULL
        );
        CREATE INDEX offload_intents_by_table ON offload_intents (table_name, created_at);
        CREATE TABLE offload_intent_ranges (
          batch_id TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
          PRIMARY KEY (batch_id, exchange, symbol, first_id)
        ) WITHOUT ROWID;
        CREATE TABLE offload_intent_keys (
          batch_id TEXT NOT NULL, key BLOB NOT NULL, value INTEGER NOT NULL,
          PRIMARY KEY (batch_id, key)
        ) WITHOUT ROWID;
        CREATE TABLE offload_loaded_ranges (
          table_name TEXT NOT NULL, exchange TEXT NOT NULL, symbol TEXT NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
          PRIMARY KEY (table_name, exchange, symbol, first_id)
        ) WITHOUT ROWID;
        CREATE TABLE offload_loaded_keys (
          table_name TEXT NOT NULL, key BLOB NOT NULL, value INTEGER NOT NULL,
          PRIMARY KEY (table_name, key)
        ) WITHOUT ROWID;
        CREATE TABLE offload_runs (
          run_id INTEGER PRIMARY KEY,
          table_name TEXT NOT NULL,
          batch_id TEXT,
          started_at INTEGER NOT NULL,
          ended_at INTEGER NOT NULL,
          row_count INTEGER NOT NULL,
          file_count INTEGER NOT NULL,
          byte_count INTEGER NOT NULL,
          snapshot_id INTEGER,
          status TEXT NOT NULL,
          error TEXT
        );
        CREATE INDEX offload_runs_by_table ON offload_runs (table_name, run_id);
        CREATE TABLE offload_leases (
          table_name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, expires_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        """
    ]

    /// Runs the missing steps inside the caller's transaction.
    static func migrate(_ database: borrowing SQLiteDatabase) throws(StateStoreError) {
        do throws(SQLiteError) {
            try database.run("CREATE TABLE IF NOT EXISTS offload_schema (version INTEGER NOT NULL)")
            let found = try version(database)
            if found == Int64(steps.count) { return }
            if found < Int64(steps.count) {
                for step in steps[Int(max(found, 0))...] { try database.run(step) }
                try database.run("DELETE FROM offload_schema; INSERT INTO offload_schema (version) VALUES (\(steps.count))")
                return
            }
        } catch { throw StateStoreError(error) }
        throw StateStoreError(.newerSchema, "\(database.path): state tables were made by a newer version: expected at most \(steps.count)")
    }

    private static func version(_ database: borrowing SQLiteDatabase) throws(SQLiteError) -> Int64 {
        let select = try database.prepare("SELECT max(version) FROM offload_schema")
        return try select.step() ? select.int64(0) : 0
    }
}
