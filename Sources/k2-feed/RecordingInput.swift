import Glibc
import K2CLI
import K2Compression
import K2NDJSON

/// The bytes of one recording, decompressed when they are gzip or zstd. Owns the descriptor unless it is stdin.
struct RecordingInput: ~Copyable {
    enum Event: Equatable {
        /// So many bytes were put into the room, at least one.
        case bytes(Int)
        case end
        /// The stop descriptor became readable.
        case stopped
    }

    /// For messages: the path, or `stdin`.
    let name: String
    private let descriptor: Int32
    private let stopDescriptor: Int32
    private var decompressor = RecordingDecompressor()
    private var chunk = [UInt8](repeating: 0, count: 1 << 18)
    private var start = 0
    private var filled = 0
    private var knowsFormat = false
    private var atEnd = false

    /// - Throws: `ToolFailure` with status 66 when the file cannot be opened.
    init(path: String, stopDescriptor: Int32) throws(ToolFailure) {
        self.stopDescriptor = stopDescriptor
        if path == "-" {
            name = "stdin"
            descriptor = STDIN_FILENO
        } else {
            name = path
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            if descriptor < 0 { throw Self.unreadable(path, errno) }
        }
    }

    deinit { if descriptor > STDIN_FILENO { close(descriptor) } }

    /// Refuses a path that is no readable file, so that a replay of several files does not fail halfway.
    static func check(_ path: String) throws(ToolFailure) {
        var status = stat()
        guard stat(path, &status) == 0, access(path, R_OK) == 0 else { throw unreadable(path, errno) }
        if status.st_mode & S_IFMT == S_IFDIR { throw unreadable(path, EISDIR) }
    }

    private static func unreadable(_ path: String, _ errno: Int32) -> ToolFailure {
        ToolFailure(.noInput, "\(path): cannot read: \(StreamError.reason(errno))")
    }

    /// Puts the next bytes into `room` from `position` on, where there is space. Flushes `output` before it waits.
    mutating func read(into room: inout MutableSpan<UInt8>, at position: Int, flushing output: inout LineWriter) throws -> Event {
        while true {
            if start == filled, !atEnd {
                start = 0
                filled = 0
                guard try fill(flushing: &output) else { return .stopped }
            }
            if !knowsFormat {
                guard try recognise(flushing: &output) else { return .stopped }
            }
            let count = try decompress(into: &room, at: position)
            if count > 0 { return .bytes(count) }
            if atEnd, start == filled {
                try decompressor.finish(name: name)
                return .end
            }
        }
    }

    /// Looks at the first bytes. False when stopped.
    private mutating func recognise(flushing output: inout LineWriter) throws -> Bool {
        while filled - start < RecordingDecompressor.magicBytes, !atEnd {
            guard try fill(flushing: &output) else { return false }
        }
        knowsFormat = true
        decompressor = try Self.recognise(chunk, start..<filled, name)
        return true
    }

    private static func recognise(_ chunk: [UInt8], _ part: Range<Int>, _ name: String) throws(ToolFailure) -> RecordingDecompressor {
        let bytes = chunk.span
        return try RecordingDecompressor.recognise(bytes.extracting(part), name: name)
    }

    private mutating func decompress(into room: inout MutableSpan<UInt8>, at position: Int) throws(ToolFailure) -> Int {
        let step = try Self.step(&decompressor, chunk, start..<filled, into: &room, at: position, name)
        start += step.consumed
        return step.produced
    }

    private static func step(
        _ decompressor: inout RecordingDecompressor, _ chunk: [UInt8], _ part: Range<Int>, into room: inout MutableSpan<UInt8>,
        at position: Int, _ name: String
    ) throws(ToolFailure) -> GunzipStream.Step {
        let bytes = chunk.span
        return try decompressor.read(bytes.extracting(part), into: &room, at: position, name: name)
    }

    /// Reads behind what is there; sets `atEnd` at the end. False when stopped.
    private mutating func fill(flushing output: inout LineWriter) throws(StreamError) -> Bool {
        while true {
            guard try wait(flushing: &output) else { return false }
            let (descriptor, filled) = (self.descriptor, self.filled)
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            // A stop that came first wins: the input may have ended because of it.
            if count == 0, StopDescriptor.isReadable(stopDescriptor) { return false }
            if count >= 0 {
                self.filled += count
                atEnd = count == 0
                return true
            }
            if errno != EINTR && errno != EAGAIN { throw StreamError(.readFailed, name: name, errno: errno) }
        }
    }

    private func wait(flushing output: inout LineWriter) throws(StreamError) -> Bool {
        var timeout: Int32 = 0
        while true {
            var watched = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopDescriptor, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&watched, 2, timeout)
            if ready < 0 && errno != EINTR { throw StreamError(.readFailed, name: name, errno: errno) }
            if ready > 0 { return watched[1].revents & Int16(POLLIN) == 0 }
            if ready == 0 && timeout == 0 {
                try output.flush()
                timeout = -1
            }
        }
    }
}
