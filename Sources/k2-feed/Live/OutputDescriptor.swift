import Glibc
import K2Bytes

/// Where records go, written without ever waiting for its reader.
///
/// A pipe or terminal is opened once more for ourselves: not waiting is a property of the opening, and the one
/// that we were given may be shared with other programs.
final class OutputDescriptor {
    enum Result: Equatable {
        case wrote(Int)
        /// The reader takes no more now.
        case blocked
        case readerGone
        case failed(errno: Int32)
    }

    private enum Kind { case pipe, socket, file, other }

    private let descriptor: Int32
    private let isOurs: Bool
    private let kind: Kind
    /// Bytes that a pipe can hold; 0 for what is no pipe.
    let capacity: Int

    init(_ given: Int32) {
        kind = Self.kind(of: given)
        // What was not opened for writing stays so: a closed stdout is held by a descriptor that only reads.
        let isWritable = fcntl(given, F_GETFL) & O_ACCMODE != O_RDONLY
        let isReopened = isWritable && (kind == .pipe || kind == .other)
        let opened = isReopened ? open("/proc/self/fd/\(given)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1
        isOurs = opened >= 0
        descriptor = opened >= 0 ? opened : given
        capacity = kind == .pipe ? Self.enlarge(descriptor) : 0
    }

    deinit { if isOurs { close(descriptor) } }

    private static func kind(of descriptor: Int32) -> Kind {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .other }
        switch status.st_mode & S_IFMT {
        case S_IFIFO: return .pipe
        case S_IFSOCK: return .socket
        case S_IFREG: return .file
        default: return .other
        }
    }

    // F_SETPIPE_SZ and F_GETPIPE_SZ of fcntl(2), which the system's module leaves out.
    private static let setPipeSize: Int32 = 1031
    private static let getPipeSize: Int32 = 1032

    /// A larger pipe bridges longer pauses of the reader; the system may refuse.
    private static func enlarge(_ pipe: Int32) -> Int {
        let wanted: Int32 = 1 << 20
        _ = fcntl(pipe, Self.setPipeSize, wanted)
        return max(Int(fcntl(pipe, Self.getPipeSize)), 1 << 16)
    }

    /// Bytes in the pipe that the reader did not take.
    var unreadBytes: Int {
        var count: Int32 = 0
        guard kind == .pipe, ioctl(descriptor, UInt(FIONREAD), &count) == 0 else { return 0 }
        return Int(count)
    }

    /// Whether a pipe has no reader any more. Known without writing.
    var hasReaderLeft: Bool { kind == .pipe && Int32(poll(for: 0)) & POLLERR != 0 }

    /// Whether a file ends inside a line: whoever wrote it was killed, and what we write would be joined to it.
    var endsInsideLine: Bool {
        guard kind == .file else { return false }
        let end = fcntl(descriptor, F_GETFL) & O_APPEND != 0 ? lseek(descriptor, 0, SEEK_END) : lseek(descriptor, 0, SEEK_CUR)
        let reader = open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC)
        guard reader >= 0 else { return false }
        defer { close(reader) }
        var last: UInt8 = 0
        return end > 0 && pread(reader, &last, 1, end - 1) == 1 && last != 0x0a
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Result {
        while true {
            let written = tryWrite(bytes)
            if written > 0 { return .wrote(written) }
            if written == 0 { return .blocked }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .blocked
            case EPIPE, ECONNRESET: return .readerGone
            case let errno: return .failed(errno: errno)
            }
        }
    }

    /// As write(2), which gives 0 as well when it would have to wait.
    private func tryWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
        if kind == .socket { return send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) }
        if isOurs || kind == .file { return Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
        // What could not be opened again takes this much without waiting when it can be written to.
        return poll(for: POLLOUT) == 0 ? 0 : Glibc.write(descriptor, bytes.baseAddress, min(bytes.count, Int(PIPE_BUF)))
    }

    /// The events of poll(2) that are there now.
    private func poll(for events: Int32) -> Int16 {
        var watched = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return Glibc.poll(&watched, 1, 0) > 0 ? watched.revents : 0
    }
}

/// The last lines that were written: at least as many bytes as asked for, from the start of a line on.
struct RecentLines: ~Copyable {
    private let kept: Int
    private var lines = ByteWriter(capacity: 16)
    private var cutAt = 0

    init(keeping count: Int) { kept = count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if kept == 0 { return }
        lines.append(bytes)
        if lines.count >= cutAt { cut() }
    }

    /// Forgets what is no longer needed; rarely, as what remains is moved.
    private mutating func cut() {
        let start = lineStart(ofLast: kept)
        var rest = ByteWriter(capacity: 2 * max(kept, lines.count - start))
        rest.append(lines.bytes.extracting(start...))
        lines = rest
        cutAt = 2 * max(kept, lines.count)
    }

    /// The start of the line that holds the first of the last `count` bytes.
    private func lineStart(ofLast count: Int) -> Int { LineBlocks.lineStart(before: max(0, lines.count - count), in: lines.bytes) }

    /// The last `count` bytes and what comes before them in their first line, but whole lines only.
    func last(_ count: Int) -> [UInt8] {
        let start = lineStart(ofLast: count)
        let end = LineBlocks.lineStart(before: lines.count, in: lines.bytes)
        return start < end ? Array(lines.array[start..<end]) : []
    }
}
