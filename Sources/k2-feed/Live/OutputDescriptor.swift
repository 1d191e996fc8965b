import Glibc

/// Where records go, written without ever waiting for its reader.
///
/// A pipe is opened once more for ourselves: not waiting is a property of the opening, and the one that we
/// were given may be shared with other programs.
final class OutputDescriptor {
    enum Result {
        case wrote(Int)
        /// The reader takes no more now.
        case blocked
        case readerGone
        case failed(errno: Int32)
    }

    private let descriptor: Int32
    private let isOurs: Bool
    private let isPipe: Bool
    /// Files and devices like /dev/null take everything at once.
    private let neverWaits: Bool
    /// Of the pipe, in bytes.
    private let capacity: Int

    init(_ given: Int32) {
        var status = stat()
        isPipe = fstat(given, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
        let format = status.st_mode & S_IFMT
        neverWaits = format == S_IFREG || format == S_IFCHR && isatty(given) == 0
        let opened = isPipe ? open("/proc/self/fd/\(given)", O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1
        isOurs = opened >= 0
        descriptor = opened >= 0 ? opened : given
        capacity = isPipe ? Self.enlarge(descriptor) : 0
    }

    deinit { if isOurs { close(descriptor) } }

    // F_SETPIPE_SZ and F_GETPIPE_SZ of fcntl(2), which the system's module leaves out.
    private static let setPipeSize: Int32 = 1031
    private static let getPipeSize: Int32 = 1032

    /// A larger pipe bridges longer pauses of the reader; the system may refuse.
    private static func enlarge(_ pipe: Int32) -> Int {
        let wanted: Int32 = 1 << 20
        _ = fcntl(pipe, Self.setPipeSize, wanted)
        return max(Int(fcntl(pipe, Self.getPipeSize)), 1 << 16)
    }

    /// As many bytes of the latest output as may have to be delivered again when the reader leaves.
    var recoverableBytes: Int { isPipe ? capacity + RecentBytes.readerMargin : 0 }

    /// Bytes in the pipe that the reader did not take.
    var unreadBytes: Int {
        var count: Int32 = 0
        guard isPipe, ioctl(descriptor, UInt(FIONREAD), &count) == 0 else { return 0 }
        return Int(count)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Result {
        while true {
            var count = bytes.count
            if !isOurs, !neverWaits {
                guard isWritable() else { return .blocked }
                // A pipe or terminal that can be written to takes this much without waiting.
                count = min(count, Int(PIPE_BUF))
            }
            let written = Glibc.write(descriptor, bytes.baseAddress, count)
            if written > 0 { return .wrote(written) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .blocked
            case EPIPE: return .readerGone
            case let errno: return .failed(errno: errno)
            }
        }
    }

    private func isWritable() -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&watched, 1, 0) > 0
    }
}

/// The last bytes that were written, in a ring.
struct RecentBytes {
    /// A reader that left may have read this much and not handled it.
    static let readerMargin = 256 << 10

    private var ring: [UInt8]
    private var total = 0

    init(capacity: Int) { ring = [UInt8](repeating: 0, count: capacity) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if ring.isEmpty { return }
        let kept = UnsafeRawBufferPointer(rebasing: bytes.suffix(ring.count))
        let start = (total + bytes.count - kept.count) % ring.count
        let first = min(kept.count, ring.count - start)
        ring.withUnsafeMutableBytes { target in
            target.baseAddress!.advanced(by: start).copyMemory(from: kept.baseAddress!, byteCount: first)
            if kept.count > first { target.baseAddress!.copyMemory(from: kept.baseAddress! + first, byteCount: kept.count - first) }
        }
        total += bytes.count
    }

    /// Whether `count` bytes are all that was ever written, or more.
    func isWhole(_ count: Int) -> Bool { total <= min(count, ring.count) }

    /// The last `count` bytes, fewer when there are not so many.
    func last(_ count: Int) -> [UInt8] {
        let size = min(count, total, ring.count)
        if size == 0 { return [] }
        let start = (total - size) % ring.count
        let first = min(size, ring.count - start)
        return Array(ring[start..<(start + first)]) + Array(ring[..<(size - first)])
    }
}
