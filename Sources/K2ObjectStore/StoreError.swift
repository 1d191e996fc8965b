import Glibc

/// Why a store could not do something: what kind of trouble, where, and in whose words.
public struct StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notFound
        /// `putIfAbsent` found an object under that name.
        case alreadyExists
        case permission
        case noSpace
        /// The location is not one that this store can hold.
        case invalidLocation
        /// A range that reaches outside the object.
        case invalidRange
        case inputOutput
        /// The request may or may not have been carried out; look before doing it again.
        case outcomeUnknown
    }

    public var code: Code
    public var location: String
    /// What went wrong, lower case, one line, without the location.
    public var reason: String
    /// The same call may succeed later without anybody changing anything.
    public var isRetryable: Bool

    public init(_ code: Code, at location: String, _ reason: String, isRetryable: Bool = false) {
        self.code = code
        self.location = location
        self.reason = reason
        self.isRetryable = isRetryable
    }

    public var description: String { "\(location): \(reason)" }

    /// The error of a system call that set `number`.
    static func system(_ number: Int32, at location: String, _ action: String) -> StoreError {
        let text = strerror(number).map { String(cString: $0).lowercased() } ?? "error \(number)"
        let code: Code
        switch number {
        case ENOENT: code = .notFound
        case EEXIST: code = .alreadyExists
        case EACCES, EPERM, EROFS: code = .permission
        case ENOSPC, EDQUOT: code = .noSpace
        case ENAMETOOLONG, EISDIR, ENOTDIR, ELOOP: code = .invalidLocation
        default: code = .inputOutput
        }
        let retryable = number == EINTR || number == EAGAIN || number == EMFILE || number == ENFILE || number == ESTALE
        return StoreError(code, at: location, "\(action): \(text)", isRetryable: retryable)
    }
}
