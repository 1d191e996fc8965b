import K2Domain
import K2SQL

extension SQLValue {
    static func time(_ time: Timestamp) -> SQLValue { .time(time.microseconds) }
    static func optional(_ time: Timestamp?) -> SQLValue { .optional(time: time?.microseconds) }

    /// Words for people. PostgreSQL's texts hold no NUL, and an error's text must not be the reason that a run cannot be recorded.
    static func words(_ text: String?) -> SQLValue {
        .optional(text.map { String($0.unicodeScalars.map { $0.value == 0 ? "\u{fffd}" : Character($0) }) })
    }
}

extension SQLRow {
    func timestamp(_ column: Int) throws(SQLError) -> Timestamp { Timestamp(microseconds: try time(column)) }
    func optionalTimestamp(_ column: Int) throws(SQLError) -> Timestamp? { isNull(column) ? nil : try timestamp(column) }
}
