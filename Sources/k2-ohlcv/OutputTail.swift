import Glibc
import K2Bytes
import K2Domain

/// Where the output stood when the state was saved. Only regular files have such a place.
struct OutputPosition: Equatable {
    var device: UInt64
    var inode: UInt64
    var offset: Int64

    /// The end of the file behind `descriptor`; nil when it is no regular file.
    static func current(_ descriptor: Int32) -> OutputPosition? {
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        return OutputPosition(device: UInt64(info.st_dev), inode: UInt64(info.st_ino), offset: Int64(info.st_size))
    }
}

/// The lines that a killed run wrote after it had saved its state.
///
/// The next run makes the same lines again from the same input; each is left out once, so that the
/// file ends up as if there had been one run. A cut last line is removed.
struct OutputTail {
    private var counts: [UInt128: Int] = [:]

    var isEmpty: Bool { counts.isEmpty }

    init() {}

    /// Reads what stands behind `saved` in the file behind `descriptor`. Another file, or one that is
    /// shorter now, has no tail.
    init(after saved: OutputPosition, descriptor: Int32) {
        guard let now = OutputPosition.current(descriptor), now.device == saved.device, now.inode == saved.inode,
            now.offset > saved.offset
        else { return }
        let reading = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
        guard reading >= 0 else { return }
        defer { close(reading) }
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var offset = saved.offset
        while case let count = pread(reading, &chunk, chunk.count, off_t(offset)), count > 0 {
            for byte in chunk[..<count] {
                if byte == 0x0a {
                    counts[Digest.hash128(line.span), default: 0] += 1
                    line.removeAll(keepingCapacity: true)
                } else {
                    line.append(byte)
                }
            }
            offset += Int64(count)
        }
        if !line.isEmpty { _ = ftruncate(descriptor, off_t(offset - Int64(line.count))) }
    }

    /// Whether the line with this digest is in the file already; it is struck off then. The newline
    /// is not part of the digest.
    mutating func remove(_ digest: UInt128) -> Bool {
        guard let count = counts[digest] else { return false }
        counts[digest] = count > 1 ? count - 1 : nil
        return true
    }
}
