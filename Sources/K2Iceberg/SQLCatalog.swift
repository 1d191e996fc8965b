import K2JSON
import K2ObjectStore
import K2Postgres
import K2SQL
import K2SQLite

/// A catalog in an SQLite file or a PostgreSQL database, in the layout that pyiceberg's SQL catalog and Java's JDBC catalog share.
///
/// pyiceberg opens the same with `load_catalog("k2", type="sql", uri="sqlite:///FILE")` or `uri="postgresql+psycopg2://…"`: rows
/// belong to a catalog name, and other names do not see them. Serves one thread; other processes may use the database at the same time.
public final class SQLCatalog: Catalog {
    public static let defaultName = "k2"

    public let name: String
    /// New tables without a location of their own go to `warehouse/namespace/table`.
    public let warehouse: String
    let engine: any SQLEngine
    let store: any ObjectStore
    let environment: CommitEnvironment

    /// What our writers of these tables take turns with in a PostgreSQL database: "k2 catal" in ASCII. Other programs do not know it,
    /// and need not: a commit is one conditional update.
    private static let writerLock: Int64 = 0x6b32_2063_6174_616c

    /// Opens or creates the SQLite file.
    public convenience init(
        path: String, name: String = SQLCatalog.defaultName, warehouse: String, store: any ObjectStore, environment: CommitEnvironment = .system
    ) throws(IcebergError) {
        let engine: SQLiteEngine
        do throws(SQLError) { engine = try SQLiteEngine(path: path) } catch { throw IcebergError(error) }
        try self.init(engine, name: name, warehouse: warehouse, store: store, environment: environment)
    }

    /// Connects to a PostgreSQL database, `postgres://USER@HOST:PORT/DATABASE`.
    public convenience init(
        postgres url: String, limits: PostgresEngine.Limits = .init(), name: String = SQLCatalog.defaultName, warehouse: String,
        store: any ObjectStore, environment: CommitEnvironment = .system
    ) throws(IcebergError) {
        let engine: PostgresEngine
        do throws(SQLError) { engine = try PostgresEngine(url: url, writerLock: Self.writerLock, limits: limits) } catch {
            throw IcebergError(error)
        }
        try self.init(engine, name: name, warehouse: warehouse, store: store, environment: environment)
    }

    init(
        _ engine: any SQLEngine, name: String, warehouse: String, store: any ObjectStore, environment: CommitEnvironment
    ) throws(IcebergError) {
        self.engine = engine
        self.name = name
        self.warehouse = warehouse
        self.store = store
        self.environment = environment
        do throws(SQLError) { try makeTables() } catch { throw IcebergError(error) }
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

    /// Who may only read or change rows need not be allowed to make tables.
    private func makeTables() throws(SQLError) {
        if try engine.hasTable("iceberg_tables"), try engine.hasTable("iceberg_namespace_properties") { return }
        do throws(SQLError) { try engine.transaction { () throws(SQLError) in try engine.runScript(Self.layout) } } catch {
            // Another program made them at the same moment.
            guard error.code == .duplicate else { throw error }
        }
    }

    /// Runs `body`, which touches the database only, with its errors made ours.
    func sql<R>(_ body: () throws(SQLError) -> R) throws(IcebergError) -> R {
        do throws(SQLError) { return try body() } catch { throw IcebergError(error) }
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
        let taken = IcebergError(.alreadyExists, "namespace \(text): exists already")
        // A duplicate: another program makes the same namespace at this moment.
        func map(_ error: SQLError) -> IcebergError { error.code == .duplicate ? taken : IcebergError(error) }
        try engine.transaction({ () throws(IcebergError) in
            do throws(SQLError) {
                if try !exists(text) { return try insertNamespace(text, rows) }
            } catch { throw map(error) }
            throw taken
        }, orElse: map)
    }

    private func insertNamespace(_ namespace: String, _ properties: [String: String]) throws(SQLError) {
        try engine.insert(
            "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)",
            properties.sorted { $0.key < $1.key }.map { [.text(name), .text(namespace), .text($0.key), .text($0.value)] })
    }

    private func exists(_ namespace: String) throws(SQLError) -> Bool {
        let found = try engine.read(
            """
            SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ?1 AND namespace = ?2
            UNION ALL SELECT 1 FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 LIMIT 1
            """, [.text(name), .text(namespace)])
        return !found.isEmpty
    }

    public func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool {
        let text = try text(namespace)
        return try sql { () throws(SQLError) in try exists(text) }
    }

    public func namespaces() throws(IcebergError) -> [[String]] {
        let names = try strings(
            """
            SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1
            UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?1
            """, [.text(name)])
        return names.map { $0.split(separator: ".").map { String($0) } }
    }

    public func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] {
        let text = try text(namespace)
        let names = try strings(
            """
            SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2
            AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)
            """, [.text(name), .text(text)])
        return names.map { TableIdentifier(namespace, $0) }
    }

    /// The first column, sorted: by us, since a server sorts as its language does.
    private func strings(_ query: String, _ values: [SQLValue]) throws(IcebergError) -> [String] {
        try sql { () throws(SQLError) in
            var result: [String] = []
            for row in try engine.read(query, values) { result.append(try row.text(0)) }
            return result.sorted()
        }
    }

    // MARK: Tables

    /// The current metadata location, or nil when there is no such table.
    func metadataLocation(_ identifier: TableIdentifier) throws(IcebergError) -> String? {
        let text = try text(identifier.namespace)
        return try sql { () throws(SQLError) in
            try engine.read(
                """
                SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3
                AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)
                """, [.text(name), .text(text), .text(identifier.name)]
            ).first?.text(0)
        }
    }

    public func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table {
        guard let location = try metadataLocation(identifier) else { throw IcebergError(.notFound, "table \(identifier): no such table") }
        return try table(identifier, at: location)
    }

    func table(_ identifier: TableIdentifier, at location: String) throws(IcebergError) -> Table {
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
        try enter(identifier, pointingAt: file, uuid: metadata.tableUUID)
        return Table(identifier: identifier, metadataLocation: file, metadata: metadata)
    }

    public func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {
        let text = try text(identifier.namespace)
        let dropped = try sql { () throws(SQLError) in
            try engine.write(
                "DELETE FROM iceberg_tables WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3",
                [.text(name), .text(text), .text(identifier.name)])
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
    init(_ error: SQLError) {
        let code: Code =
            switch error.code {
            case .outcomeUnknown: .outcomeUnknown
            case .disk: .storage
            default: .catalog
            }
        self.init(code, error.message, isRetryable: error.isRetryable)
    }
}
