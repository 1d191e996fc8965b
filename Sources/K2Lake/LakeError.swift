import K2Iceberg
import K2ObjectStore
import K2Parquet
import K2Rows
import K2StateStore

/// Why rows could not be brought into the lake, and what follows from it.
public struct LakeError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        case failed
        /// Another writer was faster too often, or something is away: it may work later.
        case busy
        /// Another run has the table.
        case held
        /// A commit may or may not have been made.
        case outcomeUnknown
        /// The lake is not what this program expects: a catalog that is no database, another schema.
        case configuration
        /// The run was asked to end; the next one goes on from here.
        case stopped
        /// ClickHouse refuses for good.
        case unavailable
    }
    public var code: Code
    public var message: String
    public var hint: String?

    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    public init(_ error: IcebergError, table: String) {
        let code: Code =
            switch error.code {
            case .outcomeUnknown: .outcomeUnknown
            // Validation: a file that a revision replaces was replaced by somebody else meanwhile.
            case .conflict, .validation: .busy
            default: error.isRetryable ? .busy : .failed
            }
        self.init(code, "\(table): \(error.message)")
    }

    public init(_ error: StateStoreError, table: String) {
        let code: Code = error.code == .leaseHeld ? .held : error.code == .outcomeUnknown ? .busy : error.code == .leaseLost || error.isRetryable ? .busy : .failed
        self.init(code, "\(table): \(error.message)")
    }

    /// Runs `body` with the errors of the libraries below turned into ours; records that are refused pass.
    public static func naming<R>(_ table: String, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as IcebergError {
            throw LakeError(error, table: table)
        } catch let error as StateStoreError {
            throw LakeError(error, table: table)
        } catch let error as StoreError {
            throw LakeError(error.isRetryable ? .busy : .failed, "\(table): \(error)")
        } catch let error as WarmSourceError {
            throw LakeError(error.isRetryable ? .busy : .unavailable, "\(table): \(error)")
        } catch let error as ParquetError {
            throw LakeError(.failed, "\(table): \(error)")
        }
    }

    /// Any error as `naming` turns it into one of ours.
    public init(naming table: String, _ error: any Error) {
        do { try Self.naming(table) { () throws -> Never in throw error } } catch { self = error as? LakeError ?? LakeError(.failed, "\(table): \(error)") }
    }

    public var description: String { message }
}
