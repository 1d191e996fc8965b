import Glibc

/// Why the spool could not do something. The queue stays usable after each of them.
public struct SpoolError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        /// Another process, or another queue of this one, has the folder.
        case locked
        /// The disk, the quota or the file size limit is used up.
        case noSpace
        /// The block is too large for the limit of the queue, or the limit is too small for any block.
        case tooLarge
        case inputOutput
    }
    public var code: Code
    /// The file or folder.
    public var path: String
    /// What went wrong, lower case, one line, without the path.
    public var reason: String
    /// The system's error number; 0 when no system call failed.
    public var number: Int32

    public init(_ code: Code, path: String, _ reason: String, number: Int32 = 0) {
        self.code = code
        self.path = path
        self.reason = reason
        self.number = number
    }

    public var description: String { "\(path): \(reason)" }

    /// The error of a system call that set `number`.
    static func system(_ number: Int32, _ path: String, _ action: String) -> SpoolError {
        let text = strerror(number).map { String(cString: $0).lowercased() } ?? "error \(number)"
        let isFull = number == ENOSPC || number == EDQUOT || number == EFBIG
        return SpoolError(isFull ? .noSpace : .inputOutput, path: path, "cannot \(action): \(text)", number: number)
    }
}
