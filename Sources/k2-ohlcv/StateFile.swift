import Glibc
import K2CLI
import K2NDJSON

/// Reads and replaces the state file. It is written aside, synced and renamed: a kill leaves the old
/// file or the new one.
enum StateFile {
    /// The bytes of the file; nil when there is none yet.
    static func read(_ path: String) throws(ToolFailure) -> [UInt8]? {
        if access(path, F_OK) != 0 && errno == ENOENT { return nil }
        return try InputFile.read(path, what: "state file", limit: 1 << 30)
    }

    static func write(_ bytes: [UInt8], to path: String) throws(ToolFailure) {
        let aside = path + ".new"
        let descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(aside) }
        var sent = 0
        let written = bytes.withUnsafeBytes { buffer in
            while sent < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress! + sent, buffer.count - sent)
                if count > 0 { sent += count } else if errno != EINTR { return false }
            }
            return fsync(descriptor) == 0
        }
        let error = errno
        close(descriptor)
        guard written else {
            unlink(aside)
            errno = error
            throw failure(aside)
        }
        guard rename(aside, path) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> ToolFailure {
        ToolFailure(.failed, "\(path): cannot write state: \(StreamError.reason(errno))")
    }
}
