import Glibc
import K2CLI
import K2Compression
import K2NDJSON

/// The bytes of one recording, decompressed when they are gzip. Owns the descriptor unless it is stdin.
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
    private var gunzip: GunzipStream?
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
            let count = try gunzip == nil ? copy(into: &room, at: position) : decompress(into: &room, at: position)
            if count > 0 { return .bytes(count) }
            if atEnd, start == filled {
                do throws(GzipError) {
                    try gunzip?.finish()
                } catch {
                    throw refused(error)
                }
                return .end
            }
        }
    }

    private func refused(_ error: GzipError) -> ToolFailure {
        if error.code == .outOfMemory { return ToolFailure(.failed, "\(name): out of memory") }
        return ToolFailure(.badInput, "\(name): \(error)")
    }

    /// Looks at the first two bytes. False when stopped.
    private mutating func recognise(flushing output: inout LineWriter) throws -> Bool {
        while filled - start < 2, !atEnd {
            guard try fill(flushing: &output) else { return false }
        }
        knowsFormat = true
        let isGzip = filled - start >= 2 && chunk[start] == Gzip.magic.0 && chunk[start + 1] == Gzip.magic.1
        // An empty file cannot be recognised, but its name promises a member that is not there.
        if filled == start, name.hasSuffix(".gz") { throw refused(GzipError(.truncated, at: 0)) }
        if isGzip {
            do throws(GzipError) {
                gunzip = try GunzipStream()
            } catch {
                throw refused(error)
            }
        }
        return true
    }

    private mutating func copy(into room: inout MutableSpan<UInt8>, at position: Int) -> Int {
        let count = min(filled - start, room.count - position)
        if count == 0 { return 0 }
        let start = self.start
        chunk.withUnsafeBufferPointer { source in
            room.withUnsafeMutableBufferPointer { target in
                (target.baseAddress! + position).update(from: source.baseAddress! + start, count: count)
            }
        }
        self.start += count
        return count
    }

    private mutating func decompress(into room: inout MutableSpan<UInt8>, at position: Int) throws -> Int {
        do throws(GzipError) {
            let step = try Self.step(&gunzip, chunk, start..<filled, into: &room, at: position)
            start += step.consumed
            return step.produced
        } catch {
            throw refused(error)
        }
    }

    private static func step(
        _ gunzip: inout GunzipStream?, _ chunk: [UInt8], _ part: Range<Int>, into room: inout MutableSpan<UInt8>, at position: Int
    ) throws(GzipError) -> GunzipStream.Step {
        let bytes = chunk.span
        return try gunzip?.read(bytes.extracting(part), into: &room, at: position) ?? GunzipStream.Step()
    }

    /// Reads behind what is there; sets `atEnd` at the end. False when stopped.
    private mutating func fill(flushing output: inout LineWriter) throws(StreamError) -> Bool {
        while true {
            guard try wait(flushing: &output) else { return false }
            let (descriptor, filled) = (self.descriptor, self.filled)
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
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
