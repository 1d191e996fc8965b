import K2Avro
import K2JSON
import K2ObjectStore

/// Why a table operation failed, in the words of one line, and what may be done about it.
public struct IcebergError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Foreign metadata or manifests break the format.
        case malformed
        /// Legal Iceberg that is not read or written here.
        case unsupported
        /// The caller asked for something that makes no valid table.
        case invalid
        /// Another writer was first. Load the table again and replay.
        case conflict
        /// The change cannot be replayed: what it builds on is gone.
        case validation
        /// No such table or namespace in the catalog.
        case notFound
        case alreadyExists
        /// The commit may or may not be in the table; read the table back before doing anything else.
        case outcomeUnknown
        /// A file that the catalog or the metadata names is not in the store.
        case missingFile
        case storage
        case catalog
    }

    public var code: Code
    /// Lower case, one line, with the place.
    public var message: String
    public var isRetryable: Bool

    public init(_ code: Code, _ message: String, isRetryable: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }

    init(_ error: StoreError) {
        self.init(error.code == .notFound ? .missingFile : .storage, error.description, isRetryable: error.isRetryable)
    }

    init(_ error: AvroError, reading location: String) {
        self.init(error.code == .unsupported ? .unsupported : .malformed, "\(location): \(error)")
    }

    init(_ error: JSONValueError, reading location: String) {
        self.init(.malformed, "\(location): \(error)")
    }

    /// The same error with the file it was found in before it.
    public func at(_ location: String) -> IcebergError { IcebergError(code, "\(location): \(message)", isRetryable: isRetryable) }

    public var description: String { message }
}
