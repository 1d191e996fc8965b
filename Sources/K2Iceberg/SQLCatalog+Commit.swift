import K2ObjectStore
import K2SQLite

extension SQLCatalog {
    public func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        let next = try MetadataCommit(updates, requirements: requirements, on: base, nowMS: environment.nowMS())
        let location = try writeMetadata(next.metadata, version: MetadataCommit.version(of: base.metadataLocation) + 1)
        try swap(base.identifier, from: base.metadataLocation, to: location)
        for file in next.removable { discard(file) }
        return Table(identifier: base.identifier, metadataLocation: location, metadata: next.metadata)
    }

    /// Points the table at `new` if it still points at `old`.
    private func swap(_ identifier: TableIdentifier, from old: String, to new: String) throws(IcebergError) {
        var failure: SQLiteError?
        do throws(SQLiteError) {
            if try compareAndSwap(identifier, from: old, to: new) { return }
        } catch {
            failure = error
        }
        if let failure, failure.isRetryable {
            // Locked: SQLite did not begin, so nothing is stored.
            discard(new)
            throw IcebergError(failure)
        }
        let found: String?
        do throws(IcebergError) { found = try metadataLocation(identifier) } catch {
            guard let failure else { throw error }
            throw IcebergError(.outcomeUnknown, "table \(identifier): commit outcome unknown: \(failure.message); reading back: \(error.message)")
        }
        if found == new { return }
        discard(new)
        if let failure { throw IcebergError(failure) }
        guard let found else { throw IcebergError(.notFound, "table \(identifier): no such table") }
        throw IcebergError(.conflict, "table \(identifier): another writer committed \(StoreLocation.name(found)) first", isRetryable: true)
    }

    private func compareAndSwap(_ identifier: TableIdentifier, from old: String, to new: String) throws(SQLiteError) -> Bool {
        let update = try database.prepare(
            """
            UPDATE iceberg_tables SET metadata_location = ?1, previous_metadata_location = ?2
            WHERE catalog_name = ?3 AND table_namespace = ?4 AND table_name = ?5 AND metadata_location = ?2
            """)
        try update.bind(new, at: 1)
        try update.bind(old, at: 2)
        try update.bind(name, at: 3)
        try update.bind(identifier.namespace.joined(separator: "."), at: 4)
        try update.bind(identifier.name, at: 5)
        try update.runOnce()
        return database.changes == 1
    }
}
