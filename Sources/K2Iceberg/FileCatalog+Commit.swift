import K2JSON
import K2ObjectStore

extension FileCatalog {
    public func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        let identifier = base.identifier
        try FileLayout.check(identifier)
        let number = MetadataCommit.version(of: base.metadataLocation)
        guard base.metadataLocation == layout.version(number, of: identifier) else {
            throw IcebergError(.invalid, "table \(identifier): \(base.metadataLocation) is no version of it in this catalog")
        }
        let next = try MetadataCommit(updates, requirements: requirements, on: base, nowMS: environment.nowMS())
        try checkProperties(next.metadata, identifier)
        let location = layout.version(number + 1, of: identifier)
        guard try putExclusively(next.metadata.json.bytes, at: location) else {
            throw IcebergError(.conflict, "table \(identifier): another writer committed \(StoreLocation.name(location)) first", isRetryable: true)
        }
        writeHint(identifier, number + 1)
        for file in next.removable { remove(file, of: identifier) }
        return Table(identifier: identifier, metadataLocation: location, metadata: next.metadata)
    }

    /// Empties a version, whose name must stay taken; deletes other files. They are only rubbish, so failing to is no error.
    private func remove(_ file: String, of identifier: TableIdentifier) {
        if file.hasPrefix(layout.metadataFolder(identifier) + "/"), FileLayout.versionNumber(StoreLocation.name(file)) != nil {
            try? store.put([], to: file)
        } else {
            _ = try? store.delete(file)
        }
    }
}
