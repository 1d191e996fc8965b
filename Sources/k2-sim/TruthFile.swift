import Glibc
import K2Bytes
import K2CLI
import K2NDJSON

/// The file of `--truth`.
struct TruthFile: ~Copyable {
    private let descriptor: Int32
    private var writer: LineWriter

    init(path: String) throws {
        let opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw ToolFailure(.failed, "\(path): cannot create: \(StreamError.reason(errno))") }
        descriptor = opened
        writer = LineWriter(descriptor: opened, name: path)
    }

    deinit { close(descriptor) }

    mutating func write(_ lines: Span<UInt8>) throws {
        writer.buffer.append(lines)
        try writer.endRecord()
    }

    mutating func finish() throws { try writer.flush() }
}
