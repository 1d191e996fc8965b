import Glibc
import K2Lake

/// Keeps encoded column chunks until their file is put together: in memory, or in a file that goes away with the process.
final class ChunkSpill {
    /// Where a chunk is.
    enum Place {
        case memory([UInt8])
        case file(offset: Int, count: Int)
    }

    private let folder: String?
    private var descriptor: Int32 = -1
    private var end = 0

    /// - Parameter folder: nil keeps everything in memory.
    init(folder: String?) { self.folder = folder }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func put(_ bytes: [UInt8]) throws -> Place {
        guard let folder else { return .memory(bytes) }
        if descriptor < 0 { descriptor = try Self.open(folder) }
        var written = 0
        try bytes.withUnsafeBytes { bytes in
            while written < bytes.count {
                let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(end + written))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw Self.failure(folder, "write") }
                written += count
            }
        }
        defer { end += bytes.count }
        return .file(offset: end, count: bytes.count)
    }

    func get(_ place: Place) throws -> [UInt8] {
        switch place {
        case .memory(let bytes): return bytes
        case .file(let offset, let count):
            var bytes = [UInt8](repeating: 0, count: count)
            var done = 0
            try bytes.withUnsafeMutableBytes { bytes in
                while done < count {
                    let found = pread(descriptor, bytes.baseAddress! + done, count - done, off_t(offset + done))
                    if found < 0 && errno == EINTR { continue }
                    guard found > 0 else { throw Self.failure(folder ?? "", "read") }
                    done += found
                }
            }
            return bytes
        }
    }

    /// Forgets all chunks.
    func removeAll() throws {
        end = 0
        guard descriptor >= 0 else { return }
        guard ftruncate(descriptor, 0) == 0 else { throw Self.failure(folder ?? "", "truncate") }
    }

    /// A file whose name is gone at once, so that nothing stays behind after a kill.
    private static func open(_ folder: String) throws -> Int32 {
        var name = Array("\(folder)/k2-maintain-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw failure(folder, "open a temporary file") }
        unlink(name)
        return descriptor
    }

    private static func failure(_ folder: String, _ what: String) -> LakeError {
        LakeError(.failed, "\(folder): \(what): \(String(cString: strerror(errno)))", hint: "TMPDIR says where temporary files go")
    }
}
