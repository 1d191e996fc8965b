import K2JSON
import K2ObjectStore

/// A catalog that is nothing but a folder of tables, in the layout of Hadoop tables: readers that are given a table's
/// folder find its newest metadata by `version-hint.text`.
///
/// A commit is one `putIfAbsent` of the next version, so the store must decide that in one step. The hint is only a hint:
/// the newest version is looked for from there on, and in a listing when the hint names none. A version's name is never
/// freed: where a version is to be removed its content goes and an empty object stays. A writer that slept over any number
/// of commits so can never take the place of a version that is gone, and a table dropped and made anew counts on.
/// Nor does the search for orphans take such objects.
///
/// Other writers that know this layout (Spark's Hadoop catalog) may commit as well, on a file system or any store where
/// they too create the next version exclusively. Listing namespaces or tables lists all objects below: not for daily use
/// on large lakes. Serves one thread.
public final class FileCatalog: Catalog {
    let layout: FileLayout
    let store: any ObjectStore
    let environment: CommitEnvironment

    /// - Parameter root: the folder, such as `file:///data/lake` or `s3://bucket/lake`; need not exist.
    /// - Throws: `unsupported` when the store has no atomic `putIfAbsent`.
    public init(root: String, store: any ObjectStore, environment: CommitEnvironment = .system) throws(IcebergError) {
        layout = FileLayout(root: root)
        guard store.capabilities.atomicPutIfAbsent else {
            throw IcebergError(.unsupported, "\(layout.root): the store cannot create exclusively: two commits could both succeed")
        }
        self.store = store
        self.environment = environment
    }

    public var capabilities: CatalogCapabilities { CatalogCapabilities(serverSideCommit: false, nestedNamespaces: true) }

    /// The N of a file named `vN.metadata.json`, which is a version in such a catalog; nil for other names.
    public static func versionNumber(of name: String) -> Int? { FileLayout.versionNumber(name) }

    // MARK: Namespaces

    public func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {
        let taken = try namespaceExists(namespace) ? true : try isTable(namespace)
        let text: JSONValue = ["properties": .object(JSONObject(sorted: properties))]
        guard !taken, try putExclusively(text.bytes, at: layout.marker(namespace)) else {
            throw Self.existing("namespace", namespace.joined(separator: "."))
        }
    }

    /// Whether the namespace was made here, or a table or namespace lies below it.
    public func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool {
        try FileLayout.check(namespace)
        if try size(layout.marker(namespace)) != nil { return true }
        return try contents(layout.folder(namespace) + "/").namespaces.contains(namespace)
    }

    public func namespaces() throws(IcebergError) -> [[String]] {
        try contents(layout.root + "/").namespaces.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func isTable(_ names: [String]) throws(IcebergError) -> Bool {
        guard names.count > 1, let name = names.last else { return false }
        return try newestVersion(TableIdentifier(names.dropLast(), name))?.isEmpty == false
    }

    private func contents(_ prefix: String) throws(IcebergError) -> FileLayout.Contents { layout.contents(try list(prefix)) }

    func list(_ prefix: String) throws(IcebergError) -> [StoredObject] {
        do throws(StoreError) { return try store.list(prefix: prefix) } catch { throw IcebergError(error) }
    }

    // MARK: Tables

    public func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] {
        try FileLayout.check(namespace)
        let tables = try contents(layout.folder(namespace) + "/").tables
        return tables.filter { $0.key.namespace == namespace && !$0.value.isEmpty }.map(\.key).sorted { $0.name < $1.name }
    }

    public func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table {
        let (location, bytes) = try newestMetadata(identifier)
        return Table(identifier: identifier, metadataLocation: location, metadata: try TableMetadata(reading: bytes, location: location))
    }

    public func entry(_ identifier: TableIdentifier) throws(IcebergError) -> CatalogEntry? {
        let found: (location: String, bytes: [UInt8])
        do throws(IcebergError) { found = try newestMetadata(identifier) } catch {
            if error.code == .notFound { return nil }
            guard error.isLasting else { throw error }
            return CatalogEntry(identifier, at: layout.version(1, of: identifier), outline: .failure(error))
        }
        return try CatalogEntry(identifier, at: found.location) { () throws(IcebergError) in try TableOutline(reading: found.bytes, location: found.location) }
    }

