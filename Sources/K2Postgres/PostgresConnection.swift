import CPostgres
import Glibc
import K2SQL

/// One connection to a server. Closed when its owner goes away; not for use by two threads at once.
///
/// https://www.postgresql.org/docs/current/libpq.html
final class PostgresConnection {
    let name: String
    private let handle: OpaquePointer

    /// Connects and logs in.
    init(_ target: PostgresTarget) throws(SQLError) {
        name = target.name
        handle = try Self.start(target)
        // From here on `deinit` closes it, whatever is thrown.
        try finishConnecting(seconds: target.connectTimeout)
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
    }

    deinit { PQfinish(handle) }

    var isUsable: Bool { PQstatus(handle) == CONNECTION_OK }

    // MARK: Connecting

    private static func start(_ target: PostgresTarget) throws(SQLError) -> OpaquePointer {
        let texts = target.options.map { (strdup($0.keyword), strdup($0.value)) }
        defer {
            for (keyword, value) in texts {
                free(keyword)
                free(value)
            }
        }
        let keywords = texts.map { UnsafePointer($0.0) } + [nil]
        let values = texts.map { UnsafePointer($0.1) } + [nil]
        guard let handle = PQconnectStartParams(keywords, values, 0) else {
            throw SQLError(.failed, "\(target.name): connect: out of memory")
        }
        // Only a verbose message holds the SQLSTATE of a refused login, and only this way of connecting lets us ask for it in time.
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        return handle
    }

    private func finishConnecting(seconds: Int) throws(SQLError) {
        let deadline = Self.nowMS() + Int64(seconds) * 1_000
        var wanted = PGRES_POLLING_WRITING
        while PQstatus(handle) != CONNECTION_BAD, wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING {
            guard waitForSocket(writing: wanted == PGRES_POLLING_WRITING, until: deadline) else {
                throw SQLError(.connection, "\(name): connect: no answer within \(seconds) s")
            }
            wanted = PQconnectPoll(handle)
        }
        guard wanted == PGRES_POLLING_OK, isUsable else { throw connectFailure() }
    }

    private func waitForSocket(writing: Bool, until deadline: Int64) -> Bool {
        var watched = pollfd(fd: PQsocket(handle), events: Int16(writing ? POLLOUT : POLLIN), revents: 0)
        while true {
            let left = deadline - Self.nowMS()
            if left <= 0 { return false }
            let count = poll(&watched, 1, Int32(clamping: left))
            if count > 0 || (count < 0 && errno != EINTR) { return true }
        }
    }

    private func connectFailure() -> SQLError {
        let message = PostgresMessage(connecting: errorText)
        return SQLError(connectCode(message), "\(name): connect: \(message.withState)")
    }

    private func connectCode(_ message: PostgresMessage) -> SQLError.Code {
        if let state = message.state { return PostgresState.code(state) }
        // libpq's own refusals, which no second try would mend.
        if PQconnectionNeedsPassword(handle) == 1 { return .denied }
        return ["certificate", "not support SSL"].contains { message.text.contains($0) } ? .denied : .connection
    }

    private static func nowMS() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: Statements

    /// Runs one statement with placeholders `$1`, `$2` …
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> PostgresResult {
        let parameters: PostgresParameters
        do throws(SQLError) { parameters = try PostgresParameters(values) } catch {
            throw SQLError(error.code, "\(name): \(SQLVerb.of(sql)): \(error.message)")
        }
        return try checked(parameters.execute(sql, on: handle), doing: SQLVerb.of(sql))
    }

    /// Runs statements without values; the result is that of the last one.
    @discardableResult
    func runScript(_ sql: String, doing verb: String? = nil) throws(SQLError) -> PostgresResult {
        try checked(PQexec(handle, sql), doing: verb ?? SQLVerb.of(sql))
    }

    private func checked(_ answer: OpaquePointer?, doing what: String) throws(SQLError) -> PostgresResult {
        guard let answer else { throw failure(PostgresMessage(state: nil, text: errorText), doing: what) }
        let result = PostgresResult(answer)
        guard result.isSuccess else { throw failure(result.failure, doing: what) }
        return result
    }

    private func failure(_ message: PostgresMessage, doing what: String) -> SQLError {
        let code = message.state.map { PostgresState.code($0) } ?? .failed
        return SQLError(isUsable ? code : .connection, "\(name): \(what): \(message.withState)")
    }

    private var errorText: String { PQerrorMessage(handle).map { String(cString: $0) } ?? "" }
}

@available(*, unavailable)
extension PostgresConnection: Sendable {}
