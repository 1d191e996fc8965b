import Glibc
import K2Bytes
import K2Domain
import K2Iceberg
import K2JSON
import K2NDJSON
import K2ObjectStore
import K2Parquet
import K2StateStore
import Synchronization
import Testing

@testable import K2Lake

/// A lake in memory whose runs can be made to fail.
final class LakeFixture {
    let memory = MemoryStore()
    let objects: any ObjectStore
    let inner: SQLCatalog
    let catalog: FaultyCatalog
    let state: SQLStateStore
    let environment: CommitEnvironment
    var isGone: (String) -> Bool = { _ in false }

    /// - Parameter folder: with one, the lake is on disk below it, for foreign readers.
    init(folder: String? = nil, seed: UInt64 = 1) throws {
        environment = .fixed(seed: seed)
        let objects: any ObjectStore = folder == nil ? memory : LocalStore(durable: false)
        self.objects = objects
        inner = try SQLCatalog(
            path: folder.map { $0 + "/catalog.db" } ?? ":memory:", warehouse: folder.map { "file://\($0)/warehouse" } ?? "mem://lake",
            store: objects, environment: environment)
        catalog = FaultyCatalog(inner)
        state = try SQLStateStore(path: folder.map { $0 + "/state.db" } ?? ":memory:")
    }

    func stores(holder: String = "test:1:1") -> LakeStores {
        LakeStores(catalog: catalog, objects: objects, state: state, environment: environment, holder: holder, isGone: isGone)
    }

    /// One whole run: adds the lines, commits after each `commitEvery` of them and at the end.
    @discardableResult
    func load(_ lines: [String], commitEvery: Int = .max, only: Set<String>? = nil, holder: String = "test:1:1") throws -> LoadOutcome {
        var loader = LakeLoader(stores(holder: holder), only: only)
        var outcome = LoadOutcome()
        for (number, line) in lines.enumerated() {
            do {
                try loader.add(Array(line.utf8).span)
            } catch let error as RecordError {
                outcome.refused.append((number, "\(error)"))
            } catch let error as JSONError {
                outcome.refused.append((number, "\(error)"))
            }
            if (number + 1) % commitEvery == 0 { outcome.reports += try loader.commit() }
        }
        outcome.reports += try loader.commit()
        outcome.stats = loader.stats
        outcome.notices = loader.notices
        try loader.close()
        return outcome
    }

    /// The table as the catalog has it.
    func table(_ name: String) throws -> Table { try inner.loadTable(TableIdentifier(LakeSchema.namespace, name)) }

    /// The rows of a table, read with our Parquet reader from what the current snapshot lists.
    func rows(_ name: String, snapshot: Int64? = nil) throws -> [LakeRow] {
        guard let table = try inner.findTable(TableIdentifier(LakeSchema.namespace, name)) else { return [] }
        let files = try TableFiles(metadata: table.metadata, store: objects).dataFiles(snapshotID: snapshot)
        return try files.flatMap { file in
            let bytes = try objects.get(file.path)
            #expect(Int64(bytes.count) == file.fileSize, "\(file.path): size in the manifest")
            return try LakeRow.read(bytes)
        }
    }

    func dataFiles(_ name: String) throws -> [DataFile] {
        try TableFiles(metadata: try table(name).metadata, store: objects).dataFiles()
    }

    /// Every Parquet object that is there, whether a snapshot knows it or not.
    var parquetObjects: Set<String> {
        get throws { Set(try objects.list(prefix: inner.warehouse).map(\.location).filter { $0.hasSuffix(".parquet") }) }
    }

    /// Parquet objects that no snapshot of any table refers to.
    func orphans() throws -> Set<String> {
        var known: Set<String> = []
        for definition in MarketTables.all {
            guard let table = try inner.findTable(TableIdentifier(LakeSchema.namespace, definition.coldName)) else { continue }
            for snapshot in table.metadata.snapshots {
                let files = try TableFiles(metadata: table.metadata, store: objects).dataFiles(snapshotID: snapshot.snapshotID)
                known.formUnion(files.map(\.path))
            }
        }
        return try parquetObjects.subtracting(known)
    }
}

struct LoadOutcome {
    var reports: [CommitReport] = []
    var stats = LoadStats()
    var notices: [String] = []
    var refused: [(line: Int, reason: String)] = []

    func rows(_ table: String) -> Int64 { reports.filter { $0.table == table }.reduce(0) { $0 + $1.rows } }
}

extension CommitEnvironment {
    /// Time and chance that are the same on every run; waiting takes no time.
    static func fixed(seed: UInt64) -> CommitEnvironment {
        let state = Mutex((clock: Int64(1_771_400_000_000), random: LakeRandom(seed: seed)))
        return CommitEnvironment(
            nowMS: {
                state.withLock { state in
                    state.clock += 1
                    return state.clock
                }
            },
            random16: { state.withLock { state in (0..<16).map { _ in UInt8.random(in: 0...255, using: &state.random) } } },
            sleepMS: { _ in })
    }
}

/// A catalog whose commits and loads can be made to fail.
final class FaultyCatalog: Catalog {
    enum Fault {
        /// Somebody was faster; nothing is changed.
        case conflict
        /// The commit is made and the answer lost.
        case unknownMade
        /// The commit is not made and nobody can say.
        case unknownNotMade
        /// Refused for good.
        case failure
    }

    let inner: any Catalog
    var commitFaults: [Fault] = []
    /// Loads that pass before `failingLoads` of them fail.
    var passingLoads = 0
    var failingLoads = 0
    /// Runs right before a commit.
    var beforeCommit: () throws -> Void = {}

    init(_ inner: any Catalog) { self.inner = inner }

    var capabilities: CatalogCapabilities { inner.capabilities }
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {
        try inner.createNamespace(namespace, properties: properties)
    }
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool { try inner.namespaceExists(namespace) }
    func namespaces() throws(IcebergError) -> [[String]] { try inner.namespaces() }
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] { try inner.tables(in: namespace) }
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table {
        try inner.createTable(identifier, creation)
    }
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError) { try inner.dropTable(identifier) }

    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table {
        if failingLoads > 0 {
            if passingLoads == 0 {
                failingLoads -= 1
                throw IcebergError(.catalog, "catalog: injected fault")
            }
            passingLoads -= 1
        }
        return try inner.loadTable(identifier)
    }

    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        do { try beforeCommit() } catch { throw IcebergError(.catalog, "\(error)") }
        guard !commitFaults.isEmpty else { return try inner.commit(updates, requirements: requirements, on: base) }
        switch commitFaults.removeFirst() {
        case .conflict: throw IcebergError(.conflict, "injected conflict", isRetryable: true)
        case .unknownMade:
            _ = try inner.commit(updates, requirements: requirements, on: base)
            throw IcebergError(.outcomeUnknown, "injected: answer lost")
        case .unknownNotMade: throw IcebergError(.outcomeUnknown, "injected: answer lost")
        case .failure: throw IcebergError(.catalog, "injected failure")
        }
    }
}
