/// Why a query gave no result.
public struct ClickHouseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What to do about it.
    public enum Fault: Equatable, Sendable {
        /// It may work later: the server is away, busy, or short of something. What a query did may be unknown.
        case temporary
        /// The rows that were sent cannot be stored; fewer or other ones may.
        case rows
        /// It will not work until somebody changes something.
        case permanent
        /// The tool is ending.
        case aborted
    }

    public var fault: Fault
    /// ClickHouse's number of the error; 0 when the answer was none of its own.
    public var code: Int
    /// `host: what went wrong`, one line, without secrets.
    public var description: String

    public init(_ fault: Fault, code: Int = 0, _ description: String) {
        self.fault = fault
        self.code = code
        self.description = description
    }

    /// Whether it is known what the server's number means; others count as temporary.
    public var isKnown: Bool { ServerException.isKnown(code) }
}

/// The error that a server reports: `Code: 60. DB::Exception: Table … does not exist. (UNKNOWN_TABLE) (version …)`.
public struct ServerException: Equatable, Sendable {
    public var code: Int
    /// In one line, without the version, cut when it is long.
    public var message: String

    static let maxMessageLength = 400

    /// The first one in `text`, or nil.
    public init?(_ text: String) {
        guard let start = text.firstRange(of: "Code: ") else { return nil }
        let digits = text[start.upperBound...].prefix { $0.isASCII && $0.isNumber }
        guard let code = Int(digits), text[digits.endIndex...].hasPrefix(".") else { return nil }
        self.code = code
        var message = text[digits.endIndex...].drop { $0 == "." || $0 == " " }
        if let prefix = message.firstRange(of: "DB::Exception: "), prefix.lowerBound == message.startIndex { message = message[prefix.upperBound...] }
        if let version = message.ranges(of: " (version ").last { message = message[..<version.lowerBound] }
        self.message = Self.oneLine(message)
    }

    static func oneLine(_ text: Substring) -> String {
        var words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if words.count > maxMessageLength { words = words.prefix(maxMessageLength) + "…" }
        return words
    }

    /// What the number means for whoever sent rows.
    public var fault: ClickHouseError.Fault {
        if Self.temporary.contains(code) { return .temporary }
        if Self.ofRows.contains(code) { return .rows }
        return Self.permanent.contains(code) ? .permanent : .temporary
    }

    static func isKnown(_ code: Int) -> Bool { temporary.contains(code) || ofRows.contains(code) || permanent.contains(code) }

    // Numbers and names: ClickHouse's ErrorCodes. They are never reused.

    /// UNEXPECTED_END_OF_FILE, CANNOT_READ_ALL_DATA, CANNOT_WRITE_TO_FILE_DESCRIPTOR …, TIMEOUT_EXCEEDED, TOO_SLOW, QUOTA_EXCEEDED,
    /// TOO_MANY_SIMULTANEOUS_QUERIES, NO_FREE_CONNECTION, SOCKET_TIMEOUT, NETWORK_ERROR, QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
    /// NO_ZOOKEEPER, ABORTED, MEMORY_LIMIT_EXCEEDED, TABLE_IS_READ_ONLY, NOT_ENOUGH_SPACE, TOO_MANY_PARTS, ALL_CONNECTION_TRIES_FAILED,
    /// TOO_FEW_LIVE_REPLICAS, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE, UNKNOWN_STATUS_OF_INSERT, QUERY_WAS_CANCELLED, SYSTEM_ERROR,
    /// CANNOT_SCHEDULE_TASK, S3_ERROR, ALL_REPLICAS_LOST, ASYNC_LOAD_WAIT_FAILED, SERVER_OVERLOADED, KEEPER_EXCEPTION.
    private static let temporary: Set<Int> = [
        3, 33, 74, 75, 76, 159, 160, 201, 202, 203, 209, 210, 216, 225, 236, 241, 242, 243, 252, 279, 285, 286, 319, 394, 425, 439, 473,
        499, 709, 695, 745, 999,
    ]
    /// CANNOT_PARSE_…, ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE, INCORRECT_DATA, TOO_LARGE_ARRAY_SIZE, TOO_LARGE_STRING_SIZE,
    /// INVALID_PARTITION_VALUE, CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, DECIMAL_OVERFLOW,
    /// VIOLATED_CONSTRAINT, UNKNOWN_ELEMENT_OF_ENUM, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE.
    private static let ofRows: Set<Int> = [6, 26, 27, 38, 41, 69, 70, 72, 117, 128, 131, 248, 321, 349, 395, 407, 469, 691]
    /// NOT_FOUND_COLUMN_IN_BLOCK, NO_SUCH_COLUMN_IN_TABLE, NUMBER_OF_COLUMNS_DOESNT_MATCH, BAD_ARGUMENTS, UNKNOWN_FUNCTION,
    /// UNKNOWN_IDENTIFIER, NOT_IMPLEMENTED, UNKNOWN_TYPE, TYPE_MISMATCH, UNKNOWN_STORAGE, UNKNOWN_TABLE, SYNTAX_ERROR, UNKNOWN_FORMAT,
    /// UNKNOWN_DATABASE, UNKNOWN_SETTING, READONLY, UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED,
    /// TABLE_IS_DROPPED, DATABASE_ACCESS_DENIED, SETTING_CONSTRAINT_VIOLATION, ACCESS_DENIED, AUTHENTICATION_FAILED.
    private static let permanent: Set<Int> = [
        10, 16, 20, 36, 46, 47, 48, 50, 53, 56, 60, 62, 73, 81, 115, 164, 192, 193, 194, 195, 218, 291, 452, 497, 516,
    ]
}
