import K2Avro

// What names what, without the statistics that manifests carry: enough to tell which files a snapshot needs.

/// A manifest as a manifest list names it.
public struct ManifestName: Equatable, Sendable {
    public var path: String
    /// Bytes.
    public var length: Int64
    public var content: ManifestContent

    public init(path: String, length: Int64, content: ManifestContent) {
        self.path = path
        self.length = length
        self.content = content
    }
}

/// A live file as a manifest names it.
public struct FileName: Equatable, Sendable {
    public var path: String
    /// Bytes.
    public var size: Int64
    public var content: DataFile.Content

    public init(path: String, size: Int64, content: DataFile.Content) {
        self.path = path
        self.size = size
        self.content = content
    }
}

extension ManifestList {
    /// The manifests in a list of format version 1 or 2.
    public static func names(in bytes: [UInt8], location: String) throws(IcebergError) -> [ManifestName] {
        do throws(AvroError) {
            var names: [ManifestName] = []
            var scan = try AvroScan(bytes, fields: [[500], [501], [517]])
            while try scan.next() {
                guard let path = try scan.text(0), let length = scan.integer(1), length >= 0,
                    let content = ManifestContent(rawValue: Int(scan.integer(2) ?? 0))
                else { throw AvroError(.malformed, "manifest list: expected path, length and content of a manifest") }
                names.append(ManifestName(path: path, length: length, content: content))
            }
            return names
        } catch { throw IcebergError(error, reading: location) }
    }
}

extension Manifest {
    /// The live files in a manifest of format version 1 or 2: those that it has not marked as deleted.
    public static func liveNames(in bytes: [UInt8], location: String) throws(IcebergError) -> [FileName] {
        do throws(AvroError) {
            var names: [FileName] = []
            var scan = try AvroScan(bytes, fields: [[0], [2, 100], [2, 104], [2, 134]])
            while try scan.next() {
                guard let status = scan.integer(0).flatMap({ ManifestEntry.Status(rawValue: Int($0)) }), let path = try scan.text(1),
                    let content = DataFile.Content(rawValue: Int(scan.integer(3) ?? 0))
                else { throw AvroError(.malformed, "manifest: expected status, path and content of a file") }
                if status != .deleted { names.append(FileName(path: path, size: scan.integer(2) ?? 0, content: content)) }
            }
            return names
        } catch { throw IcebergError(error, reading: location) }
    }
}
