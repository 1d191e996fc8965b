import K2Domain
import K2SQL

extension SQLStateStore {
    public func openIntent(_ intent: Intent) throws(StateStoreError) {
        try Self.check(intent)
        try transaction { () throws(StateStoreError) in
            do throws(SQLError) { try insert(intent) } catch {
                guard error.code == .duplicate else { throw StateStoreError(error) }
                throw StateStoreError(.intentExists, "batch \(intent.batchID): intent is open already")
            }
        }
    }

    /// What cannot be stored is refused before anything is written.
    private static func check(_ intent: Intent) throws(StateStoreError) {
        for range in intent.ranges {
            guard range.first <= range.last else {
                throw StateStoreError(
                    .invalidValue, "\(range.exchange) \(range.symbol): range ends before it begins: \(range.first)…\(range.last)")
            }
            guard range.last <= UInt64(Int64.max) else {
                throw StateStoreError(.idTooLarge, "\(range.exchange) \(range.symbol): id \(range.last) is above \(Int64.max)")
            }
        }
        for key in intent.keys where key.digest.count != 16 {
            throw StateStoreError(.invalidValue, "\(intent.batchID): key: expected 16 bytes, found \(key.digest.count)")
        }
        if let window = intent.window, window.from > window.to {
            throw StateStoreError(.invalidValue, "\(intent.batchID): window ends before it begins: \(window.from)…\(window.to)")
        }
    }

    private func insert(_ intent: Intent) throws(SQLError) {
        try engine.write(
            """
            INSERT INTO offload_intents (batch_id, table_name, created_at, files, kind, window_from, window_to)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            """,
            [
                .text(intent.batchID), .text(intent.table), .time(intent.createdAt),
                .text(LocationList.text(intent.files)), .text(intent.kind), .optional(intent.window?.from), .optional(intent.window?.to),
            ])
        let batch = SQLValue.text(intent.batchID)
        try engine.insert(
            "INSERT INTO offload_intent_ranges (batch_id, exchange, symbol, first_id, last_id)",
            intent.ranges.coalesced.map { [batch] + LoadedRanges.values($0) })
        try engine.insert(
            "INSERT INTO offload_intent_keys (batch_id, key, value)",
            Self.distinct(intent.keys).map { [batch, .bytes($0.digest), .integer($0.value)] })
    }

    /// Each key once, with its largest value, in the order in which they first came.
    private static func distinct(_ keys: [IdentityKey]) -> [IdentityKey] {
        // The usual case, and cheap to see.
        if zip(keys, keys.dropFirst()).allSatisfy({ $0.digest.lexicographicallyPrecedes($1.digest) }) { return keys }
        var result: [IdentityKey] = []
        var places: [[UInt8]: Int] = [:]
        for key in keys {
            if let place = places.updateValue(result.count, forKey: key.digest) {
                result[place].value = max(result[place].value, key.value)
                places[key.digest] = place
            } else {
                result.append(key)
            }
        }
        return result
    }

    public func openIntents(table: String?) throws(StateStoreError) -> [Intent] {
        let found = try Self.sql { () throws(SQLError) in
            try engine.snapshot { () throws(SQLError) in
                var result: [(intent: Intent, files: String)] = []
                for row in try readHeads(table) { result.append(try (readIntent(row), row.text(3))) }
                return result
            }
        }
        var intents: [Intent] = []
        for item in found {
            var intent = item.intent
            intent.files = try LocationList.read(item.files, "batch \(intent.batchID)")
            intents.append(intent)
        }
        return intents
    }

    private func readHeads(_ table: String?) throws(SQLError) -> SQLRows {
        let columns = "SELECT batch_id, table_name, created_at, files, kind, window_from, window_to FROM offload_intents"
        guard let table else { return try engine.read("\(columns) ORDER BY created_at, batch_id") }
        return try engine.read("\(columns) WHERE table_name = ?1 ORDER BY created_at, batch_id", [.text(table)])
    }

    /// The intent of a row of `readHeads`, without its files.
    private func readIntent(_ row: SQLRow) throws(SQLError) -> Intent {
        let batchID = try row.text(0)
        var window: OffloadWindow?
        if let from = try row.optionalTimestamp(5), let to = try row.optionalTimestamp(6) {
            window = OffloadWindow(from: from, to: to)
        }
        let ranges = try engine.read(
            "SELECT exchange, symbol, first_id, last_id FROM offload_intent_ranges WHERE batch_id = ?1 ORDER BY exchange, symbol, first_id",
            [.text(batchID)])
        var keys: [IdentityKey] = []
        for row in try engine.read("SELECT key, value FROM offload_intent_keys WHERE batch_id = ?1 ORDER BY key", [.text(batchID)]) {
            keys.append(IdentityKey(digest: try row.bytes(0), value: try row.integer(1)))
        }
        return Intent(
            batchID: batchID, table: try row.text(1), createdAt: try row.timestamp(2), files: [],
            ranges: try LoadedRanges.read(ranges), keys: keys, kind: try row.text(4), window: window)
    }

    public func settle(batchID: String, _ outcome: IntentOutcome, run: RunRecord, watermark: Watermark?) throws(StateStoreError) {
        try transaction { () throws(StateStoreError) in
            guard let table = try Self.sql({ () throws(SQLError) in try tableOfIntent(batchID) }) else {
                throw StateStoreError(.noSuchIntent, "batch \(batchID): no open intent")
            }
            try Self.sql { () throws(SQLError) in
                if outcome == .committed { try mergeIntent(batchID, into: table) }
                try deleteIntent(batchID)
                try insert(run)
            }
            if let watermark { try store(watermark, allowingRewind: false) }
        }
    }

    private func tableOfIntent(_ batchID: String) throws(SQLError) -> String? {
        try engine.read("SELECT table_name FROM offload_intents WHERE batch_id = ?1", [.text(batchID)]).first?.text(0)
    }

    private func deleteIntent(_ batchID: String) throws(SQLError) {
        for table in ["offload_intent_ranges", "offload_intent_keys", "offload_intents"] {
            try engine.write("DELETE FROM \(table) WHERE batch_id = ?1", [.text(batchID)])
        }
    }

    private func mergeIntent(_ batchID: String, into table: String) throws(SQLError) {
        let ranges = try engine.read(
            "SELECT exchange, symbol, first_id, last_id FROM offload_intent_ranges WHERE batch_id = ?1", [.text(batchID)])
        try LoadedRanges(engine: engine, table: table).add(LoadedRanges.read(ranges))
        try engine.write(
            """
            INSERT INTO offload_loaded_keys (table_name, key, value) SELECT ?1, key, value FROM offload_intent_keys WHERE batch_id = ?2
            ON CONFLICT (table_name, key) DO UPDATE SET value = excluded.value WHERE excluded.value > offload_loaded_keys.value
            """, [.text(table), .text(batchID)])
    }
}
