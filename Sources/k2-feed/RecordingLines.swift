import Glibc
import K2CLI
import K2NDJSON

/// Cuts a recording into lines, in one buffer that grows to the longest of them.
struct RecordingLines: ~Copyable {
    enum Event: Equatable {
        /// `line` holds the next line.
        case line
        case end
        case stopped
    }

    static let maxLineBytes = 16 << 20
    private static let chunk = 1 << 18

    /// 1-based number of `line`.
    private(set) var number = 0
    private var input: RecordingInput
    private var buffer = [UInt8](repeating: 0, count: 2 * chunk)
    private var start = 0
    private var filled = 0
    /// No newline stands in `start ..< searched`.
    private var searched = 0
    private var lineRange = 0..<0

    init(_ input: consuming RecordingInput) { self.input = input }

    var name: String { input.name }

    /// The current line without its newline, valid until the next call.
    var line: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.span.extracting(lineRange) }
    }

    /// - Throws: `ToolFailure` for a last line without newline, an over-long line and damaged gzip data; `StreamError`.
    mutating func next(flushing output: inout LineWriter) throws -> Event {
        while true {
            if let newline = newline() {
                lineRange = start..<newline
                start = newline + 1
                searched = start
                number += 1
                return .line
            }
            if filled - start > Self.maxLineBytes {
                throw ToolFailure(.badInput, "\(name):\(number + 1): line too long: expected at most \(Self.maxLineBytes) bytes")
            }
            makeRoom()
            switch try readMore(flushing: &output) {
            case .bytes(let count): filled += count
            case .stopped: return .stopped
            case .end:
                if filled == start { return .end }
                throw ToolFailure(
                    .badInput,
                    "\(name):\(number + 1): truncated record: expected a newline, found the end of the input after \(filled - start) bytes")
            }
        }
    }

    private mutating func readMore(flushing output: inout LineWriter) throws -> RecordingInput.Event {
        try Self.read(&input, into: &buffer, at: filled, flushing: &output)
    }

    private static func read(
        _ input: inout RecordingInput, into buffer: inout [UInt8], at position: Int, flushing output: inout LineWriter
    ) throws -> RecordingInput.Event {
        var room = buffer.mutableSpan
        return try input.read(into: &room, at: position, flushing: &output)
    }

    private mutating func newline() -> Int? {
        let (from, to) = (searched, filled)
        searched = filled
        guard from < to else { return nil }
        return buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base + from, 0x0a, to - from) else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    private mutating func makeRoom() {
        if start > 0 {
            let (from, count) = (start, filled - start)
            buffer.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress, count > 0 { memmove(base, base + from, count) }
            }
            filled = count
            searched -= start
            start = 0
        }
        if buffer.count - filled >= Self.chunk { return }
        // Never more than the longest line and a piece behind it.
        var larger = [UInt8](repeating: 0, count: min(buffer.count * 2, Self.maxLineBytes + 2 * Self.chunk))
        larger.withUnsafeMutableBytes { target in
            buffer.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<filled])) }
        }
        buffer = larger
    }
}
