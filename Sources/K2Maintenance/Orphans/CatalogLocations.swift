import K2Iceberg
import K2Lake
import K2ObjectStore

/// Where all the tables of a catalog lie, so that nothing is touched that another table may need.
public final class CatalogLocations {
    private var folders: [TableIdentifier: [LocationKey]]?

    public init() {}

    /// - Throws: as `checkShared`, and when the location is too wide for all that lies there to be the table's.
    func check(_ table: Table, in catalog: any Catalog) throws {
        let own = LocationKey.folder(table.metadata.location)
        guard Self.isDeepEnough(own) else {
            throw LakeError(.configuration, "\(table.identifier.name): \(table.metadata.location): too wide to be one table's location: nothing is looked for there")
        }
        try checkShared(table, in: catalog)
    }

    /// - Throws: `LakeError` when the table's location is that of another table, lies in one, or holds one; `IcebergError` when a table's metadata
    ///   cannot be read: then it cannot be said.
    func checkShared(_ table: Table, in catalog: any Catalog) throws {
        let own = LocationKey.folder(table.metadata.location)
        for (identifier, folders) in try all(catalog).sorted(by: { $0.key.description < $1.key.description }) where identifier != table.identifier {
            for folder in folders where folder.isInside(own) || own.isInside(folder) {
                throw LakeError(
                    .configuration, "\(table.identifier.name): its location \(own) is shared with table \(identifier) at \(folder): nothing is touched there")
            }
        }
    }

    /// A bucket, a disk or a home is no table's own.
    private static func isDeepEnough(_ key: LocationKey) -> Bool {
        let parts = key.text.split(separator: "/")
        return parts.count >= (key.text.hasPrefix("/") ? 2 : 3)
    }

    private func all(_ catalog: any Catalog) throws(IcebergError) -> [TableIdentifier: [LocationKey]] {
        if let folders { return folders }
        var result: [TableIdentifier: [LocationKey]] = [:]
        for namespace in try catalog.namespaces() {
            for identifier in try catalog.tables(in: namespace) {
                // One that was dropped meanwhile needs nothing.
                guard let table = try catalog.findTable(identifier) else { continue }
                result[identifier] = TableFolders(table.metadata).all
            }
        }
        for table in try catalog.hiddenTables() { result[table.identifier] = TableFolders(table.metadata).all }
        folders = result
        return result
    }
}
