import K2Domain
import K2SQLite

/// The state store in an SQLite file, which may be the catalog's as well: all names begin with `offload_`.
///
/// Times are stored as microseconds since 1970-01-01T00:00:00Z.
public final class SQLiteStateStore: StateStore {
    let database: SQLiteDatabase

    /// Opens or creates the file and brings its tables up to date.
    public init(path: String) throws(StateStoreError) {
        do throws(SQLiteError) { database = try SQLiteDatabase(path: path) } catch { throw StateStoreError(error) }
        try transaction { database throws(StateStoreError) in try StateSchema.migrate(database) }
    }

    /// Runs `body` in one write transaction.
    func transaction<R>(_ body: (borrowing SQLiteDatabase) throws(StateStoreError) -> R) throws(StateStoreError) -> R {
        try database.transaction(body, orElse: { StateStoreError($0) })
    }

    /// Runs `body`, which touches SQLite only, with its errors made ours.
    static func sqlite<R: ~Copyable>(_ body: () throws(SQLiteError) -> R) throws(StateStoreError) -> R {
        do throws(SQLiteError) { return try body() } catch { throw StateStoreError(error) }
    }

    /// A range or key that cannot be stored is refused before anything is written.
    static func check(_ intent: Intent) throws(StateStoreError) {
        for range in intent.ranges {
            guard range.first <= range.last else {
                throw StateStoreError(.invalidValue, "\(range.exchange) \(range.symbol): range ends before it begins: \(range.first)…\(range.last)")
            }
            guard range.last <= UInt64(Int64.max) else {
                throw StateStoreError(.idTooLarge, "\(range.exchange) \(range.symbol): id \(range.last) is above \(Int64.max)")
            }
        }
        for key in intent.keys where key.digest.count != 16 {
            throw StateStoreError(.invalidValue, "\(intent.batchID): key: expected 16 bytes, found \(key.digest.count)")
        }
    }

    public func loadedRanges(table: String) throws(StateStoreError) -> [IdentityRange] {
        try Self.sqlite { () throws(SQLiteError) in
            let select = try database.prepare(
                "SELECT exchange, symbol, first_id, last_id FROM offload_loaded_ranges WHERE table_name = ? ORDER BY exchange, symbol, first_id")
            try select.bind(table, at: 1)
            return try RangeRows.read(select)
        }
    }

    public func loadedValue(table: String, key: [UInt8]) throws(StateStoreError) -> Int64? {
        try Self.sqlite { () throws(SQLiteError) in
            let select = try database.prepare("SELECT value FROM offload_loaded_keys WHERE table_name = ? AND key = ?")
            try select.bind(table, at: 1)
            try select.bind(key, at: 2)
            return try select.step() ? select.int64(0) : nil
        }
    }
}

/// Reads rows of (exchange, symbol, first_id, last_id).
enum RangeRows {
    static func read(_ select: borrowing SQLiteStatement) throws(SQLiteError) -> [IdentityRange] {
        var result: [IdentityRange] = []
        while try select.step() {
            result.append(
                IdentityRange(
                    exchange: select.text(0), symbol: select.text(1), first: UInt64(clamping: select.int64(2)), last: UInt64(clamping: select.int64(3))))
        }
        return result
    }
}
