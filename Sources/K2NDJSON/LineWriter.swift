import Glibc
import K2Bytes

/// Collects records in memory and writes them to a file descriptor in blocks.
///
/// A caller appends a whole record to `buffer` and calls `endRecord()`: only whole records are ever
/// written, unless the system cuts a write short and then fails. The descriptor is not closed here.
public struct LineWriter: ~Copyable {
    public let descriptor: Int32
    /// Used in messages.
    public let name: String
    public var buffer: ByteWriter
    /// Bytes that went out so far.
    public private(set) var bytesWritten = 0
    private let blockSize: Int
    private let stopDescriptor: Int32

    /// When a reader is not waited for any more, ms of the monotonic clock; set as soon as the stop descriptor is readable.
    private var stopDeadline: Int64?
    /// Milliseconds.
    private static let stopPatience: Int64 = 2_000

    /// - Parameter stopDescriptor: what else depends on this thread: as soon as it is readable, `flush` fails instead of
    ///   waiting for a reader that takes nothing; −1: it waits for ever.
    public init(descriptor: Int32, name: String, blockSize: Int = 1 << 16, stopDescriptor: Int32 = -1) {
        self.descriptor = descriptor
        self.name = name
        self.blockSize = blockSize
        self.stopDescriptor = stopDescriptor
        buffer = ByteWriter(capacity: blockSize + 4096)
    }

    /// Marks the end of a record; writes when a block is full.
    public mutating func endRecord() throws(StreamError) {
        if buffer.count >= blockSize { try flush() }
    }

    /// Appends `line` and the newline that ends it.
    public mutating func write(line: Span<UInt8>) throws(StreamError) {
        buffer.append(line)
        buffer.append(0x0a)
        try endRecord()
    }

    /// Writes all that is waiting.
    public mutating func flush() throws(StreamError) {
        if buffer.count == 0 { return }
        let descriptor = self.descriptor
        var written = 0
        var failure: Int32 = 0
        while written < buffer.count, failure == 0 {
            if stopDescriptor >= 0, !waitForRoom() {
                failure = ETIMEDOUT
                break
            }
            // A pipe with room takes so much without waiting.
            let most = stopDescriptor >= 0 ? Int(PIPE_BUF) : buffer.count
            let count = buffer.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, min($0.count - written, most)) }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if errno != EINTR {
                failure = errno
            }
        }
        bytesWritten += written
        buffer.removeAll()
        if failure == EPIPE { throw StreamError(.readerGone, name: name, errno: failure) }
        if failure != 0 { throw StreamError(.writeFailed, name: name, errno: failure) }
    }

    /// Waits until the reader takes something; false when time is up.
    private mutating func waitForRoom() -> Bool {
        if stopDeadline == nil {
            var both = [pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0), pollfd(fd: stopDescriptor, events: Int16(POLLIN), revents: 0)]
            while both[0].revents == 0, both[1].revents == 0 { _ = poll(&both, 2, -1) }
            if both[1].revents == 0 { return true }
            stopDeadline = Self.now() + Self.stopPatience
        }
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&room, 1, Int32(clamping: max(stopDeadline! - Self.now(), 0))) > 0
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
