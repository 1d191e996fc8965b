import Glibc
import K2Domain
import K2Postgres
import K2SQL
import K2SQLite

/// The state store in an SQLite file or a PostgreSQL database, which may be the catalog's as well: all names begin with
/// `offload_` or `maintenance_`.
///
/// SQLite stores times as microseconds since 1970-01-01T00:00:00Z, PostgreSQL as TIMESTAMPTZ; both are exact.
public final class SQLStateStore: StateStore {
    let engine: any SQLEngine
    /// The tables were not there before, and were made.
    public private(set) var wasMade = false

    /// What writers of these tables take turns with in a PostgreSQL database: "k2 state" in ASCII.
    private static let writerLock: Int64 = 0x6b32_2073_7461_7465

    /// Opens or creates the SQLite file and brings its tables up to date.
    public convenience init(path: String) throws(StateStoreError) {
        let engine: SQLiteEngine
        do throws(SQLError) { engine = try SQLiteEngine(path: path) } catch { throw StateStoreError(error) }
        try self.init(engine)
    }

    /// Connects to a PostgreSQL database, `postgres://USER@HOST:PORT/DATABASE`, and brings its tables up to date.
    public convenience init(postgres url: String, limits: PostgresEngine.Limits = .init()) throws(StateStoreError) {
        let engine: PostgresEngine
        do throws(SQLError) { engine = try PostgresEngine(url: url, writerLock: Self.writerLock, limits: limits) } catch {
            throw StateStoreError(error)
        }
        try self.init(engine)
    }

    private init(_ engine: any SQLEngine) throws(StateStoreError) {
        self.engine = engine
        wasMade = try StateSchema.bringUpToDate(engine)
    }

    // MARK: Only looking

    /// The store in an SQLite file, or an empty one in memory where there is none: nothing is made.
    public static func looking(path: String) throws(StateStoreError) -> SQLStateStore {
        if access(path, F_OK) != 0, errno == ENOENT || errno == ENOTDIR { return try .empty }
        let engine: SQLiteEngine
        do throws(SQLError) { engine = try SQLiteEngine(path: path) } catch { throw StateStoreError(error) }
        return try looking(engine)
    }

    /// The store in a PostgreSQL database, or an empty one in memory where there is none: nothing is made.
    public static func looking(postgres url: String) throws(StateStoreError) -> SQLStateStore {
        let engine: PostgresEngine
        do throws(SQLError) { engine = try PostgresEngine(url: url, writerLock: writerLock) } catch { throw StateStoreError(error) }
        return try looking(engine)
    }

    private static func looking(_ engine: any SQLEngine) throws(StateStoreError) -> SQLStateStore {
        try StateSchema.isThere(engine) ? SQLStateStore(engine) : .empty
    }

    private static var empty: SQLStateStore { get throws(StateStoreError) { try SQLStateStore(path: ":memory:") } }

    /// Runs `body` in one write transaction.
    func transaction<R>(_ body: () throws(StateStoreError) -> R) throws(StateStoreError) -> R {
        try engine.transaction(body, orElse: { StateStoreError($0) })
    }

    /// Runs `body`, which touches the database only, with its errors made ours.
    static func sql<R>(_ body: () throws(SQLError) -> R) throws(StateStoreError) -> R {
        do throws(SQLError) { return try body() } catch { throw StateStoreError(error) }
    }
}
