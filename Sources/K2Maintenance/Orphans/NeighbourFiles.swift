import K2Iceberg
import K2Lake
import K2ObjectStore

/// Which of some files other tables of the catalog name, wherever those tables lie: a table may have taken files of another one in as its own.
enum NeighbourFiles {
    /// Those of `candidates` that the metadata of any other table names, through any of its snapshots. Nothing is read when there are no candidates,
    /// and of what is read only candidates are kept.
    ///
    /// - Throws: when another table, or anything that its snapshots name, cannot be read: then it cannot be said.
    static func named(_ candidates: Set<LocationKey>, besides own: TableIdentifier, _ work: TableWork) throws -> Set<LocationKey> {
        if candidates.isEmpty { return [] }
        let catalog = work.stores.catalog
        var found: Set<LocationKey> = []
        for namespace in try catalog.namespaces() {
            for identifier in try catalog.tables(in: namespace) where identifier != own {
                // One that was dropped meanwhile needs nothing.
                guard let table = try catalog.findTable(identifier) else { continue }
                try add(table, candidates, work, &found)
            }
        }
        for table in try catalog.hiddenTables() { try add(table, candidates, work, &found) }
        return found
    }

    private static func add(_ table: Table, _ candidates: Set<LocationKey>, _ work: TableWork, _ found: inout Set<LocationKey>) throws {
        let (metadata, reads) = (table.metadata, ObjectReads(store: work.stores.objects, mayGoOn: work.mayGoOn))
        try work.mayGoOn()
        work.progress("looking for the files in table \(table.identifier)")
        let lists = metadata.snapshots.map(\.manifestList)
        let names = [table.metadataLocation] + metadata.metadataLog.map(\.metadataFile) + metadata.statisticsFiles.map(\.location) + lists
        found.formUnion(names.lazy.map { LocationKey($0) }.filter { candidates.contains($0) })
        do {
            var manifests: Set<String> = []
            try reads.each(lists, ManifestList.names) { _, names in for name in try names.get() { manifests.insert(name.path) } }
            found.formUnion(manifests.lazy.map { LocationKey($0) }.filter { candidates.contains($0) })
            try reads.each(
                manifests.sorted(),
                { (bytes, location) throws(IcebergError) -> [LocationKey] in
                    try Manifest.liveNames(in: bytes, location: location).map { LocationKey($0.path) }.filter { candidates.contains($0) }
                },
                take: { _, keys in found.formUnion(try keys.get()) })
        } catch let error as IcebergError {
            throw IcebergError(error.code, "table \(table.identifier), which may name files of this one: \(error.message)", isRetryable: error.isRetryable)
        }
    }
}
