import Foundation
import Glibc
import Synchronization

/// What a finished tool left behind.
public struct ToolResult: Sendable {
    public var command: String
    public var stdout: [UInt8]
    public var stderr: String
    /// The exit status; 128 + the signal when a signal ended it.
    public var status: Int32

    /// stdout as text; bytes that are not UTF-8 are shown as replacement characters.
    public var text: String { String(decoding: stdout, as: UTF8.self) }
    /// The lines of stdout without their newlines.
    public var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init) }
}

/// Why a tool could not be run to its end.
public struct ToolProcessError: Error, CustomStringConvertible {
    public var description: String
}

/// Runs the built executables of this package, found beside the test bundle or in the folder `K2_TEST_TOOLS` names.
public enum ToolProcess {
    /// Path of the built executable `tool`.
    public static func path(_ tool: String) throws -> String {
        if let folder = getenv("K2_TEST_TOOLS") { return "\(String(cString: folder))/\(tool)" }
        var folder = (try? executablePath()) ?? CommandLine.arguments[0]
        while let slash = folder.lastIndex(of: "/") {
            folder = String(folder[..<slash])
            if access("\(folder)/\(tool)", X_OK) == 0 { return "\(folder)/\(tool)" }
        }
        throw ToolProcessError(description: "\(tool) was not built: not found above \(CommandLine.arguments[0])")
    }

    private static func executablePath() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        guard length > 0 else { throw ToolProcessError(description: "cannot read /proc/self/exe") }
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    /// Runs a tool of this package, gives it `stdin` and waits for its end.
    ///
    /// - Parameters:
    ///   - environment: added to the environment of the tests; an empty value removes the name.
    ///   - seconds: after so long the tool is killed and an error thrown.
    public static func run(
        _ tool: String, _ arguments: [String] = [], stdin: [UInt8] = [], environment: [String: String] = [:],
        directory: String? = nil, seconds: Int = 60
    ) throws -> ToolResult {
        let running = try start(tool, arguments, environment: environment, directory: directory)
        return try running.finish(stdin: stdin, seconds: seconds)
    }

    /// Starts a tool of this package, or the program at a path that contains a slash.
    public static func start(
        _ tool: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil
    ) throws -> RunningTool {
        try RunningTool(
            path: tool.contains("/") ? tool : path(tool), arguments: arguments, environment: environment, directory: directory)
    }

    /// Runs a pipeline with /bin/sh; the tools are found by their names. pipefail is not set: ask `PIPESTATUS` of bash if needed.
    public static func shell(
        _ command: String, stdin: [UInt8] = [], environment: [String: String] = [:], directory: String? = nil, seconds: Int = 120
    ) throws -> ToolResult {
        let feed = try path("k2-feed")
        let folder = feed[..<(feed.lastIndex(of: "/") ?? feed.endIndex)]
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        var all = environment
        all["PATH"] = "\(folder):\(search)"
        return try start("/bin/bash", ["-c", command], environment: all, directory: directory).finish(stdin: stdin, seconds: seconds)
    }
}

/// A tool that was started: its pipes and its process, for tests of signals and of pipes that close.
///
/// Kills the process when it is still running at the end of its life. Used by one thread.
public final class RunningTool {
    private static let starting = Mutex(())

    public let command: String
    public let pid: pid_t
    private var input: Int32
    private var output: Int32
    private var errors: Int32
    private var status: Int32?
    public private(set) var stdout: [UInt8] = []
    public private(set) var stderr: [UInt8] = []

    fileprivate init(path: String, arguments: [String], environment: [String: String], directory: String?) throws {
        // Writing to a tool that has left must give an error, not end the tests.
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
        command = ([path] + arguments).joined(separator: " ")
        // Between the making of a pipe and its close-on-exec flag no other tool may start: it would keep the pipe open.
        (pid, input, output, errors) = try Self.starting.withLock { _ in
            let pipes = try (0..<3).map { _ in try Self.makePipe() }
            let theirs = [pipes[0].read, pipes[1].write, pipes[2].write]
            let pid = try Self.spawn([path] + arguments, Self.merged(environment), directory, theirs)
            for end in theirs { close(end) }
            return (pid, pipes[0].write, pipes[1].read, pipes[2].read)
        }
        for end in [input, output, errors] { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            var ignored: Int32 = 0
            waitpid(pid, &ignored, 0)
        }
        closeInput()
        closeOutput()
        if errors >= 0 { close(errors) }
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw ToolProcessError(description: "pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func merged(_ changes: [String: String]) -> [String] {
        var all: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") { all[String(pair[..<equals])] = String(pair[pair.index(after: equals)...]) }
            entry += 1
        }
        for (name, value) in changes { all[name] = value.isEmpty ? nil : value }
        return all.map { "\($0.key)=\($0.value)" }
    }

