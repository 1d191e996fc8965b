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
        /// Base URL of an Iceberg REST catalog.
        case rest(url: String)
        /// The warehouse itself, as a folder of tables.
        case folder
    }

    public enum Warehouse: Equatable, Sendable {
        case folder(path: String)
        /// `s3://bucket/prefix`, or empty when the catalog says where tables lie.
        case s3(location: String)

        /// As tables record it, without a slash at the end.
        var location: String {
            switch self {
            case .folder(let path): "file://\(path)"
            case .s3(let location): location
            }
        }
    }

    public init(_ options: LakeOptions) throws(ToolFailure) {
        let catalogText = try PlaceText.choose(options.catalog, "--catalog", "K2_CATALOG") ?? "sqlite:k2-lake/catalog.db"
        let warehouseText = try PlaceText.choose(options.warehouse, "--warehouse", "K2_WAREHOUSE")
        catalog = try Self.catalog(catalogText)
        switch catalog {
        case .folder:
            warehouse = try Self.warehouse(catalogText, "--catalog")
            if let other = try warehouseText.map({ text throws(ToolFailure) in try Self.warehouse(text, "--warehouse") }), other != warehouse {
                throw ToolFailure(.usage, "--warehouse: a catalog that is a folder is its own warehouse: expected \(warehouse.location), found \(other.location)")
            }
        case .rest: warehouse = try warehouseText.map { text throws(ToolFailure) in try Self.warehouse(text, "--warehouse") } ?? .s3(location: "")
        case .sql: warehouse = try Self.warehouse(warehouseText ?? "file:k2-lake/warehouse", "--warehouse")
        }
        state = try Self.state(try PlaceText.choose(options.state, "--state", "K2_STATE"), catalog)
        catalogName = options.catalogName
    }

    private static func catalog(_ text: String) throws(ToolFailure) -> CatalogPlace {
        if text.hasPrefix("http://") || text.hasPrefix("https://") { return .rest(url: text) }
        if text.hasPrefix("file:") || StoreLocation.scheme(text).map({ $0.hasPrefix("s3") }) == true { return .folder }
        return .sql(try PlaceText.database(text, "--catalog", "sqlite:PATH, postgres://HOST/DATABASE, http(s)://HOST or file:PATH"))
    }

    private static func warehouse(_ text: String, _ what: String) throws(ToolFailure) -> Warehouse {
        if let scheme = StoreLocation.scheme(text), ["s3", "s3a", "s3n"].contains(scheme) {
            return .s3(location: text.hasSuffix("/") ? String(text.dropLast()) : text)
        }
        let path = try PlaceText.path(text, "file", what, "file:PATH or s3://BUCKET/PREFIX")
        return .folder(path: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
    }

    /// Without a word about it, the state is kept where an SQL catalog is.
    private static func state(_ text: String?, _ catalog: CatalogPlace) throws(ToolFailure) -> Database {
        if text == nil, case .sql(let database) = catalog { return database }
        return try PlaceText.database(text ?? "sqlite:k2-lake/state.db", "--state", "sqlite:PATH or postgres://HOST/DATABASE")
    }

    // MARK: Opening

    /// Opens catalog and stores; makes their folders when they are missing. For use on one thread.
    ///
    /// - Parameters:
    ///   - mustExist: neither a catalog's file nor a warehouse's folder is made: a missing file is an error, a missing folder an empty one.
    ///   - looking: no state store is made either: where there is none, it is an empty one.
    ///   - stateWasMade: called when there was no state store before, with a word about where it is now.
    public func open(mustExist: Bool = false, looking: Bool = false, stateWasMade: (_ place: String) -> Void = { _ in }) throws(ToolFailure) -> LakeStores {
        if mustExist { try requireCatalog() }
        let objects = try openObjects(mustExist: mustExist)
        let catalog = try openCatalog(objects)
        let state = try openState(looking: looking)
        if state.wasMade, !looking { stateWasMade(stateText) }
        return LakeStores(
            catalog: catalog, objects: objects, state: state, environment: .system, holder: Holder.own,
            isGone: Holder.isGone)
    }

    /// - Throws: when the catalog is a file that is not there.
    public func requireCatalog() throws(ToolFailure) {
        if case .sql(.sqlite(let path)) = catalog, access(path, F_OK) != 0 {
            throw ToolFailure(.noInput, "\(catalogText): no such catalog: \(StreamError.reason(errno))")
        }
    }

    /// Where the catalog is, without what may be secret.
    public var catalogText: String {
        switch catalog {
        case .sql(.sqlite(let path)): "sqlite:\(path)"
        case .sql(.postgres(let url)), .rest(let url): PlaceText.withoutSecrets(url)
        case .folder: PlaceText.withoutSecrets(warehouse.location)
        }
    }

    /// Where the state store is, without what may be secret.
    private var stateText: String {
        switch state {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let url): PlaceText.withoutSecrets(url)
        }
    }

    private func openObjects(mustExist: Bool) throws(ToolFailure) -> any ObjectStore {
        switch warehouse {
        case .folder(let path):
            if !mustExist { try Self.makeFolder(path) }
            return LocalStore()
        case .s3:
            do {
                return try S3Store(try S3Options.environment { InputFile.environment($0) })
            } catch { throw ToolFailure(.usage, "\(error)") }
        }
    }

    private func openCatalog(_ objects: any ObjectStore) throws(ToolFailure) -> any Catalog {
        if case .sql(.sqlite(let path)) = catalog { try Self.makeParent(path) }
        do throws(IcebergError) {
            switch catalog {
            case .sql(.sqlite(let path)):
                return try SQLCatalog(path: path, name: catalogName, warehouse: warehouse.location, store: objects)
            case .sql(.postgres(let url)): return try SQLCatalog(postgres: url, name: catalogName, warehouse: warehouse.location, store: objects)
            case .rest(let url): return try RESTCatalog(try CatalogAddress(url: url) { InputFile.environment($0) })
            case .folder: return try FileCatalog(root: warehouse.location, store: objects)
            }
        } catch { throw ToolFailure(error.isRetryable ? .temporary : error.code == .storage ? .failed : .usage, error.message) }
    }

    private func openState(looking: Bool) throws(ToolFailure) -> SQLStateStore {
        if case .sqlite(let path) = state, !looking { try Self.makeParent(path) }
        do throws(StateStoreError) {
            switch state {
            case .sqlite(let path): return looking ? try .looking(path: path) : try SQLStateStore(path: path)
            case .postgres(let url): return looking ? try .looking(postgres: url) : try SQLStateStore(postgres: url)
            }
        } catch { throw ToolFailure(error.isRetryable ? .temporary : error.code == .disk ? .failed : .usage, error.message) }
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
