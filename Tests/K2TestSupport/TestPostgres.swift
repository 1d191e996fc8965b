import Foundation
import Glibc
import Synchronization

/// A PostgreSQL server of `scripts/dev/postgres` that goes away with its owner or with the tests, and its data with it.
public final class TestPostgres: @unchecked Sendable {
    // Guarded by the lock: the process and what it said about itself.
    private let lock = NSLock()
    private var script: RunningTool?
    private var about = (port: 0, pid: pid_t(0))
    private var names = 0
    /// Nil: the script makes one, and removes it even when nobody tells it to.
    private let folder: TestFolder?
    private let password: String?

    /// One server for all tests of a process, each with a database of its own. The error says why there is none.
    public static let shared = Result { try TestPostgres(in: nil, password: nil) }

    /// Without a server here the tests that need one are left out, but in CI they fail.
    public static let isExpected: Bool = {
        if ProcessInfo.processInfo.environment["CI"].map({ !$0.isEmpty }) == true { return true }
        if case .failure(let error) = shared { print("tests with PostgreSQL are left out: \(error)") }
        return (try? shared.get()) != nil
    }()

    /// A server that can be killed and started again.
    /// - Parameter password: with one, that of user postgres, every connection has to give one.
    public convenience init(password: String? = nil) throws {
        let folder = try TestFolder()
        // The server may run as another user.
        chmod(folder.path, 0o755)
        if let password { _ = try folder.file("password", Array((password + "\n").utf8)) }
        try self.init(in: folder, password: password)
    }

    private init(in folder: TestFolder?, password: String?) throws {
        self.folder = folder
        self.password = password
        try start()
    }

    private static var script: String {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return tests.deletingLastPathComponent().appendingPathComponent("scripts/dev/postgres").path
    }

    public var port: Int { lock.withLock { about.port } }

    /// Starts it, again on the port that it had.
    public func start() throws {
        var arguments = ["--port", String(port)]
        if let folder { arguments += ["--path", folder.path + "/server"] }
        if let folder, password != nil { arguments += ["--password-file", folder.path + "/password"] }
        let running = try ToolProcess.start(Self.script, arguments)
        while !running.stdout.contains(UInt8(ascii: "\n")) {
            let count = running.stdout.count
            try running.read(atLeast: count + 1, seconds: 60)
            guard running.stdout.count > count else { throw ToolProcessError(description: try running.finish().stderr) }
        }
        let line = try JSONSerialization.jsonObject(with: Data(running.stdout)) as? [String: Any]
        guard let port = line?["port"] as? Int, let pid = line?["pid"] as? Int else {
            throw ToolProcessError(description: "not what scripts/dev/postgres prints: \(String(decoding: running.stdout, as: UTF8.self))")
        }
        lock.withLock {
            script = running
            about = (port, pid_t(pid))
        }
    }

    /// kill -9 of the server.
    public func kill() throws {
        let (running, pid) = lock.withLock { (script, about.pid) }
        Glibc.kill(pid, SIGKILL)
        _ = try running?.finish()
    }

    /// Ends it as an operator would.
    public func stop() throws {
        let running = lock.withLock { script }
        running?.send(signal: SIGTERM)
        _ = try running?.finish()
    }

    deinit { try? stop() }

    public func url(database: String = "postgres", user: String = "postgres", password: String? = nil, port: Int? = nil) -> String {
        let login = (password ?? self.password).map { "\(user):\($0)" } ?? user
        return "postgres://\(login)@127.0.0.1:\(port ?? self.port)/\(database)?sslmode=disable&gssencmode=disable"
    }

    /// The name of a new database, empty.
    public func makeDatabase() throws -> String {
        let name = lock.withLock {
            names += 1
            return "test_\(names)"
        }
        try sql("CREATE DATABASE \(name)")
        return name
    }

    /// What psql prints for `text`, without headers: columns divided by |.
    @discardableResult
    public func sql(_ text: String, database: String = "postgres") throws -> String {
        let command = ["/usr/bin/env", "psql", url(database: database), "-XqAtw", "-v", "ON_ERROR_STOP=1", "-c", text]
        let result = try ToolProcess.start(command[0], Array(command.dropFirst())).finish()
        guard result.status == 0 else { throw ToolProcessError(description: "psql: \(result.stderr)") }
        return result.text.trimmingCharacters(in: .newlines)
    }

    /// Ends every connection to a database.
    public func disconnect(_ database: String) throws {
        try sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)' AND pid <> pg_backend_pid()")
    }
}
