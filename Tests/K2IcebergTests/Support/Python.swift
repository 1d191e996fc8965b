import Foundation
import K2JSON

/// Runs the foreign readers and writers that say whether our files are right.
struct Python {
    let interpreter: String

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static var packageRoot: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    /// pyiceberg, pyarrow and chdb: `K2_TEST_PYTHON`, or `.venv/bin/python` in the package. In CI it must be there.
    static let main: Python? = {
        let path = environment("K2_TEST_PYTHON") ?? packageRoot + "/.venv/bin/python"
        if FileManager.default.isExecutableFile(atPath: path) { return Python(interpreter: path) }
        return environment("CI") == nil ? nil : Python(interpreter: path)
    }()

    /// DuckDB with its Iceberg extension, which exists for 1.5.5 only: `K2_TEST_DUCKDB_ICEBERG_PYTHON`.
    static let duckDB: Python? = environment("K2_TEST_DUCKDB_ICEBERG_PYTHON").map { Python(interpreter: $0) }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs `script` with `arguments` and returns the JSON that it prints.
    @discardableResult
    func run(_ script: String, _ arguments: [String]) throws -> JSONValue {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: interpreter)
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        let errors = FileManager.default.temporaryDirectory.appendingPathComponent("k2-python-\(UUID().uuidString).txt")
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errors) }
        let errorFile = try FileHandle(forWritingTo: errors)
        process.standardOutput = output
        process.standardError = errorFile
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let text = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
            throw Failure(description: "python ended with \(process.terminationStatus):\n\(text.suffix(4000))")
        }
        let bytes = [UInt8](data)
        return bytes.isEmpty ? .null : try JSONValue(parsing: bytes)
    }
}
