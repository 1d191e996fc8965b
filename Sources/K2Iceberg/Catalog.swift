/// Names a table within a catalog: a namespace of one or more levels, and a name.
public struct TableIdentifier: Hashable, Sendable, CustomStringConvertible {
    public var namespace: [String]
    public var name: String

    public init(_ namespace: [String], _ name: String) {
        self.namespace = namespace
        self.name = name
    }

    public var description: String { (namespace + [name]).joined(separator: ".") }
}

/// A table as it was when loaded.
public struct Table: Equatable, Sendable {
    public var identifier: TableIdentifier
    public var metadataLocation: String
    public var metadata: TableMetadata

    public init(identifier: TableIdentifier, metadataLocation: String, metadata: TableMetadata) {
        self.identifier = identifier
        self.metadataLocation = metadataLocation
        self.metadata = metadata
    }
}

public struct TableCreation: Equatable, Sendable {
    public var schema: Schema
    public var spec: PartitionSpec
    public var sortOrder: SortOrder
    public var properties: [String: String]
    /// Nil: below the catalog's warehouse.
    public var location: String?

    public init(
        schema: Schema, spec: PartitionSpec = .unpartitioned, sortOrder: SortOrder = .unsorted, properties: [String: String] = [:],
        location: String? = nil
    ) {
        self.schema = schema
        self.spec = spec
        self.sortOrder = sortOrder
        self.properties = properties
        self.location = location
    }
}

/// What a catalog does by itself.
public struct CatalogCapabilities: Equatable, Sendable {
    /// The catalog's server applies updates and writes metadata files.
    public var serverSideCommit: Bool
    /// Namespaces may have several levels.
    public var nestedNamespaces: Bool

    public init(serverSideCommit: Bool, nestedNamespaces: Bool) {
        self.serverSideCommit = serverSideCommit
        self.nestedNamespaces = nestedNamespaces
    }
}

/// Where the current metadata of each table is known, and changed in one atomic step.
public protocol Catalog: AnyObject {
    var capabilities: CatalogCapabilities { get }

    /// - Throws: `alreadyExists`.
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError)
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool
    /// All namespaces, sorted.
    func namespaces() throws(IcebergError) -> [[String]]
    /// The tables of a namespace, sorted by name; none when there is no such namespace.
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier]
    /// Tables that are kept in the same place under another catalog's name and so are not among `namespaces` and `tables`. Their files may lie
    /// beside ours. The name of their catalog is the first part of their namespace.
    ///
    /// - Throws: as `entry`.
    func hiddenTables() throws(IcebergError) -> [CatalogEntry]
    /// A table as far as it can be read; nil when there is none.
    /// - Throws: when the catalog or the store cannot be asked.
    func entry(_ identifier: TableIdentifier) throws(IcebergError) -> CatalogEntry?

    /// - Throws: `notFound` when there is no such table; `missingFile` when its metadata is not in the store.
    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table
    /// - Throws: `alreadyExists`; `notFound` when the namespace is missing.
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table

    /// Applies `updates` to the table as `base` has it, if `requirements` hold and nobody was faster.
    ///
    /// With `serverSideCommit`, nobody who touched the same: references, the current schema, the default spec.
    ///
    /// - Throws: `conflict` when somebody was (nothing is changed); `outcomeUnknown` when it cannot be said
    ///   whether the commit was made.
    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table

    /// Forgets the table; its data files stay, as far as it is for us to say. - Throws: `notFound`.
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError)
}

extension Catalog {
    /// None: most catalogs show all that they have.
    public func hiddenTables() throws(IcebergError) -> [CatalogEntry] { [] }

    /// Loads the table, or nil when there is none.
    public func findTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table? {
        do throws(IcebergError) { return try loadTable(identifier) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }
}
