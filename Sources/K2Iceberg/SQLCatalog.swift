import K2JSON
import K2ObjectStore
import K2SQLite

/// A catalog in an SQLite file, in the layout that pyiceberg's SQL catalog and Java's JDBC catalog share.
///
/// pyiceberg opens the same file with `load_catalog("k2", type="sql", uri="sqlite:///FILE")`: rows
/// belong to a catalog name, and other names do not see them. Serves one thread; other processes may
/// use the file at the same time.
public final class SQLCatalog: Catalog {
    public static let defaultName = "k2"

    public let name: String
    /// New tables without a location of their own go to `warehouse/namespace/table`.
    public let warehouse: String
    let database: SQLiteDatabase
    let store: any ObjectStore
    let environment: CommitEnvironment

    /// Opens or creates the file.
    public init(
        path: String, name: String = SQLCatalog.defaultName, warehouse: String, store: any ObjectStore, environment: CommitEnvironment = .system
    ) throws(IcebergError) {
        do throws(SQLiteError) { database = try SQLiteDatabase(path: path) } catch { throw IcebergError(error) }
        self.name = name
        self.warehouse = warehouse
        self.store = store
        self.environment = environment
        try sqlite { (database) throws(SQLiteError) in
            try database.transaction { (database) throws(SQLiteError) in try database.run(Self.layout) }
        }
    }

    public var capabilities: CatalogCapabilities { CatalogCapabilities(serverSideCommit: false, nestedNamespaces: true) }

    /// Word for word what pyiceberg creates.
    private static let layout = """
        CREATE TABLE IF NOT EXISTS iceberg_tables (
          catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
          metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
          PRIMARY KEY (catalog_name, table_namespace, table_name)
        );
        CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
          catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
          property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key)
        );
        """

    func sqlite<R>(_ body: (borrowing SQLiteDatabase) throws(SQLiteError) -> R) throws(IcebergError) -> R {
        do throws(SQLiteError) { return try body(database) } catch { throw IcebergError(error) }
    }

    // MARK: Namespaces

    private func text(_ namespace: [String]) throws(IcebergError) -> String {
        guard !namespace.isEmpty, namespace.allSatisfy({ !$0.isEmpty && !$0.contains(".") }) else {
            throw IcebergError(.invalid, "namespace \"\(namespace.joined(separator: "."))\": expected names without dots")
        }
        return namespace.joined(separator: ".")
    }

    public func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {
        let text = try text(namespace)
        // A namespace is its properties' rows: one without properties needs a row all the same.
        let rows = properties.isEmpty ? ["exists": "true"] : properties
        let created = try sqlite { (database) throws(SQLiteError) in
            try database.transaction { (database) throws(SQLiteError) -> Bool in
                if try self.exists(text, database) { return false }
                let insert = try database.prepare("INSERT INTO iceberg_namespace_properties VALUES (?, ?, ?, ?)")
                for key in rows.keys.sorted() {
                    try insert.bind(self.name, at: 1)
                    try insert.bind(text, at: 2)
                    try insert.bind(key, at: 3)
                    try insert.bind(rows[key], at: 4)
                    try insert.runOnce()
                }
                return true
            }
        }
        if !created { throw IcebergError(.alreadyExists, "namespace \(text): exists already") }
    }

    private func exists(_ namespace: String, _ database: borrowing SQLiteDatabase) throws(SQLiteError) -> Bool {
        let select = try database.prepare(
            """
            SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ?1 AND namespace = ?2
            UNION ALL SELECT 1 FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 LIMIT 1
            """)
        try select.bind(name, at: 1)
        try select.bind(namespace, at: 2)
        return try select.step()
    }

    public func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool {
        let text = try text(namespace)
        return try sqlite { (database) throws(SQLiteError) in try self.exists(text, database) }
    }

    public func namespaces() throws(IcebergError) -> [[String]] {
        try sqlite { (database) throws(SQLiteError) in
            let select = try database.prepare(
                """
                SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1
                UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?1 ORDER BY 1
                """)
            try select.bind(self.name, at: 1)
            var result: [[String]] = []
            while try select.step() { result.append(select.text(0).split(separator: ".").map { String($0) }) }
            return result
        }
    }

