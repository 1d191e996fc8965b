import Glibc
import K2Bytes
import K2NDJSON

/// The file that `--dead-letter` names. Records are appended; it is created when missing.
public struct DeadLetterFile: ~Copyable {
    private var writer: LineWriter
    private let tool: String
    private var isOpen = true

    private init(descriptor: Int32, path: String, tool: String) {
        writer = LineWriter(descriptor: descriptor, name: path)
        self.tool = tool
    }

    /// Opens the file at `path`; nil when there is no path.
    public static func open(_ path: String?, tool: String) throws(ToolFailure) -> DeadLetterFile? {
        guard let path else { return nil }
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw ToolFailure(.usage, "\(path): cannot open dead-letter file: \(StreamError.reason(errno))")
        }
        var file = DeadLetterFile(descriptor: descriptor, path: path, tool: tool)
        if endsInsideLine(path) { file.writer.buffer.append(0x0a) }
        return file
    }

    /// A full disk or a kill may have cut the last line: the next one must not be glued to it.
    private static func endsInsideLine(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return false }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { _ = Glibc.close(descriptor) }
        var last: UInt8 = 0x0a
        return pread(descriptor, &last, 1, status.st_size - 1) == 1 && last != 0x0a
    }

    public mutating func write(line: Int, reason: String, input: Span<UInt8>) throws(StreamError) {
        DeadLetterLine.write(tool: tool, line: line, reason: reason, input: input, to: &writer.buffer)
        // Flushed at once: dead letters are rare, and a kill must not take them along.
        do throws(StreamError) { try writer.flush() } catch {
            // Only the reader of our stdout may leave without harm.
            throw StreamError(.writeFailed, name: error.name, errno: error.errno)
        }
    }

    public mutating func close() throws(StreamError) {
        guard isOpen else { return }
        isOpen = false
        try writer.flush()
        _ = Glibc.close(writer.descriptor)
    }

    deinit { if isOpen { _ = Glibc.close(writer.descriptor) } }
}
