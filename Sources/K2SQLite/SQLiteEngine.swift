import CSQLite
import K2SQL

/// An SQLite file behind the interface that it shares with PostgreSQL. Compiled statements are kept for the next time.
public final class SQLiteEngine: SQLEngine {
    private let database: SQLiteDatabase
    private var statements: [String: Compiled] = [:]

    /// A program has a few dozen texts; one that builds them anew each time must not fill the memory.
    private static let statementLimit = 200

    private final class Compiled {
        let statement: SQLiteStatement
        init(_ statement: consuming SQLiteStatement) { self.statement = statement }
    }

    /// Opens or creates the file.
    /// - Parameter busyTimeout: milliseconds to wait for another connection's lock before an error.
    public init(path: String, busyTimeout: Int32 = 10_000) throws(SQLError) {
        do throws(SQLiteError) { database = try SQLiteDatabase(path: path, busyTimeout: busyTimeout) } catch { throw SQLError(error) }
    }

    public var name: String { database.path }
    public var dialect: SQLDialect { .sqlite }
    public var isInTransaction: Bool { database.isInTransaction }

    public func read(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> SQLRows {
        do throws(SQLiteError) {
            let compiled = try compiled(sql)
            defer { compiled.statement.reset() }
            try compiled.statement.bind(values)
            let width = compiled.statement.columnCount
            var cells: [SQLValue] = []
            while try compiled.statement.step() {
                for column in 0..<width { cells.append(compiled.statement.value(column)) }
            }
            return SQLRows(width: width, values: cells)
        } catch { throw SQLError(error) }
    }

    @discardableResult
    public func write(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        do throws(SQLiteError) {
            let compiled = try compiled(sql)
            try compiled.statement.bind(values)
            try compiled.statement.runOnce()
            return database.changes
        } catch { throw SQLError(error) }
    }

    public func runScript(_ sql: String) throws(SQLError) {
        do throws(SQLiteError) { try database.run(sql) } catch { throw SQLError(error) }
    }

    private func compiled(_ sql: String) throws(SQLiteError) -> Compiled {
        if let known = statements[sql] { return known }
        if statements.count >= Self.statementLimit { statements.removeAll() }
        let compiled = Compiled(try database.prepare(sql))
        statements[sql] = compiled
        return compiled
    }

    public func begin(_ kind: SQLTransaction) throws(SQLError) { try runScript(kind == .write ? "BEGIN IMMEDIATE" : "BEGIN") }

    public func commit() throws(SQLError) {
        do throws(SQLError) { try runScript("COMMIT") } catch {
            rollback()
            throw error
        }
    }

    public func rollback() { database.rollback() }
}

@available(*, unavailable)
extension SQLiteEngine: Sendable {}

extension SQLError {
    /// The extensions of SQLITE_CONSTRAINT: _PRIMARYKEY, _UNIQUE and _ROWID, macros that Swift does not import.
    private static let duplicates: Set<Int32> = [6, 8, 10]

    /// https://www.sqlite.org/rescode.html
    init(_ error: SQLiteError) {
        let code: Code =
            switch error.primaryCode {
            case SQLITE_CONSTRAINT:
                Self.duplicates.contains(error.code >> 8) ? .duplicate : .constraint
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            case SQLITE_FULL, SQLITE_IOERR: .disk
            case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .denied
            default: .failed
            }
        self.init(code, error.message, isRetryable: error.isRetryable)
    }
}
