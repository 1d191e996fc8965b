import Glibc
import K2Bytes
import K2CLI
import K2JSON
import K2NDJSON

/// Sends the records of recordings to a writer, at their pace.
struct Replay: ~Copyable {
    private var pacer: Pacer
    private var document = JSONDocument()

    init(pacer: Pacer) { self.pacer = pacer }

    /// Replays one recording to its end. False when asked to stop.
    /// - Throws: `ToolFailure` at the first line that is no whole raw or gap record; `StreamError`.
    mutating func run(_ input: consuming RecordingInput, to output: inout LineWriter) throws -> Bool {
        var lines = RecordingLines(input)
        while true {
            switch try lines.next(flushing: &output) {
            case .end: return true
            case .stopped: return false
            case .line:
                do throws(RecordLine.Refusal) {
                    try RecordLine.check(lines.line, &document)
                } catch {
                    throw refused(error, lines.name, lines.number)
                }
                if pacer.needsTimes, try !wait(lines, flushing: &output) { return false }
                try Self.write(lines.line, to: &output)
            }
        }
    }

    /// A very long line goes out in pieces, so that the writer's buffer does not grow to its size.
    private static func write(_ line: Span<UInt8>, to output: inout LineWriter) throws(StreamError) {
        let piece = 1 << 16
        var start = 0
        while line.count - start > piece {
            output.buffer.append(line.extracting(start..<(start + piece)))
            try output.endRecord()
            start += piece
        }
        try output.write(line: line.extracting(start..<line.count))
    }

    private func refused(_ refusal: RecordLine.Refusal, _ name: String, _ number: Int) -> ToolFailure {
        ToolFailure(.badInput, "\(name):\(number): \(refusal.reason)", hint: RecordLine.Refusal.hint)
    }

    /// Waits until the current line is due. False when asked to stop.
    private mutating func wait(_ lines: borrowing RecordingLines, flushing output: inout LineWriter) throws -> Bool {
        let due: Int64
        do throws(RecordLine.Refusal) {
            guard let time = try RecordLine.receivedAt(lines.line, &document) else { return true }
            due = pacer.due(time, now: Self.now())
        } catch {
            throw refused(error, lines.name, lines.number)
        }
        while case let left = due - Self.now(), left > 0 {
            try output.flush()
            var watched = pollfd(fd: Shutdown.descriptor, events: Int16(POLLIN), revents: 0)
            // Whole milliseconds here, what is left of them below; a signal interrupts both.
            if poll(&watched, 1, Int32(clamping: left / 1_000)) > 0 { return false }
            if left < 1_000 {
                var rest = timespec(tv_sec: 0, tv_nsec: Int(left) * 1_000)
                nanosleep(&rest, nil)
            }
        }
        return true
    }

    /// µs of a clock that never goes back.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
