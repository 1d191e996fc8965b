import Foundation

/// A Python interpreter with the foreign engines that say whether our tables are right.
public struct TestPython: Sendable {
    public let interpreter: String

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static var packageRoot: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }

    /// pyiceberg, pyarrow, DuckDB and chdb: `K2_TEST_PYTHON`, or `.venv/bin/python` in the package. In CI it must be there.
    public static let main: TestPython? = {
        let path = environment("K2_TEST_PYTHON") ?? packageRoot + "/.venv/bin/python"
        if FileManager.default.isExecutableFile(atPath: path) { return TestPython(interpreter: path) }
        return environment("CI") == nil ? nil : TestPython(interpreter: path)
    }()

    /// DuckDB with its Iceberg extension, which exists for 1.5.5 only: `K2_TEST_DUCKDB_ICEBERG_PYTHON`.
    public static let duckDB: TestPython? = environment("K2_TEST_DUCKDB_ICEBERG_PYTHON").map { TestPython(interpreter: $0) }

    /// Runs `script` with `arguments`; what it prints. Throws what it wrote to stderr when it fails.
    @discardableResult
    public func run(_ script: String, _ arguments: [String] = [], seconds: Int = 120) throws -> String {
        let result = try ToolProcess.start(interpreter, ["-c", script] + arguments).finish(seconds: seconds)
        guard result.status == 0 else {
            throw ToolProcessError(description: "python ended with \(result.status):\n\(result.stderr.suffix(4000))")
        }
        return result.text
    }
}
