import Glibc
import K2Lake

/// A file whose name is gone at once, so that nothing stays behind after a kill.
final class TemporaryFile {
    private let folder: String
    private let descriptor: Int32
    /// Bytes written so far.
    private(set) var count = 0

    init(in folder: String) throws {
        self.folder = folder
        var name = Array("\(folder)/k2-maintain-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw Self.failure(folder, "open a temporary file") }
        unlink(name)
    }

    deinit { close(descriptor) }

    /// Writes behind what is there. Returns where that is.
    func append(_ bytes: [UInt8]) throws -> Range<Int> { try append(bytes.span) }

    /// Writes behind what is there. Returns where that is.
    func append(_ bytes: Span<UInt8>) throws -> Range<Int> {
        var written = 0
        try bytes.withUnsafeBytes { bytes in
            while written < bytes.count {
                let done = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(count + written))
                if done < 0 && errno == EINTR { continue }
                guard done > 0 else { throw Self.failure(folder, "write a temporary file") }
                written += done
            }
        }
        defer { count += bytes.count }
        return count..<count + bytes.count
    }

    /// Gives back what lies behind.
    func truncate(to length: Int) {
        guard length < count, ftruncate(descriptor, off_t(length)) == 0 else { return }
        count = length
    }

    func read(_ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var done = 0
        try bytes.withUnsafeMutableBytes { bytes in
            while done < bytes.count {
                let found = pread(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(range.lowerBound + done))
                if found < 0 && errno == EINTR { continue }
                guard found > 0 else { throw Self.failure(folder, "read a temporary file") }
                done += found
            }
        }
        return bytes
    }

    private static func failure(_ folder: String, _ what: String) -> LakeError {
        LakeError(.failed, "\(folder): \(what): \(String(cString: strerror(errno)))", hint: "TMPDIR says where temporary files go")
    }
}
