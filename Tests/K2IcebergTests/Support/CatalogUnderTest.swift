import Foundation
import K2Iceberg
import K2ObjectStore
import K2TestSupport
import Testing

/// A kind of catalog that the contract is run over.
struct CatalogUnderTest: Sendable, CustomTestStringConvertible {
    let name: String
    private let make: @Sendable () throws -> CatalogPlace

    init(_ name: String, _ make: @escaping @Sendable () throws -> CatalogPlace) {
        self.name = name
        self.make = make
    }

    var testDescription: String { name }

    /// All of them, one line each.
    static let all: [CatalogUnderTest] = [.sqlite, .localFiles, .memoryFiles] + (TestObjectStore.isAvailable ? [.rest, .s3Files] : [])

    /// Those whose files other programs reach.
    static let withForeignReaders: [CatalogUnderTest] = [.sqlite, .localFiles] + (TestObjectStore.isAvailable ? [.rest] : [])

    /// A place in which nothing is yet.
    func place() throws -> CatalogPlace { try make() }

    /// A place with the table `trades`.
    func placeWithTable() throws -> CatalogPlace {
        let place = try make()
        let catalog = try place.catalog()
        try catalog.createNamespace(place.namespace, properties: [:])
        _ = try catalog.createTable(place.trades, try Fixtures.creation())
        return place
    }

    static let sqlite = CatalogUnderTest("sqlite") {
        let lake = try TestLake()
        let properties = ["type": "sql", "uri": "sqlite:///" + lake.catalogPath, "warehouse": lake.warehouse]
        return CatalogPlace(store: lake.store, pyiceberg: properties) {
            try SQLCatalog(path: lake.catalogPath, warehouse: lake.warehouse, store: lake.store, environment: $0)
        }
    }

    static let localFiles = CatalogUnderTest("files") {
        let lake = try TestLake()
        return CatalogPlace(store: lake.store) { try FileCatalog(root: lake.warehouse, store: lake.store, environment: $0) }
    }

    static let memoryFiles = CatalogUnderTest("files in memory") {
        let store = MemoryStore()
        return CatalogPlace(store: store) { try FileCatalog(root: "memory://lake/", store: store, environment: $0) }
    }

    static let s3Files = CatalogUnderTest("files in s3") {
        let server = try TestObjectStore.shared()
        let root = "s3://\(server.bucket)/\(UUID().uuidString)"
        let store = try server.store()
        return CatalogPlace(store: store) { try FileCatalog(root: root, store: store, environment: $0) }
    }

    static let rest = CatalogUnderTest("rest") {
        let server = try TestObjectStore.shared()
        return CatalogPlace(store: try server.store(), pyiceberg: server.properties) { try RESTCatalog(try server.address, environment: $0) }
    }
}

/// One catalog, the store of its tables, and a namespace that no other test has.
struct CatalogPlace: Sendable {
    let store: any ObjectStore
    /// With which pyiceberg opens the same catalog; nil where it cannot.
    let pyiceberg: [String: String]?
    let namespace = ["ns_" + UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(12)]
    private let open: @Sendable (CommitEnvironment) throws -> any Catalog

    init(store: any ObjectStore, pyiceberg: [String: String]? = nil, open: @escaping @Sendable (CommitEnvironment) throws -> any Catalog) {
        self.store = store
        self.pyiceberg = pyiceberg
        self.open = open
    }

    var trades: TableIdentifier { TableIdentifier(namespace, "trades") }

    /// A connection of its own, for one thread.
    func catalog(_ environment: CommitEnvironment = .system) throws -> any Catalog { try open(environment) }
}
