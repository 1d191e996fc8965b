import Foundation
import K2HTTP
import K2Iceberg
import K2ObjectStore
import K2TestSupport

/// A real Iceberg REST catalog with its S3 store (`scripts/dev/seaweedfs`), one for all tests of the run.
///
/// It ends with the process that runs the tests.
final class SeaweedFS: @unchecked Sendable {
    let catalog: String
    let s3: String
    /// An empty folder, new with each run.
    private let folder: String
    // Used by nobody: held so that the server goes on.
    private let process: RunningTool

    static let accessKey = "k2test"
    static let secretKey = "k2test-secret"
    static let warehouse = "warehouse"

    /// Whether the package of `Tests/Foreign/requirements.txt` is there beside the tests' Python. In CI it must be.
    static let isThere: Bool = {
        guard let python = Python.main else { return false }
        let program = URL(fileURLWithPath: python.interpreter).deletingLastPathComponent().appendingPathComponent("weed").path
        return FileManager.default.isExecutableFile(atPath: program) || ProcessInfo.processInfo.environment["CI"] != nil
    }()

    static let shared = Result { try SeaweedFS() }

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("k2-weed-\(UUID().uuidString)").path
        let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        let ports = folder + ".json"
        process = try ToolProcess.start(
            "\(root)/scripts/dev/seaweedfs",
            ["--path", folder, "--port-file", ports, "--table-bucket", Self.warehouse, "--access-key", Self.accessKey, "--secret-key", Self.secretKey],
            environment: ["K2_SEAWEEDFS_PYTHON": Python.main?.interpreter ?? ""])
        let line = try Self.wait(for: ports)
        guard let catalog = line["catalog"] as? String, let s3 = line["s3"] as? String else { throw TestTrouble("seaweedfs: no addresses") }
        (self.catalog, self.s3) = (catalog, s3)
        atexit { if case .success(let server) = SeaweedFS.shared { try? FileManager.default.removeItem(atPath: server.folder) } }
    }

    private static func wait(for ports: String) throws -> [String: Any] {
        for _ in 0..<1_200 {
            if let data = FileManager.default.contents(atPath: ports), let line = try? JSONSerialization.jsonObject(with: data) as? [String: Any] {
                try? FileManager.default.removeItem(atPath: ports)
                return line
            }
            usleep(50_000)
        }
        throw TestTrouble("seaweedfs: not ready within a minute")
    }

    var address: CatalogAddress {
        get throws {
            var address = try CatalogAddress(uri: catalog)
            address.warehouse = Self.warehouse
            address.credential = CatalogAddress.Credential("\(Self.accessKey):\(Self.secretKey)")
            return address
        }
    }

    /// For pyiceberg.
    var properties: [String: String] {
        [
            "type": "rest", "uri": catalog, "warehouse": Self.warehouse, "credential": "\(Self.accessKey):\(Self.secretKey)", "s3.endpoint": s3,
            "s3.access-key-id": Self.accessKey, "s3.secret-access-key": Self.secretKey, "s3.region": "us-east-1",
        ]
    }
}
