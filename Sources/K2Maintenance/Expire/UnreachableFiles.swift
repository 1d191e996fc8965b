import K2Iceberg
import K2ObjectStore

/// The files that a table no longer reaches once some snapshots are removed: everything that the removed ones name, less everything that those
/// named which stay.
///
/// A file is named by a removed snapshot through a manifest. If that manifest also belongs to a snapshot that stays, so does the file; so only the
/// manifests that no staying snapshot lists can have files to delete, and these are read. Of what they hold, everything is taken back that a
/// staying manifest holds as well: those are read too, unless there is nothing to take back. Each manifest is read once.
struct UnreachableFiles {
    enum Kind: String {
        case data, deletes, statistics, manifest
        case manifestList = "manifest-list"

        /// In words.
        var name: String {
            switch self {
            case .data: "data file"
            case .deletes: "delete file"
            case .statistics: "statistics"
            case .manifest: "manifest"
            case .manifestList: "manifest list"
            }
        }
    }

    struct File: Equatable {
        var location: String
        var kind: Kind
        /// Bytes; nil where nothing says it.
        var size: Int64?
        /// One of the removed snapshots that name it.
        var snapshotID: Int64
    }

    /// What a removed snapshot named and could not be read; what it named in turn is left alone.
    private(set) var unread: [String] = []
    private var files: [LocationKey: File] = [:]
    /// Manifests of snapshots that stay.
    private var staying: Set<LocationKey> = []
    private let reads: ObjectReads
    private let progress: (String) -> Void

    /// - Throws: when something that a staying snapshot needs cannot be read: then nothing can be proven.
    init(
        _ metadata: TableMetadata, removing removed: [Snapshot], reads: ObjectReads, progress: @escaping (String) -> Void = { _ in }
    ) throws {
        self.reads = reads
        self.progress = progress
        let ids = Set(removed.map(\.snapshotID))
        let kept = metadata.snapshots.filter { !ids.contains($0.snapshotID) }
        let manifests = try Self.manifests(of: kept, reads)
        staying = Set(manifests.keys)
        try addManifests(of: removed)
        try addFiles()
        if files.values.contains(where: { $0.kind == .data || $0.kind == .deletes }) { try takeBack(manifests.values.sorted()) }
        for item in metadata.statisticsFiles {
            guard let id = item.snapshotID, ids.contains(id) else { continue }
            files[LocationKey(item.location)] = File(location: item.location, kind: .statistics, size: nil, snapshotID: id)
        }
        keepNames(kept, metadata.statisticsFiles.filter { item in item.snapshotID.map { !ids.contains($0) } ?? true }.map(\.location))
    }

    /// The files, in the order in which they should go: what is named before what names it.
    var all: [File] {
        let order: [Kind] = [.data, .deletes, .statistics, .manifest, .manifestList]
        let groups = Dictionary(grouping: files.values, by: \.kind)
        return order.flatMap { (groups[$0] ?? []).sorted { $0.location < $1.location } }
    }

    var keys: Set<LocationKey> { Set(files.keys) }

    /// Takes back what snapshots of a later state of the table name.
    mutating func keep(_ metadata: TableMetadata, besides known: Set<Int64>) throws {
        let new = metadata.snapshots.filter { !known.contains($0.snapshotID) }
        let manifests = try Self.manifests(of: new, reads).filter { !staying.contains($0.key) }
        for key in manifests.keys { files[key] = nil }
        staying.formUnion(manifests.keys)
        try takeBack(manifests.values.sorted())
        keepNames(new, metadata.statisticsFiles.map(\.location))
    }

    /// Takes back files that others name.
    mutating func keep(_ locations: [String]) { for location in locations { files[LocationKey(location)] = nil } }

    /// Takes out the files for which `isForeign` holds.
    mutating func remove(where isForeign: (LocationKey) -> Bool) -> Int {
        let before = files.count
        files = files.filter { !isForeign($0.key) }
        return before - files.count
    }

    // MARK: Reading

    private mutating func keepNames(_ snapshots: [Snapshot], _ statistics: [String]) { keep(snapshots.lists + statistics) }

    /// The manifests of snapshots, each once.
    private static func manifests(of snapshots: [Snapshot], _ reads: ObjectReads) throws -> [LocationKey: String] {
        var result: [LocationKey: String] = [:]
        var seen: Set<String> = []
        try reads.each(snapshots.lists, ManifestList.names) { _, names in
            for name in try names.get() where seen.insert(name.path).inserted { result[LocationKey(name.path)] = name.path }
        }
        for path in snapshots.flatMap(\.manifests) { result[LocationKey(path)] = path }
        return result
    }

    /// Lists of removed snapshots, and the manifests in them that no staying snapshot has.
    private mutating func addManifests(of removed: [Snapshot]) throws {
        var seen: Set<String> = []
        var count = 0
        let owners = Dictionary(removed.map { ($0.manifestList, $0.snapshotID) }) { first, _ in first }
        func add(_ path: String, _ size: Int64?, _ id: Int64) {
            let key = LocationKey(path)
            guard seen.insert(path).inserted, !staying.contains(key), files[key] == nil else { return }
            files[key] = File(location: path, kind: .manifest, size: size, snapshotID: id)
        }
        try reads.each(removed.lists, ManifestList.names) { location, names in
            count += 1
            progress("\(count) of \(removed.count) manifest lists read")
            let id = owners[location] ?? 0
            files[LocationKey(location)] = File(location: location, kind: .manifestList, size: nil, snapshotID: id)
            for name in try orNone(names, location) { add(name.path, name.length, id) }
        }
        for snapshot in removed { for path in snapshot.manifests { add(path, nil, snapshot.snapshotID) } }
    }

    /// What the manifests hold that are to go.
    private mutating func addFiles() throws {
        let manifests = files.values.filter { $0.kind == .manifest }.sorted { $0.location < $1.location }
        let owners = Dictionary(manifests.map { ($0.location, $0.snapshotID) }) { first, _ in first }
        var count = 0
        try reads.each(manifests.map(\.location), Manifest.liveNames) { location, names in
            count += 1
            progress("\(count) of \(manifests.count) expired manifests read")
            for name in try orNone(names, location) {
                let kind = name.content == .data ? Kind.data : .deletes
                files[LocationKey(name.path)] = File(location: name.path, kind: kind, size: name.size, snapshotID: owners[location] ?? 0)
            }
        }
    }

    /// Takes back what `manifests` hold.
    private mutating func takeBack(_ manifests: [String]) throws {
        let candidates = Set(files.keys)
        var count = 0
        try reads.each(
            manifests,
            { (bytes, location) throws(IcebergError) -> [LocationKey] in
                try Manifest.liveNames(in: bytes, location: location).map { LocationKey($0.path) }.filter { candidates.contains($0) }
            },
            take: { _, names in
                count += 1
                progress("\(count) of \(manifests.count) manifests read")
                for key in try names.get() { files[key] = nil }
            })
    }

    /// What a removed snapshot names is only needed to be deleted: where it cannot be read any more, less is deleted.
    private mutating func orNone<T>(_ result: Result<[T], IcebergError>, _ location: String) throws(IcebergError) -> [T] {
        do throws(IcebergError) { return try result.get() } catch {
            guard error.code == .missingFile || error.code == .malformed || error.code == .unsupported else { throw error }
            unread.append(error.message)
            return []
        }
    }
}
