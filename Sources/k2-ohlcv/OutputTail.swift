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
    /// Offsets of the lines in the file, and which of them were made again.
    private var offsets: [Int64] = []
    private var isMade: [Bool] = []
    /// The first line with a digest that was not made again, and for each line the next equal one or −1.
    private var waiting: [UInt128: Int] = [:]
    private var nextEqual: [Int] = []
    /// The first line that was not made again.
    private var head = 0

    var isEmpty: Bool { waiting.isEmpty }

    /// Where the file has its first line that was not made again yet: a run that is killed before all
    /// are has to start there. Nil when none is left.
    var offset: Int64? { head < offsets.count ? offsets[head] : nil }

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
        var digests: [UInt128] = []
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var lineStart = saved.offset
        var offset = saved.offset
        while case let count = pread(reading, &chunk, chunk.count, off_t(offset)), count > 0 {
            for byte in chunk[..<count] {
                offset += 1
                if byte == 0x0a {
                    digests.append(Digest.hash128(line.span))
                    offsets.append(lineStart)
                    line.removeAll(keepingCapacity: true)
                    lineStart = offset
                } else {
                    line.append(byte)
                }
            }
        }
        if !line.isEmpty { _ = ftruncate(descriptor, off_t(lineStart)) }
        isMade = [Bool](repeating: false, count: digests.count)
        nextEqual = [Int](repeating: -1, count: digests.count)
        for (index, digest) in digests.enumerated().reversed() {
            nextEqual[index] = waiting.updateValue(index, forKey: digest) ?? -1
        }
    }

    /// Whether the line with this digest is in the file already; it is struck off then. The newline
    /// is not part of the digest.
    mutating func remove(_ digest: UInt128) -> Bool {
        guard let index = waiting[digest] else { return false }
        waiting[digest] = nextEqual[index] < 0 ? nil : nextEqual[index]
        isMade[index] = true
        while head < isMade.count, isMade[head] { head += 1 }
        return true
    }
}
