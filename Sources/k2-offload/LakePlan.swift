import Glibc
import K2CLI
import K2Iceberg
import K2Lake
import K2NDJSON
import K2ObjectStore
import K2StateStore

/// The lake that flags and environment name.
struct LakePlan {
    let warehousePath: String
    let catalogPath: String
    let statePath: String
    let catalogName: String

    init(_ options: LakeOptions) throws(ToolFailure) {
        func url(_ flag: String?, _ variable: String) -> String? { flag ?? InputFile.environment(variable) }
        warehousePath = try Self.path(
            url(options.warehouse, "K2_WAREHOUSE") ?? "file:k2-lake/warehouse", scheme: "file", what: "--warehouse")
        let catalog = url(options.catalog, "K2_CATALOG") ?? "sqlite:k2-lake/catalog.db"
        catalogPath = try Self.path(catalog, scheme: "sqlite", what: "--catalog")
        statePath = try Self.path(url(options.state, "K2_STATE") ?? catalog, scheme: "sqlite", what: "--state")
        catalogName = options.catalogName
    }

    /// The absolute path in `scheme:PATH` or `scheme:///PATH`.
    private static func path(_ url: String, scheme: String, what: String) throws(ToolFailure) -> String {
        let head = scheme + ":"
        guard url.hasPrefix(head), url.utf8.count > head.utf8.count else {
            throw ToolFailure(.usage, "\(what): expected \(scheme):PATH, found \"\(url)\"")
        }
        var path = String(url.dropFirst(head.count))
        if path.hasPrefix("///") { path = String(path.dropFirst(2)) }
        if path.hasPrefix("/") { return path }
        guard let folder = getcwd(nil, 0) else {
            throw ToolFailure(.failed, "\(what): no working folder: \(StreamError.reason(errno))")
        }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }

    /// Opens catalog and stores; makes their folders when they are missing.
    func open() throws(ToolFailure) -> LakeStores {
        try Self.makeFolder(warehousePath)
        for file in [catalogPath, statePath] {
            if let slash = file.lastIndex(of: "/") { try Self.makeFolder(String(file[..<slash])) }
        }
        let objects = LocalStore()
        let catalog: SQLCatalog
        do throws(IcebergError) {
            catalog = try SQLCatalog(
                path: catalogPath, name: catalogName, warehouse: "file://\(warehousePath)", store: objects)
        } catch { throw ToolFailure(error.isRetryable ? .temporary : .usage, error.message) }
        let state: SQLStateStore
        do throws(StateStoreError) { state = try SQLStateStore(path: statePath) } catch {
            throw ToolFailure(error.isRetryable ? .temporary : .usage, error.message)
        }
        return LakeStores(
            catalog: catalog, objects: objects, state: state, environment: .system, holder: Holder.own,
            isGone: Holder.isGone)
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

/// The name under which this process holds leases: `host:pid:start`.
///
/// The start time tells a process from a later one with the same number.
enum Holder {
    static var own: String { "\(host):\(getpid()):\(start(of: getpid()) ?? "0")" }

    /// Whether the process of a name ran on this host and is no more.
    static func isGone(_ holder: String) -> Bool {
        let parts = holder.split(separator: ":")
        guard parts.count == 3, String(parts[0]) == host, let process = pid_t(parts[1]) else { return false }
        return start(of: process) != String(parts[2])
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Clock ticks since boot at which a process began: field 22 of `/proc/PID/stat`.
    private static func start(of process: pid_t) -> String? {
        guard let bytes = try? InputFile.read("/proc/\(process)/stat", what: "process") else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        // The second field is a name in parentheses that may hold spaces.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? String(fields[19]) : nil
    }
}
