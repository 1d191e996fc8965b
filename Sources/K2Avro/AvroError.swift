import K2Bytes

/// Why Avro bytes, a schema or a value were refused.
public struct AvroError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The bytes break the format.
        case malformed
        /// Legal Avro that is outside the subset read here.
        case unsupported
        /// The schema text is no Avro schema.
        case badSchema
        /// A value does not have the shape of its schema (a caller's mistake when writing).
        case mismatch
    }

    public var code: Code
    /// Lower case, one line.
    public var reason: String
    /// Offset in bytes in the file or block that was read.
    public var offset: Int?

    public init(_ code: Code, _ reason: String, at offset: Int? = nil) {
        self.code = code
        self.reason = reason
        self.offset = offset
    }

    init(_ error: ByteError) { self.init(.malformed, error.reason.rawValue, at: error.offset) }

    public var description: String { "avro: \(reason)" + (offset.map { " (byte \($0))" } ?? "") }
}
