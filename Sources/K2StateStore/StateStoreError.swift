import K2SQL

/// Why the state store refused something.
public struct StateStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Another holder has the lease; `message` names it and the time it runs out.
        case leaseHeld
        /// The lease is not (or no longer) held by the one who renews it.
        case leaseLost
        case noSuchIntent
        case intentExists
        /// An id above 2^63 − 1, which cannot be stored.
        case idTooLarge
        /// A watermark before the one that is stored.
        case rewind
        /// A key that is not 16 bytes, a range that ends before it begins, and other caller's mistakes.
        case invalidValue
        /// The tables were made by a newer version of this program.
        case newerSchema
        /// The connection was lost during a commit: the operation was done completely or not at all.
        /// `StateStore` says for each how to find out.
        case outcomeUnknown
        case storage
        /// The disk under the state store is full, or fails.
        case disk
    }

    public var code: Code
    /// One line, lower case.
    public var message: String
    /// The same call may succeed later. After `outcomeUnknown` it may have succeeded already.
    public var isRetryable: Bool

    public init(_ code: Code, _ message: String, isRetryable: Bool = false) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }

    init(_ error: SQLError) {
        let code: Code =
            switch error.code {
            case .outcomeUnknown: .outcomeUnknown
            case .disk: .disk
            default: .storage
            }
        self.init(code, error.message, isRetryable: error.isRetryable)
    }

    public var description: String { message }
}
