import CSQLite
import K2SQL

/// One connection to an SQLite file. Closed when its owner goes away; not for use by two threads at once.
public struct SQLiteDatabase: ~Copyable {
    public enum Access: Sendable {
        /// Creates the file when it is missing.
        case readWrite
        case readOnly
    }

    public enum Journal: Sendable {
        /// Whatever the file has; `delete` for a new one.
        case unchanged
        /// Readers do not wait for the writer. Adds `-wal` and `-shm` files beside the database.
        case writeAheadLog
    }

    public let path: String
    let handle: OpaquePointer

    /// Opens `path` and reads its header, so that a file that is no database fails here.
    ///
    /// - Parameter busyTimeout: milliseconds to wait for another connection's lock before an error.
    public init(
        path: String, access: Access = .readWrite, journal: Journal = .unchanged, busyTimeout: Int32 = 10_000
    ) throws(SQLiteError) {
        self.path = path
        handle = try Self.connect(path: path, access: access, journal: journal, busyTimeout: busyTimeout)
    }

    private static func connect(
        path: String, access: Access, journal: Journal, busyTimeout: Int32
    ) throws(SQLiteError) -> OpaquePointer {
        let flags = access == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        var opened: OpaquePointer?
        var status = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        if status == SQLITE_OK {
            sqlite3_busy_timeout(opened, busyTimeout)
            status = sqlite3_exec(opened, "PRAGMA schema_version", nil, nil, nil)
        }
        if status == SQLITE_OK, journal == .writeAheadLog {
            status = sqlite3_exec(opened, "PRAGMA journal_mode=WAL", nil, nil, nil)
        }
        guard status == SQLITE_OK, let connection = opened else {
            let error = SQLiteError.from(code: status, handle: opened, path: path, doing: "open")
            sqlite3_close_v2(opened)
            throw error
        }
        return connection
    }

    deinit { sqlite3_close_v2(handle) }

    func failure(_ code: Int32, doing what: String) -> SQLiteError {
        .from(code: code, handle: handle, path: path, doing: what)
    }

    /// Runs one or more statements that need no values and whose rows nobody wants.
    public borrowing func run(_ sql: String) throws(SQLiteError) {
        let status = sqlite3_exec(handle, sql, nil, nil, nil)
        guard status == SQLITE_OK else { throw failure(status, doing: SQLVerb.of(sql)) }
    }

    /// Compiles one statement. The statement must not outlive this connection's use.
    public borrowing func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        var compiled: OpaquePointer?
        let status = sqlite3_prepare_v2(handle, sql, -1, &compiled, nil)
        guard status == SQLITE_OK else { throw failure(status, doing: SQLVerb.of(sql)) }
        guard let compiled else { throw SQLiteError(code: 0, message: "\(path): empty statement") }
        return SQLiteStatement(handle: compiled, connection: handle, path: path, verb: SQLVerb.of(sql))
    }

    /// Number of rows that the last INSERT, UPDATE or DELETE changed.
    public var changes: Int { Int(sqlite3_changes64(handle)) }

    public var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Runs `body` in one transaction that takes the write lock at once (`BEGIN IMMEDIATE`), so
    /// that what it reads cannot change before it writes. Commits on return, rolls back on an error.
    ///
    /// A commit that fails is rolled back before its error is thrown: nothing was stored.
    public borrowing func transaction<R: ~Copyable, E: Error>(
        _ body: (borrowing SQLiteDatabase) throws(E) -> R, orElse map: (SQLiteError) -> E
    ) throws(E) -> R {
        do throws(SQLiteError) { try run("BEGIN IMMEDIATE") } catch { throw map(error) }
        let result: R
        do throws(E) { result = try body(self) } catch {
            rollback()
            throw error
        }
        do throws(SQLiteError) { try run("COMMIT") } catch {
            rollback()
            throw map(error)
        }
        return result
    }

    public borrowing func transaction<R: ~Copyable>(
        _ body: (borrowing SQLiteDatabase) throws(SQLiteError) -> R
    ) throws(SQLiteError) -> R {
        try transaction(body, orElse: { $0 })
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    borrowing func rollback() {
        // SQLite may have rolled back by itself already (disk full, I/O error): then there is nothing left to do.
        if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    }
}

@available(*, unavailable)
extension SQLiteDatabase: Sendable {}
