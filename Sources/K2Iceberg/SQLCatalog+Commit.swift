import K2ObjectStore
import K2SQL

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
        do throws(SQLError) { if try compareAndSwap(identifier, from: old, to: new) { return } } catch {
            return try settle(error, identifier, new: new) { found, table in
                if found == old { return false }
                // Somebody went on since, from our state or past it.
                let log = table()?.metadata.metadataLog.map(\.metadataFile) ?? []
                return log.contains(new) ? true : log.contains(old) ? false : nil
            }
        }
        discard(new)
        guard let found = try metadataLocation(identifier) else { throw IcebergError(.notFound, "table \(identifier): no such table") }
        throw IcebergError(.conflict, "table \(identifier): another writer committed \(StoreLocation.name(found)) first", isRetryable: true)
    }

    private func compareAndSwap(_ identifier: TableIdentifier, from old: String, to new: String) throws(SQLError) -> Bool {
        try engine.write(
            """
            UPDATE iceberg_tables SET metadata_location = ?1, previous_metadata_location = ?2
            WHERE catalog_name = ?3 AND table_namespace = ?4 AND table_name = ?5 AND metadata_location = ?2
            """, [.text(new), .text(old), .text(name), .text(identifier.namespace.joined(separator: ".")), .text(identifier.name)]) == 1
    }

    /// Enters a new table that points at `file`.
    func enter(_ identifier: TableIdentifier, pointingAt file: String, uuid: String) throws(IcebergError) {
        do throws(SQLError) {
            try engine.write(
                """
                INSERT INTO iceberg_tables
                  (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type)
                VALUES (?1, ?2, ?3, ?4, NULL, 'TABLE')
                """, [.text(name), .text(identifier.namespace.joined(separator: ".")), .text(identifier.name), .text(file)])
        } catch {
            if error.code == .duplicate {
                discard(file)
                throw IcebergError(.alreadyExists, "table \(identifier): exists already")
            }
            try settle(error, identifier, new: file) { found, table in
                found == nil ? false : table().map { $0.metadata.tableUUID == uuid }
            }
        }
    }

    /// Finds out whether a change that failed with `failure` was made all the same. Returns if so; otherwise removes `new` and throws.
    ///
    /// - Parameter wasMade: decides it for a table that does not point at `new`, from where it points (nil: there is none) and the
    ///   table as it is, which is nil when it cannot be read; nil when it cannot be said.
    private func settle(
        _ failure: SQLError, _ identifier: TableIdentifier, new: String, _ wasMade: (_ found: String?, _ table: () -> Table?) -> Bool?
    ) throws(IcebergError) {
        var answer: Bool? = false
        var reason = "the table has a history without it"
        // Others were in the way, or there was no connection: nothing was begun.
        if failure.code != .busy && failure.code != .connection {
            do throws(IcebergError) {
                let found = try patiently { () throws(IcebergError) in try self.metadataLocation(identifier) }
                answer = found == new ? true : wasMade(found) { try? self.loadTable(identifier) }
            } catch {
                answer = nil
                reason = "reading back: \(error.message)"
            }
        }
        switch answer {
        case true: return
        case false:
            discard(new)
            throw IcebergError(.catalog, failure.message, isRetryable: failure.isRetryable)
        case nil:
            throw IcebergError(.outcomeUnknown, "table \(identifier): commit outcome unknown: \(failure.message); \(reason)")
        }
    }

    /// Runs `body` again for a few seconds while the database cannot be reached: a server that restarts is soon back.
    private func patiently<R>(_ body: () throws(IcebergError) -> R) throws(IcebergError) -> R {
        for attempt in 0..<5 {
            do throws(IcebergError) { return try body() } catch { if !error.isRetryable { throw error } }
            environment.sleepMS(200 << Int64(attempt))
        }
        return try body()
    }
}
