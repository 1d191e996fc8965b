import K2SQL

/// The tables of `SQLStateStore` and the steps that lead to them.
enum StateSchema {
    /// Step n brings version n to version n + 1. A step that was released is never changed.
    static func steps(_ dialect: SQLDialect) -> [String] { [first(dialect), second(dialect), third(dialect), fourth(dialect)] }

    private static func first(_ dialect: SQLDialect) -> String {
        let (text, integer, bytes, time, clustered) = (dialect.text, dialect.integer, dialect.bytes, dialect.time, dialect.clustered)
        return """
            CREATE TABLE offload_intents (
              batch_id \(text) NOT NULL PRIMARY KEY,
              table_name \(text) NOT NULL,
              created_at \(time) NOT NULL,
              files \(text) NOT NULL
            );
            CREATE INDEX offload_intents_by_table ON offload_intents (table_name, created_at);
            CREATE TABLE offload_intent_ranges (
              batch_id \(text) NOT NULL, exchange \(text) NOT NULL, symbol \(text) NOT NULL, first_id \(integer) NOT NULL, last_id \(integer) NOT NULL,
              PRIMARY KEY (batch_id, exchange, symbol, first_id)
            )\(clustered);
            CREATE TABLE offload_intent_keys (
              batch_id \(text) NOT NULL, key \(bytes) NOT NULL, value \(integer) NOT NULL,
              PRIMARY KEY (batch_id, key)
            )\(clustered);
            CREATE TABLE offload_loaded_ranges (
              table_name \(text) NOT NULL, exchange \(text) NOT NULL, symbol \(text) NOT NULL, first_id \(integer) NOT NULL, last_id \(integer) NOT NULL,
              PRIMARY KEY (table_name, exchange, symbol, first_id)
            )\(clustered);
            CREATE TABLE offload_loaded_keys (
              table_name \(text) NOT NULL, key \(bytes) NOT NULL, value \(integer) NOT NULL,
              PRIMARY KEY (table_name, key)
            )\(clustered);
            CREATE TABLE offload_runs (
              run_id \(dialect.serial),
              table_name \(text) NOT NULL,
              batch_id \(text),
              started_at \(time) NOT NULL,
              ended_at \(time) NOT NULL,
              row_count \(integer) NOT NULL,
              file_count \(integer) NOT NULL,
              byte_count \(integer) NOT NULL,
              snapshot_id \(integer),
              status \(text) NOT NULL,
              error \(text)
            );
            CREATE INDEX offload_runs_by_table ON offload_runs (table_name, run_id);
            CREATE TABLE offload_leases (
              table_name \(text) NOT NULL PRIMARY KEY, holder \(text) NOT NULL, expires_at \(time) NOT NULL
            )\(clustered);
            """
    }

    /// Windows: what intents and runs are about, and how far each table is offloaded.
    private static func second(_ dialect: SQLDialect) -> String {
        let (text, integer, time) = (dialect.text, dialect.integer, dialect.time)
        return """
            ALTER TABLE offload_intents ADD COLUMN kind \(text) NOT NULL DEFAULT 'stream';
            ALTER TABLE offload_intents ADD COLUMN window_from \(time);
            ALTER TABLE offload_intents ADD COLUMN window_to \(time);
            ALTER TABLE offload_runs ADD COLUMN kind \(text) NOT NULL DEFAULT 'stream';
            ALTER TABLE offload_runs ADD COLUMN window_from \(time);
            ALTER TABLE offload_runs ADD COLUMN window_to \(time);
            CREATE TABLE offload_watermarks (
              table_name \(text) NOT NULL PRIMARY KEY,
              last_offload_timestamp \(time) NOT NULL,
              last_offload_max_sequence \(integer),
              last_offload_row_count \(integer) NOT NULL,
              status \(text) NOT NULL,
              last_successful_run \(time),
              last_run_duration_seconds \(dialect.real) NOT NULL,
              failure_count \(integer) NOT NULL,
              last_error_message \(text),
              server_clock \(time),
              local_clock \(time),
              updated_at \(time) NOT NULL
            )\(dialect.clustered);
            """
    }

