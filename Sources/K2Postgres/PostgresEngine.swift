import K2SQL

/// A PostgreSQL database behind the interface that it shares with SQLite. Serves one thread with one connection.
///
/// **Writers take turns**, as in SQLite: a write transaction begins by taking an advisory lock that it holds to its end. Each of its
/// statements then sees all that earlier writers stored (READ COMMITTED), and nothing it read can change before it commits; there
/// are no serialization failures to repeat. Our transactions are short and few, so waiting costs nothing.
///
/// The lock also tells what became of a commit whose answer was lost, to this process or to one that was killed: the server holds it
/// until that transaction has ended one way or the other, and every new connection begins by waiting for it. What is read after
/// `outcomeUnknown`, or by the successor of a killed process, is therefore final.
///
/// A lost connection is made anew by the next use. Reads outside of a transaction and its beginning are repeated once by themselves;
/// a transaction that had begun is lost with its connection, and nothing of it stored, unless the answer to its commit is what was lost.
public final class PostgresEngine: SQLEngine {
    /// How long things may take, in seconds.
    public struct Limits: Sendable {
        public var statement = 60
        /// Waiting for another writer.
        public var lock = 10
        /// After so long the server ends a transaction whose client says nothing more: it may be gone, and others wait for its lock.
        public var idleInTransaction = 60

        public init() {}
    }

    private let target: PostgresTarget
    private let limits: Limits
    private let takeLock: String
    private var connection: PostgresConnection?
    private var transaction: SQLTransaction?
    private var translated: [String: String] = [:]
    private static let translationLimit = 200

    /// Connects.
    /// - Parameters:
    ///   - url: `postgres://USER@HOST:PORT/DATABASE?sslmode=…`; see `PostgresTarget` for what it may leave out.
    ///   - writerLock: number of the advisory lock that those who write the same tables take turns with.
    public init(url: String, writerLock: Int64, limits: Limits = Limits()) throws(SQLError) {
        target = try PostgresTarget(url: url)
        self.limits = limits
        takeLock = "SELECT pg_advisory_xact_lock(\(writerLock))"
        _ = try usable()
    }

    public var name: String { target.name }
    public var dialect: SQLDialect { .postgres }
    public var isInTransaction: Bool { transaction != nil }

    // MARK: Statements

    public func read(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> SQLRows {
        let text = dollars(sql)
        return try repeatable { (connection) throws(SQLError) in try connection.execute(text, values).rows() }
    }

    @discardableResult
    public func write(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        guard isInTransaction else {
            return try transaction { () throws(SQLError) in try self.write(sql, values) }
        }
        let text = dollars(sql)
        return try using { (connection) throws(SQLError) in try connection.execute(text, values).changes }
    }

    public func runScript(_ sql: String) throws(SQLError) {
        guard isInTransaction else { return try transaction { () throws(SQLError) in try self.runScript(sql) } }
        try using { (connection) throws(SQLError) in _ = try connection.runScript(sql) }
    }

    private func dollars(_ sql: String) -> String {
        if let known = translated[sql] { return known }
        if translated.count >= Self.translationLimit { translated.removeAll() }
        let text = SQLDialect.numberedByDollar(sql)
        translated[sql] = text
        return text
    }

    // MARK: Transactions

    public func begin(_ kind: SQLTransaction) throws(SQLError) {
        let script = kind == .write ? "BEGIN; \(takeLock)" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        try repeatable { (connection) throws(SQLError) in
            do throws(SQLError) { try connection.runScript(script, doing: "begin") } catch {
                // The lock was not to be had in time.
                _ = try? connection.runScript("ROLLBACK")
                throw error
            }
        }
        transaction = kind
    }

    public func commit() throws(SQLError) {
        guard let kind = transaction else { throw SQLError(.failed, "\(name): commit: no transaction") }
        defer { transaction = nil }
        guard let connection else { throw lostBeforeCommit() }
        let tag: String
        do throws(SQLError) { tag = try connection.runScript("COMMIT").tag } catch {
            if error.code != .connection { throw error }
            self.connection = nil
            if kind == .snapshot { throw error }
            throw SQLError(.outcomeUnknown, "\(error.message): outcome unknown")
        }
        // The server answers so when a statement had failed and nobody minded.
        if tag != "COMMIT" { throw SQLError(.failed, "\(name): commit: the transaction had failed before") }
    }

    public func rollback() {
        guard isInTransaction else { return }
        transaction = nil
        if let connection, (try? connection.runScript("ROLLBACK")) == nil { self.connection = nil }
    }

    // MARK: The connection

    /// Runs `body`, and once more when the connection turns out to have been lost since its last use.
    private func repeatable<R>(_ body: (PostgresConnection) throws(SQLError) -> R) throws(SQLError) -> R {
        let wasOpen = connection != nil
        do throws(SQLError) { return try using(body) } catch {
            guard wasOpen, connection == nil, !isInTransaction else { throw error }
        }
        return try using(body)
    }

    /// Runs `body`, and lets go of a connection that is lost.
    private func using<R>(_ body: (PostgresConnection) throws(SQLError) -> R) throws(SQLError) -> R {
        let connection = try usable()
        do throws(SQLError) { return try body(connection) } catch {
            if error.code == .connection { self.connection = nil }
            throw error
        }
    }

    private func usable() throws(SQLError) -> PostgresConnection {
        if let connection { return connection }
        if isInTransaction { throw lostBeforeCommit() }
        let new = try PostgresConnection(target)
        try new.runScript(sessionSettings, doing: "set up the session")
        try new.runScript(takeLock, doing: "wait for earlier commits")
        connection = new
        return new
    }

    /// The server's ends of connections that are no more must not keep the lock for the two hours of TCP's defaults.
    private var sessionSettings: String {
        """
        SET default_transaction_isolation = 'read committed';
        SET statement_timeout = '\(limits.statement)s';
        SET lock_timeout = '\(limits.lock)s';
        SET idle_in_transaction_session_timeout = '\(limits.idleInTransaction)s';
        SET tcp_keepalives_idle = 20;
        SET tcp_keepalives_interval = 10;
        SET tcp_keepalives_count = 3
        """
    }

    private func lostBeforeCommit() -> SQLError {
        SQLError(.connection, "\(name): the connection was lost before the commit: nothing is stored")
    }
}

@available(*, unavailable)
extension PostgresEngine: Sendable {}
