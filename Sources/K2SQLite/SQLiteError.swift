import CSQLite

/// Why SQLite refused something: its extended result code, our one-line message, and whether trying again may help.
///
/// Codes: https://www.sqlite.org/rescode.html
public struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The extended result code, or 0 when this wrapper found the fault itself.
    public var code: Int32
    /// `path: what went wrong`, lower case, one line.
    public var message: String
    /// Another connection was in the way (busy or locked); the same call may succeed later.
    public var isRetryable: Bool

    public init(code: Int32, message: String, isRetryable: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }

    public var description: String { message }

    /// The code without its extension.
    public var primaryCode: Int32 { code & 0xff }
    /// A primary key, unique or other constraint was violated.
    public var isConstraintViolation: Bool { primaryCode == SQLITE_CONSTRAINT }
    public var isNotADatabase: Bool { primaryCode == SQLITE_NOTADB }

    static func from(code: Int32, handle: OpaquePointer?, path: String, doing what: String) -> SQLiteError {
        let primary = code & 0xff
        let retryable = primary == SQLITE_BUSY || primary == SQLITE_LOCKED
        return SQLiteError(code: code, message: "\(path): \(reason(primary, handle, what))", isRetryable: retryable)
    }

    private static func reason(_ primary: Int32, _ handle: OpaquePointer?, _ what: String) -> String {
        switch primary {
        case SQLITE_NOTADB: return "not a database"
        case SQLITE_CORRUPT: return "\(what): database is damaged"
        case SQLITE_BUSY, SQLITE_LOCKED: return "\(what): locked by another connection"
        case SQLITE_FULL: return "\(what): no space left on device"
        case SQLITE_READONLY: return "\(what): database or its folder is read-only"
        case SQLITE_CANTOPEN: return "cannot open" + systemText(handle)
        case SQLITE_IOERR: return "\(what): input/output error" + systemText(handle)
        default:
            let text = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(primary))
            return "\(what): \(text)"
        }
    }

    private static func systemText(_ handle: OpaquePointer?) -> String {
        guard let handle, case let number = sqlite3_system_errno(handle), number != 0 else { return "" }
        return ": " + SystemText.of(errno: number)
    }
}
