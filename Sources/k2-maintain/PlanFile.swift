import Glibc
import K2Bytes
import K2CLI
import K2JSON
import K2Maintenance
import K2NDJSON

/// A file of plans in the making: it gets its name when it is whole, and tables that failed leave no trace in it.
final class PlanFile: OrphanSearch.Output {
    private let path: String
    private let aside: String
    private let descriptor: Int32
    private var lines: LineWriter
    /// Where the table's lines begin.
    private var start: off_t = 0
    private var tables = 0

    init(_ path: String) throws(ToolFailure) {
        self.path = path
        aside = "\(path).\(getpid()).tmp"
        descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ToolFailure(.usage, "\(path): cannot write plan: \(StreamError.reason(errno))") }
        lines = LineWriter(descriptor: descriptor, name: path)
    }

    deinit {
        close(descriptor)
        unlink(aside)
    }

    func begin() throws {
        try lines.flush()
        start = lseek(descriptor, 0, SEEK_CUR)
    }

    func add(_ line: JSONObject) throws {
        lines.buffer.append(string: JSONValue.object(line).text + "\n")
        try lines.endRecord()
    }

    func end() throws {
        try lines.flush()
        tables += 1
    }

    func abandon() {
        lines.buffer.removeAll()
        _ = ftruncate(descriptor, start)
        _ = lseek(descriptor, start, SEEK_SET)
    }

    /// Gives the file its name; one without a table in it is not kept.
    func finish() throws(ToolFailure) {
        if tables == 0 { return }
        guard fsync(descriptor) == 0, rename(aside, path) == 0 else { throw ToolFailure(.failed, "\(path): cannot write plan: \(StreamError.reason(errno))") }
    }
}
