import Glibc
import K2CLI
import K2Iceberg
import K2Lake
import K2NDJSON
import K2ObjectStore
import K2StateStore

/// The lake that flags and environment name: where its tables, its catalog and the state store are.
public struct LakePlan: Sendable {
    public let warehouse: Warehouse
    public let catalog: CatalogPlace
    public let state: Database
    public let catalogName: String

    public enum Database: Equatable, Sendable {
        case sqlite(path: String)
        case postgres(url: String)
    }

    public enum CatalogPlace: Equatable, Sendable {
        case sql(Database)
    }

    public enum Warehouse: Equatable, Sendable {
        case folder(path: String)

        /// As tables record it, without a slash at the end.
        var location: String {
            switch self {
            case .folder(let path): "file://\(path)"
            }
        }
    }

    public init(_ options: LakeOptions) throws(ToolFailure) {
        warehouse = .folder(path: try PlaceText.path(try PlaceText.choose(options.warehouse, "--warehouse", "K2_WAREHOUSE") ?? "file:k2-lake/warehouse", "file", "--warehouse", "file:PATH"))
        let text = try PlaceText.choose(options.catalog, "--catalog", "K2_CATALOG") ?? "sqlite:k2-lake/catalog.db"
        let database = try PlaceText.database(text, "--catalog", "sqlite:PATH or postgres://HOST/DATABASE")
        catalog = .sql(database)
        if let text = try PlaceText.choose(options.state, "--state", "K2_STATE") {
            state = try PlaceText.database(text, "--state", "sqlite:PATH or postgres://HOST/DATABASE")
        } else {
            state = database
        }
        catalogName = options.catalogName
    }

    // MARK: Opening

    /// Opens catalog and stores; makes their folders when they are missing. For use on one thread.
    public func open() throws(ToolFailure) -> LakeStores {
        let objects = try openObjects()
        return LakeStores(
            catalog: try openCatalog(objects), objects: objects, state: try openState(), environment: .system, holder: Holder.own,
            isGone: Holder.isGone)
    }

    private func openObjects() throws(ToolFailure) -> any ObjectStore {
        switch warehouse {
        case .folder(let path):
            try Self.makeFolder(path)
            return LocalStore()
        }
    }

    private func openCatalog(_ objects: any ObjectStore) throws(ToolFailure) -> any Catalog {
        if case .sql(.sqlite(let path)) = catalog { try Self.makeParent(path) }
        do throws(IcebergError) {
            switch catalog {
            case .sql(.sqlite(let path)):
                return try SQLCatalog(path: path, name: catalogName, warehouse: warehouse.location, store: objects)
            case .sql(.postgres(let url)): return try SQLCatalog(postgres: url, name: catalogName, warehouse: warehouse.location, store: objects)
            }
        } catch { throw ToolFailure(error.isRetryable ? .temporary : .usage, error.message) }
    }

    private func openState() throws(ToolFailure) -> any StateStore {
        if case .sqlite(let path) = state { try Self.makeParent(path) }
        do throws(StateStoreError) {
            switch state {
            case .sqlite(let path): return try SQLStateStore(path: path)
            case .postgres(let url): return try SQLStateStore(postgres: url)
            }
        } catch { throw ToolFailure(error.isRetryable ? .temporary : .usage, error.message) }
    }

    private static func makeParent(_ file: String) throws(ToolFailure) {
        if let slash = file.lastIndex(of: "/") { try makeFolder(String(file[..<slash])) }
    }

    private static func makeFolder(_ path: String) throws(ToolFailure) {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/" + part
            if mkdir(prefix, 0o755) != 0, errno != EEXIST, access(prefix, F_OK) != 0 {
                throw ToolFailure(.usage, "\(prefix): cannot make folder: \(StreamError.reason(errno))")
            }
        }
    }
}
