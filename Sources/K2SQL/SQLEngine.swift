/// One connection to a database: an SQLite file or a PostgreSQL server. Serves one thread.
///
/// Statements are written once for both: placeholders `?1`, `?2` …, and what the two spell differently from `dialect`.
public protocol SQLEngine: AnyObject {
    /// The path, or the URL without login; messages begin with it.
    var name: String { get }
    var dialect: SQLDialect { get }
    var isInTransaction: Bool { get }

    /// Runs a statement that changes nothing. Outside of a transaction, a connection that was lost meanwhile is made anew.
    func read(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> SQLRows

    /// Runs a statement that changes rows, and tells how many. Outside of a transaction it is one.
    @discardableResult
    func write(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int

    /// Runs statements without values, separated by semicolons.
    func runScript(_ sql: String) throws(SQLError)

    // MARK: For `transaction` and `snapshot` only

    func begin(_ kind: SQLTransaction) throws(SQLError)
    /// - Throws: whatever it throws, the transaction is over; nothing was stored unless the code is `outcomeUnknown`.
    func commit() throws(SQLError)
    func rollback()
}

public enum SQLTransaction: Sendable {
    /// One writer at a time: what the transaction reads cannot change before it writes.
    case write
    /// All that is read is of one instant.
    case snapshot
}

extension SQLEngine {
    public func read(_ sql: String) throws(SQLError) -> SQLRows { try read(sql, []) }

    /// Runs `body` in a transaction that no other writer's overlaps. Commits on return, rolls back on an error.
    ///
    /// - Throws: with the code `outcomeUnknown` when the connection was lost during the commit; after every other error nothing is
    ///   stored. The next use of the engine waits until the end of such a commit, so what it reads then is final.
    public func transaction<R, E: Error>(_ body: () throws(E) -> R, orElse map: (SQLError) -> E) throws(E) -> R {
        try run(.write, body, map)
    }

    public func transaction<R>(_ body: () throws(SQLError) -> R) throws(SQLError) -> R { try run(.write, body, { $0 }) }

    /// Runs `body`, which reads only, on the state of one instant.
    public func snapshot<R>(_ body: () throws(SQLError) -> R) throws(SQLError) -> R {
        if isInTransaction { return try body() }
        return try run(.snapshot, body, { $0 })
    }

    private func run<R, E: Error>(_ kind: SQLTransaction, _ body: () throws(E) -> R, _ map: (SQLError) -> E) throws(E) -> R {
        do throws(SQLError) { try begin(kind) } catch { throw map(error) }
        let result: R
        do throws(E) { result = try body() } catch {
            rollback()
            throw error
        }
        do throws(SQLError) { try commit() } catch { throw map(error) }
        return result
    }

    /// Whether the database has a table of this name.
    public func hasTable(_ name: String) throws(SQLError) -> Bool { try !read(dialect.tableExists, [.text(name)]).isEmpty }
}