    /// Maintenance: what it is writing, what it did, what audits found (the columns of the old platform's log first).
    private static func third(_ dialect: SQLDialect) -> String {
        let (text, integer, time) = (dialect.text, dialect.integer, dialect.time)
        return """
            CREATE TABLE maintenance_intents (
              intent_id \(text) NOT NULL PRIMARY KEY,
              table_name \(text) NOT NULL,
              kind \(text) NOT NULL,
              holder \(text) NOT NULL,
              created_at \(time) NOT NULL,
              files \(text) NOT NULL
            );
            CREATE INDEX maintenance_intents_by_table ON maintenance_intents (table_name, created_at);
            CREATE TABLE maintenance_runs (
              line_id \(dialect.serial),
              run_id \(text) NOT NULL,
              table_name \(text) NOT NULL,
              verb \(text) NOT NULL,
              started_at \(time) NOT NULL,
              ended_at \(time) NOT NULL,
              status \(text) NOT NULL,
              rows_before \(integer), files_before \(integer), bytes_before \(integer),
              rows_after \(integer), files_after \(integer), bytes_after \(integer),
              snapshot_id \(integer),
              note \(text),
              error \(text),
              UNIQUE (run_id, table_name, verb)
            );
            CREATE INDEX maintenance_runs_by_table ON maintenance_runs (table_name, line_id);
            CREATE TABLE maintenance_audit_log (
              line_id \(dialect.serial),
              run_timestamp \(time) NOT NULL,
              iceberg_table \(text) NOT NULL,
              ch_source \(text) NOT NULL,
              layer \(text) NOT NULL,
              audit_window_hours \(integer) NOT NULL,
              window_start \(time) NOT NULL,
              window_end \(time) NOT NULL,
              ch_row_count \(integer),
              iceberg_row_count \(integer),
              delta \(integer),
              delta_pct \(dialect.real),
              status \(text) NOT NULL,
              notes \(text),
              ch_hash \(text),
              iceberg_hash \(text),
              result \(text) NOT NULL,
              run_id \(text)
            );
            CREATE INDEX maintenance_audit_log_by_table ON maintenance_audit_log (iceberg_table, line_id);
            """
    }

    /// Which table of a name the state is about.
    private static func fourth(_ dialect: SQLDialect) -> String {
        """
        CREATE TABLE offload_tables (
          table_name \(dialect.text) NOT NULL PRIMARY KEY, table_uuid \(dialect.text) NOT NULL
        )\(dialect.clustered);
        """
    }

    /// Runs the steps that are missing, all in one transaction. Tables that are as they should be are not written to.
    /// - Returns: true when there were none.
    static func bringUpToDate(_ engine: any SQLEngine) throws(StateStoreError) -> Bool {
        let wanted = steps(engine.dialect).count
        if try check(engine, wanted) == wanted { return false }
        return try engine.transaction({ () throws(StateStoreError) in
            // Another process may have been faster.
            let found = try check(engine, wanted)
            if found < wanted { try run(steps(engine.dialect)[found...], engine) }
            return found == 0
        }, orElse: { StateStoreError($0) })
    }

    static func isThere(_ engine: any SQLEngine) throws(StateStoreError) -> Bool { try check(engine, steps(engine.dialect).count) > 0 }

    private static func run(_ missing: ArraySlice<String>, _ engine: any SQLEngine) throws(StateStoreError) {
        try SQLStateStore.sql { () throws(SQLError) in
            try engine.runScript("CREATE TABLE IF NOT EXISTS offload_schema (version INTEGER NOT NULL)")
            for step in missing { try engine.runScript(step) }
            try engine.runScript("DELETE FROM offload_schema; INSERT INTO offload_schema (version) VALUES (\(missing.endIndex))")
        }
    }

    /// The version of the tables; 0 when there are none.
    private static func check(_ engine: any SQLEngine, _ wanted: Int) throws(StateStoreError) -> Int {
        let found = try SQLStateStore.sql { () throws(SQLError) -> Int64 in
            guard try engine.hasTable("offload_schema") else { return 0 }
            return try engine.read("SELECT max(version) FROM offload_schema").first?.optionalInteger(0) ?? 0
        }
        guard found <= wanted else {
            throw StateStoreError(
                .newerSchema, "\(engine.name): state tables were made by a newer version: expected at most \(wanted), found \(found)")
        }
        return max(Int(found), 0)
    }
}
