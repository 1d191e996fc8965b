import K2Iceberg
import K2Lake
import K2ObjectStore
import K2StateStore

/// The files that a table needs or may still need: what its snapshots name, the metadata files that its log names and the snapshots of those that
/// were current not long ago, and what open batches and maintenance are writing.
///
/// Kept as hashes of 64 bits: two files that share one can only make that an orphan is not found.
struct LiveFiles {
    /// As it was when its files were noted.
    let table: Table
    private var files: Set<Int> = []
    /// By file: the hash of its name alone. Those that a listing showed are taken out.
    private var unseen: [Int: Int] = [:]
    private let places: RealPlaces

    /// - Parameter sinceMS: metadata that was current at this time or later counts with all its snapshots.
    /// - Throws: when anything cannot be read that the table needs.
    init(_ work: TableWork, sinceMS: Int64) throws {
        let (stores, progress) = (work.stores, work.progress)
        places = work.places
        let reads = ObjectReads(store: stores.objects, mayGoOn: work.mayGoOn)
        // Intents before the table: a batch that is committed meanwhile is in one of both.
        let writing = try stores.state.openIntents(table: nil).flatMap(\.files) + stores.state.maintenanceIntents(table: nil).flatMap(\.files)
        table = try stores.catalog.loadTable(work.identifier)
        let metadata = table.metadata
        for location in [table.metadataLocation] + metadata.metadataLog.map(\.metadataFile) { try note(location) }
        try note(metadata.metadataFolder + "/version-hint.text")
        for item in metadata.statisticsFiles { try note(item.location) }
        for location in writing { try note(location, isExpected: false) }
        try addSnapshots(metadata.snapshots, isOld: false, reads, progress)
        let known = Set(metadata.snapshots.map(\.snapshotID))
        let old = try Self.recentMetadata(metadata, sinceMS, reads)
        for item in old.flatMap(\.statisticsFiles) { try note(item.location, isExpected: false) }
        var seen: Set<Int64> = []
        let before = old.flatMap(\.snapshots).filter { !known.contains($0.snapshotID) && seen.insert($0.snapshotID).inserted }
        try addSnapshots(before, isOld: true, reads, progress)
    }

    // MARK: Asking

    /// Whether the table may need the file.
    func contains(_ key: LocationKey) -> Bool { files.contains(Self.hash(key)) || Self.isVersion(key.text) }

    /// Notes that a listing showed the file.
    mutating func see(_ key: LocationKey) { unseen[Self.hash(key)] = nil }

    /// Hashes of the names of those files that no listing showed: they are lost, or lie elsewhere, or the listing spells their place differently.
    var unseenNames: Set<Int> { Set(unseen.values) }

    static func nameHash(_ location: String) -> Int { hash(ExactPath(StoreLocation.name(location))) }

    static func hash(_ key: some Hashable) -> Int {
        var hasher = Hasher()
        hasher.combine(key)
        return hasher.finalize()
    }

    /// A version of a folder catalog never goes, an old or an empty one neither: a writer that slept could create the name anew, and believe that its
    /// commit was made.
    private static func isVersion(_ location: String) -> Bool { FileCatalog.versionNumber(of: StoreLocation.name(location)) != nil }

    // MARK: Filling

    /// - Parameter isExpected: the file should be there.
    private mutating func note(_ location: String, isExpected: Bool = true) throws(StoreError) {
        let hash = Self.hash(try places.key(location))
        files.insert(hash)
        if isExpected { unseen[hash] = Self.nameHash(location) }
    }

    /// - Parameter isOld: the snapshots may have been expired, so what they name need not be there.
    private mutating func addSnapshots(_ snapshots: [Snapshot], isOld: Bool, _ reads: ObjectReads, _ progress: (String) -> Void) throws {
        func orNone<T>(_ result: Result<[T], IcebergError>) throws(IcebergError) -> [T] {
            do throws(IcebergError) { return try result.get() } catch {
                if isOld, error.code == .missingFile { return [] }
                throw error
            }
        }
        var manifests: [String] = []
        var seen: Set<ExactPath> = []
        try reads.each(snapshots.lists, ManifestList.names) { location, names in
            try note(location, isExpected: !isOld)
            for name in try orNone(names) where seen.insert(ExactPath(name.path)).inserted { manifests.append(name.path) }
        }
        for path in snapshots.flatMap(\.manifests) where seen.insert(ExactPath(path)).inserted { manifests.append(path) }
        var count = 0
        try reads.each(manifests, Manifest.liveNames) { location, names in
            count += 1
            progress("\(count) of \(manifests.count) manifests read")
            try note(location, isExpected: !isOld)
            for name in try orNone(names) { try note(name.path, isExpected: !isOld) }
        }
    }

    /// The metadata before the current one that was current at `sinceMS` or later, as far as it is there.
    private static func recentMetadata(_ metadata: TableMetadata, _ sinceMS: Int64, _ reads: ObjectReads) throws -> [TableMetadata] {
        // Each was current until the next one, the last until the table's own metadata.
        let ends = metadata.metadataLog.dropFirst().map(\.timestampMS) + [metadata.lastUpdatedMS]
        let recent = zip(metadata.metadataLog, ends).filter { $0.1 >= sinceMS }.map(\.0.metadataFile)
        var result: [TableMetadata] = []
        try reads.each(
            recent, { (bytes, location) throws(IcebergError) -> TableMetadata? in
                // A folder catalog empties versions that nobody needs any more.
                bytes.isEmpty ? nil : try TableMetadata(reading: bytes, location: location)
            },
            take: { _, found in
                do throws(IcebergError) {
                    if let metadata = try found.get() { result.append(metadata) }
                } catch { if error.code != .missingFile { throw error } }
            })
        return result
    }
}
