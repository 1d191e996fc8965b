import K2SQL

extension SQLStateStore {
    public func boundTable(_ table: String) throws(StateStoreError) -> String? {
        try Self.sql { () throws(SQLError) in
            try engine.read("SELECT table_uuid FROM offload_tables WHERE table_name = ?1", [.text(table)]).first?.text(0)
        }
    }

    public func bindTable(_ table: String, uuid: String) throws(StateStoreError) {
        try transaction { () throws(StateStoreError) in try Self.sql { () throws(SQLError) in try bind(table, uuid) } }
    }

    private func bind(_ table: String, _ uuid: String) throws(SQLError) {
        try engine.write(
            "INSERT INTO offload_tables (table_name, table_uuid) VALUES (?1, ?2) ON CONFLICT (table_name) DO UPDATE SET table_uuid = excluded.table_uuid",
            [.text(table), .text(uuid)])
    }

    public func forgetTable(_ table: String, run: RunRecord) throws(StateStoreError) {
        try transaction { () throws(StateStoreError) in
            try Self.sql { () throws(SQLError) in
                let open = "batch_id IN (SELECT batch_id FROM offload_intents WHERE table_name = ?1)"
                for (name, rows) in [
                    ("offload_intent_ranges", open), ("offload_intent_keys", open), ("offload_intents", "table_name = ?1"),
                    ("offload_loaded_ranges", "table_name = ?1"), ("offload_loaded_keys", "table_name = ?1"), ("offload_watermarks", "table_name = ?1"),
                ] {
                    try engine.write("DELETE FROM \(name) WHERE \(rows)", [.text(table)])
                }
                try bind(table, Self.forgotten)
                try insert(run)
            }
        }
    }
}
