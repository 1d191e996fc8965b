import K2Iceberg
import K2ObjectStore

/// What a path below a table's location says about itself.
struct TablePaths {
    /// The location with a slash at its end, as the table spells it.
    let prefix: String
    private let folder: LocationKey
    /// `name=`, as folders of partitions begin.
    private let partitions: Set<String>

    init(_ metadata: TableMetadata) {
        prefix = metadata.location.hasSuffix("/") ? metadata.location : metadata.location + "/"
        folder = LocationKey.folder(metadata.location)
        partitions = Set(metadata.partitionSpecs.flatMap { $0.fields.map { $0.name } })
    }

    /// The path below the location; nil for what does not lie there.
    func relative(_ location: String) -> String? {
        let key = LocationKey(location)
        guard key != folder, key.isInside(folder) else { return nil }
        return String(key.text.dropFirst(folder.text.count).drop { $0 == "/" })
    }

    /// Hidden are files and folders that begin with `_` or `.`, as other engines have it: they belong to somebody who knows them. The folders
    /// of partitions whose field begins so are not.
    func isHidden(_ relative: String) -> Bool {
        relative.split(separator: "/", omittingEmptySubsequences: false).contains { part in
            guard part.hasPrefix("_") || part.hasPrefix(".") else { return false }
            guard let equal = part.firstIndex(of: "=") else { return true }
            return !partitions.contains(String(part[..<equal]))
        }
    }

    // MARK: Quarantine

    /// Below the location, and hidden.
    static let quarantine = "_quarantine"

    var quarantinePrefix: String { prefix + Self.quarantine + "/" }

    func quarantineFolder(_ id: String) -> String { quarantinePrefix + id + "/" }
    func quarantineManifest(_ id: String) -> String { quarantineFolder(id) + "manifest.ndjson" }
    func quarantined(_ relative: String, _ id: String) -> String { quarantineFolder(id) + "files/" + relative }
}
