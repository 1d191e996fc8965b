import Foundation

/// A SeaweedFS of the tests: an S3 store and an Iceberg REST catalog. It ends with this process, and nothing of it stays.
public final class TestObjectStore: Sendable {
    /// `http://127.0.0.1:PORT`.
    public let s3: String
    public let catalog: String
    public let region: String
    public let accessKey = "k2test"
    public let secretKey = "k2test-secret"
    /// One that exists.
    public let bucket = "lake"
    /// The catalog's warehouse.
    public let warehouse = "warehouse"

    /// Whether it can be had: `weed` stands beside the interpreter of `TestPython.main`. In CI it must be there.
    public static let isAvailable: Bool = {
        if ProcessInfo.processInfo.environment["CI"].map({ !$0.isEmpty }) == true { return true }
        return program.map { FileManager.default.isExecutableFile(atPath: $0) } ?? false
    }()

    /// Started at the first use and shared by all tests, which take prefixes of their own.
    public static func shared() throws -> TestObjectStore { try server.get() }

    private static let server = Result { try TestObjectStore() }

    private static var program: String? {
        TestPython.main.map { URL(fileURLWithPath: $0.interpreter).deletingLastPathComponent().appendingPathComponent("weed").path }
    }

    private static var script: String {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return tests.deletingLastPathComponent().appendingPathComponent("scripts/dev/seaweedfs").path
    }

    // Kept for the life of the process: it is killed when this goes.
    private nonisolated(unsafe) let process: RunningTool

    private init() throws {
        guard let python = TestPython.main else { throw ToolProcessError(description: "no Python for the tests: set K2_TEST_PYTHON") }
        process = try ToolProcess.start(
            Self.script, ["--access-key", accessKey, "--secret-key", secretKey, "--bucket", bucket, "--table-bucket", warehouse],
            environment: ["K2_SEAWEEDFS_PYTHON": python.interpreter])
        while !process.stdout.contains(UInt8(ascii: "\n")) {
            let before = process.stdout.count
            try process.read(atLeast: before + 1, seconds: 120)
            guard process.stdout.count > before else {
                throw ToolProcessError(description: "seaweedfs does not come up: \(String(decoding: process.stderr, as: UTF8.self))")
            }
        }
        struct Line: Decodable { var s3, catalog, region: String }
        let line = try JSONDecoder().decode(Line.self, from: Data(process.stdout))
        (s3, catalog, region) = (line.s3, line.catalog, line.region)
    }
}
