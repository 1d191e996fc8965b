import K2SQL

extension SQLCatalog {
    /// The tables in the database's rows of other catalog names.
    public func hiddenTables() throws(IcebergError) -> [Table] {
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
        var tables: [Table] = []
        for row in rows {
            guard !row.location.isEmpty else { throw IcebergError(.malformed, "table \(row.identifier): expected the location of its metadata, found none") }
            do throws(IcebergError) { tables.append(try table(row.identifier, at: row.location)) } catch { throw error.at("table \(row.identifier)") }
        }
        return tables
    }
}
