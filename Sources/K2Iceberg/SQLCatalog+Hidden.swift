import K2ObjectStore
import K2SQL

extension SQLCatalog {
    public func entry(_ identifier: TableIdentifier) throws(IcebergError) -> CatalogEntry? {
        guard let location = try metadataLocation(identifier) else { return nil }
        return try entry(identifier, at: location)
    }

    private func entry(_ identifier: TableIdentifier, at location: String) throws(IcebergError) -> CatalogEntry {
        try CatalogEntry(identifier, at: location) { () throws(IcebergError) in
            let bytes: [UInt8]
            do throws(StoreError) { bytes = try store.get(location) } catch { throw IcebergError(error) }
            return try TableOutline(reading: bytes, location: location)
        }
    }

    /// The tables in the database's rows of other catalog names.
    public func hiddenTables() throws(IcebergError) -> [CatalogEntry] {
        let rows = try sql { () throws(SQLError) in
            var rows: [(identifier: TableIdentifier, location: String)] = []
            let found = try engine.read(
                """
                SELECT catalog_name, table_namespace, table_name, COALESCE(metadata_location, '') FROM iceberg_tables
                WHERE catalog_name <> ?1 AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)
                """, [.text(name)])
            for row in found { rows.append((TableIdentifier([try row.text(0), try row.text(1)], try row.text(2)), try row.text(3))) }
            return rows
        }
        return try rows.map { (row) throws(IcebergError) in
            if !row.location.isEmpty { return try entry(row.identifier, at: row.location) }
            return CatalogEntry(row.identifier, at: nil, outline: .failure(IcebergError(.malformed, "expected the location of its metadata, found none")))
        }
    }
}
