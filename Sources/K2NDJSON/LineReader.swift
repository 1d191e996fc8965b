import Glibc
import K2Bytes

/// What `LineReader.next` found.
public enum LineEvent: Equatable, Sendable {
    /// A whole line; `line` holds it without its newline.
    case line
    /// Input ended inside a line; `line` holds what there was of it.
    case truncated
    /// A line longer than the limit; `line` holds its first bytes, the rest was skipped.
    case tooLong
    /// Nothing more to come.
    case end
    /// The stop descriptor became readable; a partly read line is left out.
    case stopped
    /// Nothing came within `patience`.
    case timedOut
}

/// Cuts the bytes of a file descriptor into lines, in one reused buffer.
///
/// Before a read that would have to wait, the writer handed to `next` is flushed: low latency when
/// little comes in, whole blocks when much does. Memory: the longest line, at most `maxLineBytes`.
public struct LineReader: ~Copyable {
    public let descriptor: Int32
    /// Used in messages, for instance `stdin` or a file name.
    public let name: String
    /// 1-based number of the line that `line` holds.
    public private(set) var number = 0
    public let maxLineBytes: Int
    /// Milliseconds that `next` waits for input before it returns `.timedOut`; −1 for ever.
    public var patience: Int32 = -1

    /// How much of an over-long line is kept to show.
    private var shownBytes: Int { min(4096, maxLineBytes) }
    private static let chunk = 1 << 18

    private let stopDescriptor: Int32
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start = 0
    private var filled = 0
    /// No newline stands in `start ..< searched`.
    private var searched = 0
    private var lineStart = 0
    private var lineEnd = 0
    private var atEnd = false
    private var readsNoMore = false
    /// The first bytes of an over-long line whose end did not come yet.
    private var longHead: [UInt8]?

    /// - Parameters:
    ///   - stopDescriptor: reading ends as soon as this descriptor is readable; −1 for none.
    ///   - maxLineBytes: a longer line is skipped and reported as `.tooLong`.
    public init(descriptor: Int32, name: String, stopDescriptor: Int32 = -1, maxLineBytes: Int = 16 << 20) {
        self.descriptor = descriptor
        self.name = name
        self.stopDescriptor = stopDescriptor
        self.maxLineBytes = maxLineBytes
        capacity = Self.chunk * 2
        base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    /// The bytes of the current line, valid until `next` is called again.
    public var line: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = Span(_unsafeStart: UnsafePointer(base + lineStart), count: lineEnd - lineStart)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// From now on `next` gives the whole lines that were read already, then `.stopped`.
    public mutating func readNoMore() { readsNoMore = true }

    public mutating func next(flushing output: inout LineWriter) throws(StreamError) -> LineEvent {
        if longHead != nil { return try skipLong(flushing: &output) }
        while true {
            if let newline = findNewline() {
                lineStart = start
                lineEnd = newline
                start = newline + 1
                searched = start
                number += 1
                return lineEnd - lineStart > maxLineBytes ? cutLong() : .line
            }
            if filled - start > maxLineBytes {
                longHead = Array(UnsafeBufferPointer(start: base + start, count: shownBytes))
                return try skipLong(flushing: &output)
            }
            if atEnd { return finish() }
            switch try fill(flushing: &output) {
            case .ready: continue
            case .stopped: return .stopped
            case .timedOut: return .timedOut
            }
        }
    }

    private enum Wait {
        case ready, stopped, timedOut
    }

    private mutating func findNewline() -> Int? {
        guard searched < filled, let found = memchr(base + searched, 0x0a, filled - searched) else {
            searched = filled
            return nil
        }
        return found.assumingMemoryBound(to: UInt8.self) - base
    }

    private mutating func finish() -> LineEvent {
        lineStart = start
        lineEnd = filled
        start = filled
        if lineStart == lineEnd { return .end }
        number += 1
        return .truncated
    }

    private mutating func cutLong() -> LineEvent {
        lineEnd = lineStart + shownBytes
        return .tooLong
    }

    /// Keeps the head of an over-long line at the front of the buffer and drops the rest of it.
    private mutating func skipLong(flushing output: inout LineWriter) throws(StreamError) -> LineEvent {
        while true {
            if let newline = findNewline() {
                start = newline + 1
                break
            }
            start = filled
            if atEnd { break }
            switch try fill(flushing: &output) {
            case .ready: continue
            case .stopped: return .stopped
            case .timedOut: return .timedOut
            }
        }
        searched = start
        number += 1
        let head = longHead ?? []
        longHead = nil
        // The head goes in front of the unread bytes: room was made by the bytes just skipped.
        let room = head.count
        if start < room {
            reserve(room + filled)
            (base + room).update(from: base + start, count: filled - start)
            filled += room - start
            searched = room
            start = room
        }
        lineStart = start - room
        lineEnd = start
        for (index, byte) in head.enumerated() { base[lineStart + index] = byte }
        return .tooLong
    }

    private mutating func reserve(_ wanted: Int) {
        if wanted <= capacity { return }
        let larger = max(capacity * 2, wanted)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        grown.update(from: base, count: filled)
        base.deallocate()
        base = grown
        capacity = larger
    }

    /// Reads more bytes, or finds the end of input.
    private mutating func fill(flushing output: inout LineWriter) throws(StreamError) -> Wait {
        if readsNoMore { return .stopped }
        if start > 0 {
            if filled > start { base.update(from: base + start, count: filled - start) }
            filled -= start
            searched -= start
            start = 0
        }
        reserve(filled + Self.chunk)
        while true {
            let waited = try wait(flushing: &output)
            if waited != .ready { return waited }
            let count = read(descriptor, base + filled, capacity - filled)
            if count > 0 {
                filled += count
                return .ready
            }
            if count == 0 {
                // A stop that came first wins: the input may have ended because of it.
                if StopDescriptor.isReadable(stopDescriptor) { return .stopped }
                atEnd = true
                return .ready
            }
            if errno != EINTR && errno != EAGAIN { throw StreamError(.readFailed, name: name, errno: errno) }
        }
    }

    /// Waits until there is something to read; flushes `output` first when there is nothing yet.
    private mutating func wait(flushing output: inout LineWriter) throws(StreamError) -> Wait {
        var timeout: Int32 = 0
        while true {
            var watched = (
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopDescriptor, events: Int16(POLLIN), revents: 0)
            )
            let ready = withUnsafeMutablePointer(to: &watched) {
                $0.withMemoryRebound(to: pollfd.self, capacity: 2) { poll($0, 2, timeout) }
            }
            if ready < 0 && errno != EINTR { throw StreamError(.readFailed, name: name, errno: errno) }
            if ready > 0 { return watched.1.revents & Int16(POLLIN) == 0 ? .ready : .stopped }
            if ready == 0 && timeout != 0 { return .timedOut }
            if ready == 0 {
                try output.flush()
                if patience == 0 { return .timedOut }
                timeout = patience
            }
        }
    }
}
