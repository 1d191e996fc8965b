import Glibc
import K2NDJSON

/// Reads small configuration files whole.
public enum InputFile {
    /// The bytes of a file of at most `limit` bytes.
    public static func read(_ path: String, what: String, limit: Int = 64 << 20) throws(ToolFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ToolFailure(.noInput, "\(path): cannot open \(what): \(StreamError.reason(errno))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw ToolFailure(.noInput, "\(path): cannot read \(what): \(StreamError.reason(errno))")
            }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > limit { throw ToolFailure(.usage, "\(path): \(what) is larger than \(limit) bytes") }
        }
    }

    /// The bytes of a file; nil when there is none at `path`.
    public static func readIfPresent(_ path: String, what: String, limit: Int = 64 << 20) throws(ToolFailure) -> [UInt8]? {
        if access(path, F_OK) != 0, errno == ENOENT || errno == ENOTDIR { return nil }
        return try read(path, what: what, limit: limit)
    }

    /// The value of an environment variable; nil when unset or empty.
    public static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
