import Foundation
import K2JSON
import K2ObjectStore

/// An S3 store for tests that reads and writes a handful of objects, each with a Python of its own.
struct PythonS3Store: ObjectStore {
    let endpoint: String
    let accessKey: String
    let secretKey: String

    var capabilities: StoreCapabilities { StoreCapabilities(atomicPutIfAbsent: false, durablePut: true, consistentListing: true) }

    private func run(_ action: String, _ location: String, _ file: String = "") throws(StoreError) -> JSONValue {
        do {
            guard let python = Python.main else { throw StoreError(.inputOutput, at: location, "no python") }
            let answer = try python.run(Scripts.s3Object, [endpoint, accessKey, secretKey, action, location, file])
            if answer["missing"] == true { throw StoreError(.notFound, at: location, "no such object") }
            return answer
        } catch let error as StoreError { throw error } catch { throw StoreError(.inputOutput, at: location, "\(error)") }
    }

    func get(_ location: String) throws(StoreError) -> [UInt8] {
        guard let text = try run("get", location)["bytes"]?.stringValue, let data = Data(base64Encoded: text) else {
            throw StoreError(.inputOutput, at: location, "no bytes")
        }
        return [UInt8](data)
    }

    func put(_ bytes: [UInt8], to location: String) throws(StoreError) {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("k2-put-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        guard FileManager.default.createFile(atPath: file, contents: Data(bytes)) else { throw StoreError(.inputOutput, at: location, "no temporary file") }
        _ = try run("put", location, file)
    }

    func delete(_ location: String) throws(StoreError) -> Bool { try run("delete", location)["done"] == true }

    func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] { throw Self.absent(location) }
    func size(_ location: String) throws(StoreError) -> Int64 { throw Self.absent(location) }
    func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) { throw Self.absent(location) }
    func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter { throw Self.absent(location) }
    func list(prefix: String) throws(StoreError) -> [StoredObject] { throw Self.absent(prefix) }

    private static func absent(_ location: String) -> StoreError { StoreError(.invalidLocation, at: location, "not part of the tests' store") }
}
