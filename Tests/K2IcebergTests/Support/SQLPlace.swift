import K2Iceberg
import K2ObjectStore
import K2TestSupport

/// A lake in a folder of its own whose catalog is a database of either kind.
struct SQLPlace {
    let lake: TestLake
    let database: TestDatabase

    static func with<R>(_ kind: SQLKind, _ body: (SQLPlace) throws -> R) throws -> R {
        try TestDatabase.with(kind) { try body(SQLPlace(lake: TestLake(), database: $0)) }
    }

    /// A catalog with a connection of its own.
    func catalog(
        name: String = SQLCatalog.defaultName, port: Int? = nil, store: (any ObjectStore)? = nil, environment: CommitEnvironment = .fixed()
    ) throws -> SQLCatalog {
        let store = store ?? lake.store
        return switch database.kind {
        case .sqlite: try SQLCatalog(path: database.path, name: name, warehouse: lake.warehouse, store: store, environment: environment)
        case .postgres:
            try SQLCatalog(postgres: database.url(port: port), name: name, warehouse: lake.warehouse, store: store, environment: environment)
        }
    }

    /// How pyiceberg calls the database.
    var uri: String {
        get throws {
            switch database.kind {
            case .sqlite: "sqlite:///" + database.path
            case .postgres: try "postgresql+psycopg2" + database.url().dropFirst("postgres".count)
            }
        }
    }
}
