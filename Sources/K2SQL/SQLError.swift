/// Why a database refused something, in one line without secrets, and whether trying again may help.
public struct SQLError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A row with this key is there already.
        case duplicate
        /// Another constraint was violated.
        case constraint
        /// Others were in the way: a lock, a deadlock, a time limit, too many connections. Nothing was stored.
        case busy
        /// There is no connection, or it was lost before the commit. Nothing was stored.
        case connection
        /// The connection was lost during the commit: what was written is stored completely or not at all.
        case outcomeUnknown
        /// Wrong login, or no permission.
        case denied
        /// No such database, table or column.
        case missing
        /// The disk under the database is full, or fails.
        case disk
        case failed
    }

    public var code: Code
    /// `database: what was done: what went wrong`, lower case.
    public var message: String
    /// The same may succeed later. After `outcomeUnknown` look first: it may have succeeded already.
    public var isRetryable: Bool

    public init(_ code: Code, _ message: String, isRetryable: Bool? = nil) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable ?? [.busy, .connection, .outcomeUnknown].contains(code)
    }

    public var description: String { message }
}

/// The words of a statement that messages name it by.
public enum SQLVerb {
    /// The first two, in lower case.
    public static func of(_ sql: String) -> String {
        sql.split(whereSeparator: { " \n\t(;".contains($0) }).prefix(2).joined(separator: " ").lowercased()
    }
}