    private static func spawn(_ arguments: [String], _ environment: [String], _ directory: String?, _ ends: [Int32]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, end) in ends.enumerated() { posix_spawn_file_actions_adddup2(&actions, end, Int32(target)) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The tool starts as from a shell, whatever the test runner does with its signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGPIPE, SIGTERM, SIGINT] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let inDirectory = directory.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0] } ?? []
        let command = inDirectory + arguments
        let argv = command.map { strdup($0) } + [nil]
        let envp = environment.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let failure = posix_spawn(&pid, command[0], &actions, &attributes, argv, envp)
        guard failure == 0 else { throw ToolProcessError(description: "\(arguments[0]): \(String(cString: strerror(failure)))") }
        return pid
    }

    /// Sends a signal.
    public func send(signal number: Int32) { _ = kill(pid, number) }

    public func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Closes our end of the tool's stdout, so that its next write fails with EPIPE.
    public func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }

    /// Writes all of `bytes` to the tool, reading what it prints meanwhile.
    public func write(_ bytes: [UInt8], seconds: Int = 60) throws {
        let deadline = Self.now() + Int64(seconds) * 1_000
        var sent = 0
        while sent < bytes.count, input >= 0 { try pump(bytes, &sent, until: deadline) }
    }

    /// Reads until stdout holds at least `count` bytes or ends.
    public func read(atLeast count: Int, seconds: Int = 60) throws {
        let deadline = Self.now() + Int64(seconds) * 1_000
        var sent = 0
        while stdout.count < count, output >= 0 { try pump([], &sent, until: deadline) }
    }

    /// Gives the tool `stdin`, closes it, reads everything and waits for the end.
    public func finish(stdin: [UInt8] = [], seconds: Int = 60) throws -> ToolResult {
        let deadline = Self.now() + Int64(seconds) * 1_000
        var sent = 0
        while sent < stdin.count, input >= 0 { try pump(stdin, &sent, until: deadline) }
        closeInput()
        while output >= 0 || errors >= 0 { try pump([], &sent, until: deadline) }
        let status = try wait(until: deadline)
        return ToolResult(command: command, stdout: stdout, stderr: String(decoding: stderr, as: UTF8.self), status: status)
    }

    private func wait(until deadline: Int64) throws -> Int32 {
        if let status { return status }
        var raw: Int32 = 0
        while waitpid(pid, &raw, WNOHANG) == 0 {
            if Self.now() > deadline { throw timeOut() }
            usleep(1_000)
        }
        let signal = raw & 0x7f
        let result = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
        status = result
        return result
    }

    /// One round: writes what fits, reads what is there.
    private func pump(_ bytes: [UInt8], _ sent: inout Int, until deadline: Int64) throws {
        let wantsWrite = sent < bytes.count
        var watched = [
            pollfd(fd: wantsWrite ? input : -1, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
        ]
        let left = deadline - Self.now()
        guard left > 0 else { throw timeOut() }
        _ = poll(&watched, 3, Int32(clamping: left))
        if watched[0].revents != 0 {
            let start = sent
            let count = bytes.withUnsafeBytes { Glibc.write(input, $0.baseAddress! + start, $0.count - start) }
            if count > 0 { sent += count } else if errno != EAGAIN && errno != EINTR { closeInput() }
        }
        if watched[1].revents != 0, Self.drain(output, into: &stdout) { closeOutput() }
        if watched[2].revents != 0, Self.drain(errors, into: &stderr) {
            close(errors)
            errors = -1
        }
    }

    /// Reads what is there; true at the end.
    private static func drain(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(descriptor, &chunk, chunk.count)
        if count > 0 { bytes.append(contentsOf: chunk[..<count]) }
        return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
    }

    private func timeOut() -> ToolProcessError {
        ToolProcessError(
            description: "\(command): still running after its time; stderr: \(String(decoding: stderr.suffix(500), as: UTF8.self))")
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// A folder of its own for a test, removed with everything in it at the end.
public final class TestFolder {
    public let path: String

    public init() throws {
        var template = Array("/tmp/k2-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ToolProcessError(description: "mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Path of `name` in the folder; with `bytes`, writes the file.
    public func file(_ name: String, _ bytes: [UInt8]? = nil) throws -> String {
        let path = "\(self.path)/\(name)"
        guard let bytes else { return path }
        guard let file = fopen(path, "wb") else { throw ToolProcessError(description: "\(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw ToolProcessError(description: "\(path): short write") }
        return path
    }
}
