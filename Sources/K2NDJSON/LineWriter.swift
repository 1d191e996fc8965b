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

    /// Once the stop descriptor is readable, a reader that takes nothing for so long is not waited for any more, ms.
    private static let stopPatience: Int32 = 2_000

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
        buffer.withUnsafeBytes { bytes in
            while written < bytes.count {
                if stopDescriptor >= 0, !waitForRoom() {
                    failure = ETIMEDOUT
                    return
                }
                // A pipe with room takes so much without waiting.
                let most = stopDescriptor >= 0 ? Int(PIPE_BUF) : bytes.count
                let count = Glibc.write(descriptor, bytes.baseAddress! + written, min(bytes.count - written, most))
                if count >= 0 {
                    written += count
                } else if errno == EAGAIN {
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&waiting, 1, -1)
                } else if errno != EINTR {
                    failure = errno
                    return
                }
            }
        }
        bytesWritten += written
        buffer.removeAll()
        if failure == EPIPE { throw StreamError(.readerGone, name: name, errno: failure) }
        if failure != 0 { throw StreamError(.writeFailed, name: name, errno: failure) }
    }

    /// False when the stop descriptor is readable and the reader takes nothing.
    private func waitForRoom() -> Bool {
        var both = [pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0), pollfd(fd: stopDescriptor, events: Int16(POLLIN), revents: 0)]
        while both[0].revents == 0, both[1].revents == 0 { _ = poll(&both, 2, -1) }
        return both[0].revents != 0 || poll(&both, 1, Self.stopPatience) > 0
    }
}