    public func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] {
        let text = try text(namespace)
        return try sqlite { (database) throws(SQLiteError) in
            let select = try database.prepare(
                """
                SELECT table_name FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?
                AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL) ORDER BY table_name
                """)
            try select.bind(self.name, at: 1)
            try select.bind(text, at: 2)
            var result: [TableIdentifier] = []
            while try select.step() { result.append(TableIdentifier(namespace, select.text(0))) }
            return result
        }
    }

    // MARK: Tables

    /// The current metadata location, or nil when there is no such table.
    func metadataLocation(_ identifier: TableIdentifier) throws(IcebergError) -> String? {
        let text = try text(identifier.namespace)
        return try sqlite { (database) throws(SQLiteError) in
            let select = try database.prepare(
                """
                SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?
                AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)
                """)
            try select.bind(self.name, at: 1)
            try select.bind(text, at: 2)
            try select.bind(identifier.name, at: 3)
            return try select.step() ? select.text(0) : nil
        }
    }

    public func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table {
        guard let location = try metadataLocation(identifier) else { throw IcebergError(.notFound, "table \(identifier): no such table") }
        let bytes: [UInt8]
        do throws(StoreError) { bytes = try store.get(location) } catch { throw IcebergError(error) }
        return Table(identifier: identifier, metadataLocation: location, metadata: try TableMetadata(reading: bytes, location: location))
    }

    public func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table {
        let namespace = try text(identifier.namespace)
        guard try namespaceExists(identifier.namespace) else { throw IcebergError(.notFound, "namespace \(namespace): no such namespace") }
        if try metadataLocation(identifier) != nil { throw IcebergError(.alreadyExists, "table \(identifier): exists already") }
        let location = creation.location ?? StoreLocation.join(StoreLocation.join(warehouse, namespace), identifier.name)
        let metadata = try TableMetadata.create(
            tableUUID: UUIDText(random: environment.random16()).description, location: location, schema: creation.schema, spec: creation.spec,
            sortOrder: creation.sortOrder, properties: creation.properties, nowMS: environment.nowMS())
        let file = try writeMetadata(metadata, version: 0)
        do throws(SQLiteError) {
            let insert = try database.prepare("INSERT INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')")
            try insert.bind(name, at: 1)
            try insert.bind(namespace, at: 2)
            try insert.bind(identifier.name, at: 3)
            try insert.bind(file, at: 4)
            try insert.runOnce()
        } catch {
            if try metadataLocation(identifier) != file {
                discard(file)
                throw error.isConstraintViolation ? IcebergError(.alreadyExists, "table \(identifier): exists already") : IcebergError(error)
            }
        }
        return Table(identifier: identifier, metadataLocation: file, metadata: metadata)
    }

    public func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {
        let text = try text(identifier.namespace)
        let dropped = try sqlite { (database) throws(SQLiteError) in
            let delete = try database.prepare("DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?")
            try delete.bind(self.name, at: 1)
            try delete.bind(text, at: 2)
            try delete.bind(identifier.name, at: 3)
            try delete.runOnce()
            return database.changes
        }
        if dropped == 0 { throw IcebergError(.notFound, "table \(identifier): no such table") }
    }

    /// Writes `metadata/NNNNN-UUID.metadata.json` and returns its location.
    func writeMetadata(_ metadata: TableMetadata, version: Int) throws(IcebergError) -> String {
        let number = String(version)
        let padded = String(repeating: "0", count: max(5 - number.count, 0)) + number
        let location = "\(metadata.metadataFolder)/\(padded)-\(UUIDText(random: environment.random16())).metadata.json"
        do throws(StoreError) { try store.put(metadata.json.bytes, to: location) } catch { throw IcebergError(error) }
        return location
    }

    /// Removes a metadata file that nothing points at. It is only rubbish, so failing to is no error.
    func discard(_ location: String) {
        _ = try? store.delete(location)
    }
}

extension IcebergError {
    init(_ error: SQLiteError) { self.init(.catalog, error.message, isRetryable: error.isRetryable) }
}
