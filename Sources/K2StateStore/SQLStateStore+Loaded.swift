import K2SQL

extension SQLStateStore {
    public func loadedRanges(table: String) throws(StateStoreError) -> [IdentityRange] {
        try Self.sql { () throws(SQLError) in try LoadedRanges(engine: engine, table: table).all() }
    }

    public func loadedValue(table: String, key: [UInt8]) throws(StateStoreError) -> Int64? {
        try Self.sql { () throws(SQLError) in
            try engine.read("SELECT value FROM offload_loaded_keys WHERE table_name = ?1 AND key = ?2", [.text(table), .bytes(key)])
                .first?.integer(0)
        }
    }

    public func loadedValues(table: String, keys: [[UInt8]]) throws(StateStoreError) -> [[UInt8]: Int64] {
        try Self.sql { () throws(SQLError) in
            try engine.snapshot { () throws(SQLError) in
                var result: [[UInt8]: Int64] = [:]
                for run in SQLBatch.runs(keys) {
                    let rows = try engine.read(
                        """
                        SELECT key, value FROM offload_loaded_keys
                        WHERE table_name = ?1 AND key IN (\(SQLBatch.placeholders(from: 2, count: run.count)))
                        """, [.text(table)] + run.map { .bytes($0) })
                    for row in rows { result[try row.bytes(0)] = try row.integer(1) }
                }
                return result
            }
        }
    }
}
