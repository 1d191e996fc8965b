import K2Iceberg
import K2Lake
import K2ObjectStore

/// What a path below a table's location says about itself.
struct TablePaths {
    /// The location with a slash at its end, as the table spells it.
    let prefix: String
    private let folder: LocationKey
    private let places: RealPlaces
    /// `name=`, as folders of partitions begin.
    private let partitions: Set<ExactPath>

    init(_ metadata: TableMetadata, _ places: RealPlaces) throws(StoreError) {
        self.places = places
        prefix = metadata.location.hasSuffix("/") ? metadata.location : metadata.location + "/"
        folder = try places.folder(metadata.location)
        partitions = Set(metadata.partitionSpecs.flatMap { $0.fields.map { ExactPath($0.name) } })
    }

    /// The path below the location; nil for what does not lie there. A link is at the place of its name.
    func relative(_ location: String) throws(StoreError) -> String? { relative(try places.place(location)) }

    func relative(_ place: RealPlaces.Place) -> String? { place.name.path(below: folder) }

    /// Hidden are files and folders that begin with `_` or `.`, as other engines have it: they belong to somebody who knows them. The folders
    /// of partitions whose field begins so are not.
    func isHidden(_ relative: String) -> Bool {
        relative.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).contains { part in
            guard let first = part.first, first == UInt8(ascii: "_") || first == UInt8(ascii: ".") else { return false }
            guard let equal = part.firstIndex(of: UInt8(ascii: "=")) else { return true }
            return !partitions.contains(ExactPath(String(Substring(part[..<equal]))))
        }
    }

    // MARK: Quarantine

    /// Below the location, and hidden.
    static let quarantine = "_quarantine"

    var quarantinePrefix: String { prefix + Self.quarantine + "/" }

    func quarantineFolder(_ id: String) -> String { quarantinePrefix + id + "/" }
    func quarantineManifest(_ id: String) -> String { quarantineFolder(id) + "manifest.ndjson" }
    func quarantined(_ relative: String, _ id: String) -> String { quarantineFolder(id) + "files/" + relative }

    /// Where a file of the plan lies in quarantine.
    /// - Throws: when it does not come from below the location.
    func quarantined(_ file: OrphanPlan.File, _ id: String) throws -> String {
        guard let relative = try relative(file.location) else {
            throw LakeError(.failed, "\(file.location): expected a file under \(prefix): where it is in quarantine \(id) is not known")
        }
        return quarantined(relative, id)
    }
}
