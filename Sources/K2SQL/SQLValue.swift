/// A value on its way to or from a database.
public enum SQLValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case bytes([UInt8])
    /// Microseconds since 1970-01-01T00:00:00Z. PostgreSQL has a type for it; SQLite keeps the number and gives back an `integer`.
    case time(Int64)

    public static func optional(_ value: Int64?) -> SQLValue { value.map { .integer($0) } ?? .null }
    public static func optional(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
    public static func optional(time value: Int64?) -> SQLValue { value.map { .time($0) } ?? .null }

    /// What this is, in the words of error messages.
    var kindName: String {
        switch self {
        case .null: "null"
        case .integer: "an integer"
        case .real: "a real number"
        case .text: "text"
        case .bytes: "bytes"
        case .time: "a time"
        }
    }
}
