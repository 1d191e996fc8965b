import K2Iceberg
import K2ObjectStore
import Synchronization

/// Counts what is asked of store and catalog, and makes one of these calls fail.
final class Faults: Sendable {
    enum Moment: Sendable, CaseIterable {
        /// Refused; nothing is changed.
        case before
        /// Done, and the reply lost.
        case after
    }

    private struct State {
        var calls = 0
        var failing: (call: Int, moment: Moment)?
        var named: (name: String, moment: Moment, told: @Sendable () -> Void)?
        var log: [String] = []
        var modified: [String: Int64] = [:]
        var before: (text: String, act: @Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Says when an object was modified, µs, in place of what the store says.
    func setModified(_ location: String, _ microseconds: Int64) { state.withLock { $0.modified[location] = microseconds } }

    fileprivate func dated(_ objects: [StoredObject]) -> [StoredObject] {
        let modified = state.withLock { $0.modified }
        return objects.map { object in
            var object = object
            object.modifiedMicroseconds = modified[object.location] ?? object.modifiedMicroseconds
            return object
        }
    }

    /// Runs `act` once, right before the next call whose name contains `text`.
    func before(_ text: String, _ act: @escaping @Sendable () -> Void) { state.withLock { $0.before = (text, act) } }

    /// The call with this number, from 1 on, fails.
    func fail(call: Int, _ moment: Moment) {
        state.withLock { state in
            state.calls = 0
            state.log = []
            state.failing = (call, moment)
        }
    }

    /// The next call of that name fails.
    func failNext(_ name: String, _ moment: Moment, told: @escaping @Sendable () -> Void = {}) { state.withLock { $0.named = (name, moment, told) } }

    /// Calls since `fail`.
    var count: Int { state.withLock { $0.calls } }

    func stop() { state.withLock { $0.failing = nil } }

    /// Whether the failing call was reached.
    var hasFailed: Bool { state.withLock { state in state.failing.map { state.calls >= $0.call } ?? false } }
    var log: [String] { state.withLock { $0.log } }

    /// What becomes of the next call.
    fileprivate func next(_ name: String) -> Moment? {
        let act = state.withLock { state in
            guard let before = state.before, name.contains(before.text) else { return (@Sendable () -> Void)?.none }
            state.before = nil
            return before.act
        }
        act?()
        return state.withLock { state in
            state.calls += 1
            state.log.append(name)
            if let named = state.named, named.name == name {
                state.named = nil
                named.told()
                return named.moment
            }
            return state.failing?.call == state.calls ? state.failing?.moment : nil
        }
    }
}

/// A store over another whose calls may fail.
struct FailingStore: ObjectStore {
    let inner: any ObjectStore
    let faults: Faults

    var capabilities: StoreCapabilities { inner.capabilities }

    private func run<R>(_ name: String, _ location: String, _ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        let moment = faults.next("\(name) \(location)")
        if moment == .before { throw StoreError(.inputOutput, at: location, "injected fault") }
        let result = try body()
        if moment == .after { throw StoreError(.outcomeUnknown, at: location, "injected: reply lost") }
        return result
    }

    func get(_ location: String) throws(StoreError) -> [UInt8] { try run("get", location) { () throws(StoreError) in try inner.get(location) } }
    func get(_ location: String, range: Range<Int64>) throws(StoreError) -> [UInt8] {
        try run("get", location) { () throws(StoreError) in try inner.get(location, range: range) }
    }
    func size(_ location: String) throws(StoreError) -> Int64 { try run("size", location) { () throws(StoreError) in try inner.size(location) } }
    func put(_ bytes: [UInt8], to location: String) throws(StoreError) {
        try run("put", location) { () throws(StoreError) in try inner.put(bytes, to: location) }
    }
    func putIfAbsent(_ bytes: [UInt8], to location: String) throws(StoreError) {
        try run("putIfAbsent", location) { () throws(StoreError) in try inner.putIfAbsent(bytes, to: location) }
    }
    func openWriter(_ location: String) throws(StoreError) -> any ObjectWriter {
        try run("openWriter", location) { () throws(StoreError) in try inner.openWriter(location) }
    }
    func list(prefix: String) throws(StoreError) -> [StoredObject] {
        faults.dated(try run("list", prefix) { () throws(StoreError) in try inner.list(prefix: prefix) })
    }
    func copy(_ location: String, to target: String) throws(StoreError) {
        try run("copy", location) { () throws(StoreError) in try inner.copy(location, to: target) }
    }
    func removeEmptyFolders(_ folder: String) { inner.removeEmptyFolders(folder) }
    func delete(_ location: String) throws(StoreError) -> Bool {
        try run("delete", location) { () throws(StoreError) in try inner.delete(location) }
    }
}

/// A catalog over another whose calls may fail, and that lets others in before a commit.
final class FailingCatalog: Catalog {
    let inner: any Catalog
    let faults: Faults
    /// Runs once, right before the next commit.
    var beforeCommit: (() throws -> Void)?

    init(_ inner: any Catalog, _ faults: Faults) {
        self.inner = inner
        self.faults = faults
    }

    private func run<R>(_ name: String, _ body: () throws(IcebergError) -> R) throws(IcebergError) -> R {
        let moment = faults.next(name)
        if moment == .before { throw IcebergError(.catalog, "injected fault") }
        let result = try body()
        if moment == .after { throw IcebergError(.outcomeUnknown, "injected: reply lost") }
        return result
    }

    var capabilities: CatalogCapabilities { inner.capabilities }
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {
        try run("createNamespace") { () throws(IcebergError) in try inner.createNamespace(namespace, properties: properties) }
    }
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool {
        try run("namespaceExists") { () throws(IcebergError) in try inner.namespaceExists(namespace) }
    }
    func namespaces() throws(IcebergError) -> [[String]] { try run("namespaces") { () throws(IcebergError) in try inner.namespaces() } }
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] {
        try run("tables") { () throws(IcebergError) in try inner.tables(in: namespace) }
    }
    func hiddenTables() throws(IcebergError) -> [CatalogEntry] { try run("hiddenTables") { () throws(IcebergError) in try inner.hiddenTables() } }
    func entry(_ identifier: TableIdentifier) throws(IcebergError) -> CatalogEntry? {
        try run("entry") { () throws(IcebergError) in try inner.entry(identifier) }
    }
    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table {
        try run("loadTable") { () throws(IcebergError) in try inner.loadTable(identifier) }
    }
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table {
        try run("createTable") { () throws(IcebergError) in try inner.createTable(identifier, creation) }
    }
    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        if let other = beforeCommit {
            beforeCommit = nil
            do { try other() } catch { throw IcebergError(.catalog, "before commit: \(error)") }
        }
        return try run("commit") { () throws(IcebergError) in try inner.commit(updates, requirements: requirements, on: base) }
    }
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {
        try run("dropTable") { () throws(IcebergError) in try inner.dropTable(identifier) }
    }
}
