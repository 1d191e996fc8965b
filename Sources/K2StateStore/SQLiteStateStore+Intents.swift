import K2Domain
import K2JSON
import K2SQLite

extension SQLiteStateStore {
    public func openIntent(_ intent: Intent) throws(StateStoreError) {
        try Self.check(intent)
        try transaction { database throws(StateStoreError) in
            do throws(SQLiteError) {
                try Self.insert(intent, into: database)
            } catch {
                guard error.isConstraintViolation else { throw StateStoreError(error) }
                throw StateStoreError(.intentExists, "batch \(intent.batchID): intent is open already")
            }
        }
    }

    private static func insert(_ intent: Intent, into database: borrowing SQLiteDatabase) throws(SQLiteError) {
        let head = try database.prepare("INSERT INTO offload_intents (batch_id, table_name, created_at, files) VALUES (?, ?, ?, ?)")
        try head.bind(intent.batchID, at: 1)
        try head.bind(intent.table, at: 2)
        try head.bind(intent.createdAt.microseconds, at: 3)
        try head.bind(JSONValue.array(intent.files.map { .string($0) }).text, at: 4)
        try head.runOnce()
        let range = try database.prepare("INSERT INTO offload_intent_ranges VALUES (?, ?, ?, ?, ?)")
        for item in intent.ranges.coalesced {
            try range.bind(intent.batchID, at: 1)
            try bind(item, to: range, from: 2)
            try range.runOnce()
        }
        let key = try database.prepare(
            "INSERT INTO offload_intent_keys VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)")
        for item in intent.keys {
            try key.bind(intent.batchID, at: 1)
            try key.bind(item.digest, at: 2)
            try key.bind(item.value, at: 3)
            try key.runOnce()
        }
    }

    /// Binds exchange, symbol, first and last; ids were checked to fit before.
    static func bind(_ range: IdentityRange, to statement: borrowing SQLiteStatement, from index: Int) throws(SQLiteError) {
        try statement.bind(range.exchange, at: index)
        try statement.bind(range.symbol, at: index + 1)
        try statement.bind(Int64(clamping: range.first), at: index + 2)
        try statement.bind(Int64(clamping: range.last), at: index + 3)
    }

    public func openIntents(table: String?) throws(StateStoreError) -> [Intent] {
        var intents = try Self.sqlite { () throws(SQLiteError) in
            let select = try database.prepare(
                """
                SELECT batch_id, table_name, created_at, files FROM offload_intents
                WHERE ?1 IS NULL OR table_name = ?1 ORDER BY created_at, batch_id
                """)
            try select.bind(table, at: 1)
            var result: [(Intent, String)] = []
            while try select.step() {
                let intent = Intent(batchID: select.text(0), table: select.text(1), createdAt: Timestamp(microseconds: select.int64(2)), files: [])
                result.append((intent, select.text(3)))
            }
            return result
        }
        for index in intents.indices {
            intents[index].0.files = try Self.files(intents[index].1, batchID: intents[index].0.batchID)
            try readIdentities(of: &intents[index].0)
        }
        return intents.map(\.0)
    }

    private static func files(_ text: String, batchID: String) throws(StateStoreError) -> [String] {
        let json: JSONValue
        do throws(JSONValueError) { json = try JSONValue(parsing: text) } catch {
            throw StateStoreError(.storage, "batch \(batchID): files: \(error)")
        }
        guard let items = json.arrayValue else { throw StateStoreError(.storage, "batch \(batchID): files: expected an array") }
        return items.compactMap(\.stringValue)
    }

    private func readIdentities(of intent: inout Intent) throws(StateStoreError) {
        let batchID = intent.batchID
        intent.ranges = try Self.sqlite { () throws(SQLiteError) in
            let select = try database.prepare(
                "SELECT exchange, symbol, first_id, last_id FROM offload_intent_ranges WHERE batch_id = ? ORDER BY exchange, symbol, first_id")
            try select.bind(batchID, at: 1)
            return try RangeRows.read(select)
        }
        intent.keys = try Self.sqlite { () throws(SQLiteError) in
            let select = try database.prepare("SELECT key, value FROM offload_intent_keys WHERE batch_id = ? ORDER BY key")
            try select.bind(batchID, at: 1)
            var keys: [IdentityKey] = []
            while try select.step() { keys.append(IdentityKey(digest: select.blob(0), value: select.int64(1))) }
            return keys
        }
    }

