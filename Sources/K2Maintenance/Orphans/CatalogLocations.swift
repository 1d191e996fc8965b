import K2Iceberg
import K2Lake
import K2ObjectStore

/// Where the tables of a catalog lie and what they name, so that nothing is touched that another table may need. One for all tables of a run.
public final class CatalogLocations {
    private struct Place {
        var identifier: TableIdentifier
        var folders: [LocationKey]
        /// Why the table cannot be read: then its folder is taken from the place of its metadata.
        var failure: IcebergError?
    }

    private var places: [TableIdentifier: Place] = [:]
    private var isKnown = false
    let neighbours = NeighbourFiles()

    public init() {}

    /// - Throws: as `checkShared`, and when the location is too wide for all that lies there to be the table's.
    func check(_ table: Table, _ work: TableWork) throws {
        let own = try work.places.folder(table.metadata.location)
        guard Self.isDeepEnough(own) else {
            throw LakeError(.configuration, "\(table.identifier.name): \(table.metadata.location): too wide to be one table's location: nothing is looked for there")
        }
        try checkShared(table, work)
    }

    /// - Throws: `LakeError` when the table's location is that of another table, lies in one, or holds one, or may; `IcebergError` when nothing says where
    ///   another table lies.
    func checkShared(_ table: Table, _ work: TableWork) throws {
        let own = try work.places.folder(table.metadata.location)
        for place in try others(table, work) {
            for folder in place.folders where folder.isInside(own) || own.isInside(folder) {
                if let failure = place.failure {
                    throw LakeError(
                        .failed, "\(table.identifier.name): its location \(own) may be shared with table \(place.identifier), which cannot be read: \(failure.message): nothing is touched there",
                        hint: NeighbourFiles.hint)
                }
                throw LakeError(
                    .configuration, "\(table.identifier.name): its location \(own) is shared with table \(place.identifier) at \(folder): nothing is touched there")
            }
        }
    }

    /// A bucket, a disk or a home is no table's own.
    private static func isDeepEnough(_ key: LocationKey) -> Bool {
        let parts = key.text.split(separator: "/")
        return parts.count >= (key.text.hasPrefix("/") ? 2 : 3)
    }

    private func others(_ table: Table, _ work: TableWork) throws -> [Place] {
        if !isKnown {
            for entry in try work.stores.catalog.entries(besides: table.identifier) { places[entry.identifier] = try Self.place(entry, work.places) }
            isKnown = true
        }
        places[table.identifier] = Place(identifier: table.identifier, folders: try TableFolders(table.metadata, work.places).all)
        return places.values.filter { $0.identifier != table.identifier }.sorted { $0.identifier.description < $1.identifier.description }
    }

    private static func place(_ entry: CatalogEntry, _ places: RealPlaces) throws -> Place {
        switch entry.outline {
        case .success(let outline): return Place(identifier: entry.identifier, folders: try TableFolders(outline, places).all)
        case .failure(let failure):
            guard let location = entry.likelyLocation else { throw failure.at("table \(entry.identifier)") }
            return Place(identifier: entry.identifier, folders: [try places.folder(location)], failure: failure)
        }
    }
}
