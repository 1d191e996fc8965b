import K2Iceberg
import K2ObjectStore
import K2Parquet
import K2StateStore

/// Why rows could not be brought into the lake, and what follows from it.
public struct LakeError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        case failed
        /// Another writer holds the table, or was faster too often.
        case busy
        /// A commit may or may not have been made.
        case outcomeUnknown
        /// The lake is not what this program expects: a catalog that is no database, another schema.
        case configuration
    }
    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: IcebergError, table: String) {
        let code: Code =
            switch error.code {
            case .conflict: .busy
            case .outcomeUnknown: .outcomeUnknown
            case .catalog where !error.isRetryable: .configuration
            default: .failed
            }
        self.init(code, "\(table): \(error.message)")
    }

    init(_ error: StateStoreError, table: String) {
        self.init(error.code == .leaseHeld || error.isRetryable ? .busy : .failed, "\(table): \(error.message)")
    }

    public var description: String { message }
}
