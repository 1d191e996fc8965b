/// Why a Parquet file could not be written or read.
public struct ParquetError: Error, Equatable, CustomStringConvertible, Sendable {
    public enum Code: String, Sendable {
        /// The bytes are not a Parquet file, or are damaged.
        case malformed
        /// The file may be good, but holds something that this library does not read.
        case unsupported
        /// The caller's schema or columns contradict themselves or each other.
        case invalidInput
        /// More than the caller's limits allow.
        case tooLarge
    }
    public var code: Code
    /// The place: a column path, `footer`, or a byte offset in words.
    public var place: String
    /// What was found there and what was expected.
    public var message: String

    public init(_ code: Code, _ place: String, _ message: String) {
        self.code = code
        self.place = place
        self.message = message
    }

    public var description: String { "parquet: \(place): \(message)" }
}
