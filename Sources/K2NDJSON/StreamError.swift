import Glibc

/// A failure of the line streams themselves: what was being done, and the system's reason.
public struct StreamError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        /// The reader of our output has left (EPIPE). For a tool in a pipeline this is not an error.
        case readerGone
        case readFailed
        case writeFailed
    }
    public var code: Code
    /// The stream or file, such as `stdout`.
    public var name: String
    public var errno: Int32

    public init(_ code: Code, name: String, errno: Int32) {
        self.code = code
        self.name = name
        self.errno = errno
    }

    /// The system's text for an error number, lower case as everywhere in our messages.
    public static func reason(_ errno: Int32) -> String { String(cString: strerror(errno)).lowercased() }

    public var description: String {
        switch code {
        case .readerGone: "\(name): reader has gone"
        case .readFailed: "\(name): cannot read: \(Self.reason(errno))"
        case .writeFailed: "\(name): cannot write: \(Self.reason(errno))"
        }
    }
}