    /// - Throws: `notFound` when there is no such table.
    private func newestMetadata(_ identifier: TableIdentifier) throws(IcebergError) -> (location: String, bytes: [UInt8]) {
        try FileLayout.check(identifier)
        for _ in 0..<Self.maxAttempts {
            guard let newest = try newestVersion(identifier), !newest.isEmpty else { throw Self.missing(identifier) }
            let location = layout.version(newest.number, of: identifier)
            let bytes: [UInt8]
            do throws(StoreError) { bytes = try store.get(location) } catch { throw IcebergError(error) }
            // Emptied since it was found: there are newer ones.
            if !bytes.isEmpty { return (location, bytes) }
        }
        throw IcebergError(.conflict, "table \(identifier): changes faster than it can be read", isRetryable: true)
    }

    /// Makes the table; its location is the folder of its name.
    ///
    /// - Throws: `invalid` when the creation wants another location; see `Catalog` for the others.
    public func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table {
        try FileLayout.check(identifier)
        let location = layout.location(identifier)
        if let wanted = creation.location, FileLayout(root: wanted).root != location {
            throw IcebergError(.invalid, "table \(identifier): location: expected \(location), found \(wanted)")
        }
        guard try namespaceExists(identifier.namespace) else {
            throw IcebergError(.notFound, "namespace \(identifier.namespace.joined(separator: ".")): no such namespace")
        }
        let newest = try newestVersion(identifier)
        if newest?.isEmpty == false { throw Self.existing("table", "\(identifier)") }
        try checkFolder(of: identifier)
        let metadata = try TableMetadata.create(
            tableUUID: UUIDText(random: environment.random16()).description, location: location, schema: creation.schema, spec: creation.spec,
            sortOrder: creation.sortOrder, properties: creation.properties, nowMS: environment.nowMS())
        try checkProperties(metadata, identifier)
        let number = (newest?.number ?? 0) + 1
        let file = layout.version(number, of: identifier)
        guard try putExclusively(metadata.json.bytes, at: file) else { throw Self.existing("table", "\(identifier)") }
        writeHint(identifier, number)
        return Table(identifier: identifier, metadataLocation: file, metadata: metadata)
    }

    /// A folder in use for something else is left alone.
    private func checkFolder(of identifier: TableIdentifier) throws(IcebergError) {
        if try size(layout.marker(identifier.namespace + [identifier.name])) != nil { throw Self.existing("namespace", "\(identifier)") }
        let files = try list(layout.metadataFolder(identifier) + "/")
        if let foreign = files.first(where: { FileLayout.isForeignMetadata(StoreLocation.name($0.location)) }) {
            throw IcebergError(.alreadyExists, "table \(identifier): \(foreign.location) belongs to a table of another catalog")
        }
    }

    /// Readers look for versions in the table's own folder only.
    func checkProperties(_ metadata: TableMetadata, _ identifier: TableIdentifier) throws(IcebergError) {
        guard metadata.properties["write.metadata.path"] == nil else {
            throw IcebergError(.invalid, "table \(identifier): write.metadata.path: not possible in a catalog of files")
        }
    }

    /// Ends the table's history with an empty version, so that a writer who still has the table open meets a conflict.
    /// Everything else stays: data, manifests and old versions. A table made anew under the name continues the numbers.
    public func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {
        try FileLayout.check(identifier)
        for _ in 0..<Self.maxAttempts {
            guard let newest = try newestVersion(identifier), !newest.isEmpty else { throw Self.missing(identifier) }
            // Another writer's commit in between is dropped with the rest.
            guard try putExclusively([], at: layout.version(newest.number + 1, of: identifier)) else { continue }
            // An empty version that was found there may be one whose content was removed.
            guard try newestVersion(identifier)?.isEmpty == true else { continue }
            writeHint(identifier, newest.number + 1)
            return
        }
        throw IcebergError(.conflict, "table \(identifier): changes faster than it can be dropped", isRetryable: true)
    }

    static let maxAttempts = 100

    static func missing(_ identifier: TableIdentifier) -> IcebergError { IcebergError(.notFound, "table \(identifier): no such table") }

    private static func existing(_ kind: String, _ name: String) -> IcebergError { IcebergError(.alreadyExists, "\(kind) \(name): exists already") }
}