    public func settle(batchID: String, _ outcome: IntentOutcome, run: RunRecord) throws(StateStoreError) {
        try transaction { database throws(StateStoreError) in
            do throws(SQLiteError) {
                if let table = try Self.tableOfIntent(batchID, database) {
                    if outcome == .committed { try Self.mergeIntent(batchID, into: table, database) }
                    try Self.deleteIntent(batchID, database)
                    return try Self.insert(run, into: database)
                }
            } catch { throw StateStoreError(error) }
            throw StateStoreError(.noSuchIntent, "batch \(batchID): no open intent")
        }
    }

    private static func tableOfIntent(_ batchID: String, _ database: borrowing SQLiteDatabase) throws(SQLiteError) -> String? {
        let select = try database.prepare("SELECT table_name FROM offload_intents WHERE batch_id = ?")
        try select.bind(batchID, at: 1)
        return try select.step() ? select.text(0) : nil
    }

    private static func deleteIntent(_ batchID: String, _ database: borrowing SQLiteDatabase) throws(SQLiteError) {
        for table in ["offload_intent_ranges", "offload_intent_keys", "offload_intents"] {
            let delete = try database.prepare("DELETE FROM \(table) WHERE batch_id = ?")
            try delete.bind(batchID, at: 1)
            try delete.runOnce()
        }
    }

    private static func mergeIntent(_ batchID: String, into table: String, _ database: borrowing SQLiteDatabase) throws(SQLiteError) {
        let select = try database.prepare("SELECT exchange, symbol, first_id, last_id FROM offload_intent_ranges WHERE batch_id = ?")
        try select.bind(batchID, at: 1)
        let merger = try RangeMerger(database, table: table)
        for range in try RangeRows.read(select) { try merger.add(range) }
        let keys = try database.prepare(
            """
            INSERT INTO offload_loaded_keys (table_name, key, value) SELECT ?1, key, value FROM offload_intent_keys WHERE batch_id = ?2
            ON CONFLICT DO UPDATE SET value = max(value, excluded.value)
            """)
        try keys.bind(table, at: 1)
        try keys.bind(batchID, at: 2)
        try keys.runOnce()
    }
}

/// Adds ranges to a table's loaded ranges, so that they stay disjoint and not adjacent. O(log n) and what is swallowed, each.
private struct RangeMerger: ~Copyable {
    private let table: String
    private let touching: SQLiteStatement
    private let delete: SQLiteStatement
    private let insert: SQLiteStatement

    init(_ database: borrowing SQLiteDatabase, table: String) throws(SQLiteError) {
        // The stored ranges are disjoint: only the last one that begins at or before ours can reach into it from the left.
        let select = try database.prepare(
            """
            SELECT first_id, last_id FROM (
              SELECT first_id, last_id FROM offload_loaded_ranges
              WHERE table_name = ?1 AND exchange = ?2 AND symbol = ?3 AND first_id <= ?4 ORDER BY first_id DESC LIMIT 1
            ) WHERE last_id >= ?4 - 1
            UNION ALL
            SELECT first_id, last_id FROM offload_loaded_ranges
            WHERE table_name = ?1 AND exchange = ?2 AND symbol = ?3 AND first_id > ?4 AND first_id - 1 <= ?5
            """)
        let remove = try database.prepare(
            "DELETE FROM offload_loaded_ranges WHERE table_name = ? AND exchange = ? AND symbol = ? AND first_id = ?")
        let add = try database.prepare("INSERT INTO offload_loaded_ranges VALUES (?, ?, ?, ?, ?)")
        self.table = table
        touching = select
        delete = remove
        insert = add
    }

    func add(_ range: IdentityRange) throws(SQLiteError) {
        defer { touching.reset() }
        try touching.bind(table, at: 1)
        try SQLiteStateStore.bind(range, to: touching, from: 2)
        var first = Int64(clamping: range.first)
        var last = Int64(clamping: range.last)
        var swallowed: [Int64] = []
        while try touching.step() {
            swallowed.append(touching.int64(0))
            first = min(first, touching.int64(0))
            last = max(last, touching.int64(1))
        }
        for begin in swallowed {
            try delete.bind(table, at: 1)
            try delete.bind(range.exchange, at: 2)
            try delete.bind(range.symbol, at: 3)
            try delete.bind(begin, at: 4)
            try delete.runOnce()
        }
        var merged = range
        merged.first = UInt64(clamping: first)
        merged.last = UInt64(clamping: last)
        try insert.bind(table, at: 1)
        try SQLiteStateStore.bind(merged, to: insert, from: 2)
        try insert.runOnce()
    }
}
