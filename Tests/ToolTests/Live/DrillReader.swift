import Glibc
import K2TestSupport

/// Reads the pipe of a drill into a file: the reader that may stop, or leave.
final class DrillReader {
    let process: DrillProcess
    /// Held open, so that the reader does not end between two runs of the feed.
    private var writer: Int32

    /// - Parameter tool: what reads; `cat` copies to `raw`.
    init(_ drill: LiveDrill, tool: String = "/bin/cat", to file: String = "raw") async throws {
        let path = drill.folder.path + "/pipe"
        unlink(path)
        guard mkfifo(path, 0o600) == 0 else { throw DrillError("mkfifo: \(String(cString: strerror(errno)))") }
        // Opened in both directions nobody has to wait for the other end.
        let both = open(path, O_RDWR | O_CLOEXEC)
        defer { close(both) }
        writer = open(path, O_WRONLY | O_CLOEXEC)
        let reader = try DrillProcess(tool, [], "<pipe >>\(file) 2>>reader.err", directory: drill.folder.path)
        process = reader
        let name = tool.split(separator: "/").last.map(String.init) ?? tool
        // By then the pipe is open: the shell does that before it becomes the reader.
        try await Poll.until("\(name) reads", within: 20, every: 5) { DrillFile.text("/proc/\(reader.pid)/comm").hasPrefix(name) }
    }

    deinit { closeWriter() }

    private func closeWriter() {
        if writer >= 0 { close(writer) }
        writer = -1
    }

    /// Lets the reader read to the end.
    func end() async throws {
        closeWriter()
        _ = try await process.end(within: 60)
    }
}
