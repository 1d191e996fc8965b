import Dispatch
import Foundation
import K2Iceberg
import K2JSON
import K2ObjectStore
import K2SQLite
import Testing

struct CommitLoopTests {
    private func file(_ name: String, rows: Int64 = 1) -> DataFile {
        DataFile(path: "data/\(name)", partition: [.date(1)], recordCount: rows, fileSize: 10)
    }

    private func lakeWithTable(_ properties: [String: String] = [:]) throws -> (TestLake, SQLCatalog) {
        let lake = try TestLake()
        let catalog = try lake.catalog()
        try catalog.createNamespace(["cold"], properties: [:])
        var creation = try Fixtures.creation()
        creation.properties.merge(properties) { $1 }
        _ = try catalog.createTable(Fixtures.trades, creation)
        return (lake, catalog)
    }

    private func paths(_ lake: TestLake, _ catalog: SQLCatalog) throws -> [String] {
        try TableFiles(metadata: try catalog.loadTable(Fixtures.trades).metadata, store: lake.store).dataFiles().map(\.path).sorted()
    }

    @Test(arguments: [[:], ["commit.manifest.min-count-to-merge": "4"]]) func `writers at the same time lose no update`(_ properties: [String: String]) throws {
        let (lake, catalog) = try lakeWithTable(properties)
        let problems = Problems()
        let (catalogPath, warehouse, store) = (lake.catalogPath, lake.warehouse, lake.store)
        DispatchQueue.concurrentPerform(iterations: 4) { writer in
            do {
                let own = try SQLCatalog(path: catalogPath, warehouse: warehouse, store: store)
                let loop = CommitLoop(catalog: own, store: store, maxAttempts: 100)
                for number in 0..<8 { _ = try loop.append([self.file("\(writer)-\(number)")], to: Fixtures.trades) }
            } catch { problems.add("\(error)") }
        }
        #expect(problems.all == [])
        let expected = (0..<4).flatMap { writer in (0..<8).map { "data/\(writer)-\($0)" } }.sorted()
        #expect(try paths(lake, catalog) == expected)
        let metadata = try catalog.loadTable(Fixtures.trades).metadata
        #expect(metadata.snapshots.count == 32 && metadata.lastSequenceNumber == 32 && metadata.snapshots.map(\.sequenceNumber) == Array(1...32))
        #expect(metadata.currentSnapshot?.summary["total-data-files"] == "32")
        // Lost attempts cleaned up after themselves: every manifest list is a snapshot's.
        let lists = try lake.store.list(prefix: metadata.metadataFolder).map(\.location).filter { $0.contains("/snap-") }
        #expect(lists == metadata.snapshots.map(\.manifestList).sorted())
    }

    @Test func `a crash between the metadata file and the swap changes nothing`() throws {
        let (lake, catalog) = try lakeWithTable()
        let before = try catalog.loadTable(Fixtures.trades)
        // What a killed writer leaves: manifests, list and the next metadata file, but no swap.
        let identity = CommitIdentity(.fixed(seed: 44))
        let change = try TableUpdate(metadata: before.metadata, manifests: [], identity: identity).append([file("x")], readManifest: { (_) throws(IcebergError) in [] })
        for object in change.objects { try lake.store.put(object.bytes, to: object.location) }
        let next = try before.metadata.applying(change.updates, nowMS: 5)
        try lake.store.put(next.json.bytes, to: before.metadata.metadataFolder + "/00001-killed.metadata.json")
        #expect(try lake.catalog().loadTable(Fixtures.trades) == before)
        _ = try CommitLoop(catalog: catalog, store: lake.store).append([file("y")], to: Fixtures.trades)
        #expect(try paths(lake, catalog) == ["data/y"])
    }

    @Test func `a fault while writing leaves the table as it was and no object behind`() throws {
        let lake = try TestLake()
        let store = MemoryStore()
        let catalog = try SQLCatalog(path: lake.catalogPath, warehouse: "memory", store: store, environment: .fixed())
        try catalog.createNamespace(["cold"], properties: [:])
        let table = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
        let loop = CommitLoop(catalog: catalog, store: store, environment: .fixed(seed: 3))
        let clean = try store.list(prefix: "")
        for part in ["-m0.avro", "/snap-", ".metadata.json"] {
            store.inject(.init(.put, locationContains: part, code: .noSpace, reason: "write: no space left on device"))
            let error = #expect(throws: IcebergError.self) { try loop.append([file("x")], to: Fixtures.trades) }
            #expect(error?.code == .storage && error?.message.hasSuffix("no space left on device") == true)
            #expect(try store.list(prefix: "") == clean && catalog.loadTable(Fixtures.trades) == table)
        }
        store.inject(.init(.put, locationContains: "/snap-", count: 2, code: .inputOutput, isRetryable: true))
        guard case .committed = try loop.append([file("x")], to: Fixtures.trades) else {
            Issue.record("expected a commit")
            return
        }
    }

    @Test func `the planner is asked again on the fresh table and may find nothing left to do`() throws {
        let (lake, catalog) = try lakeWithTable()
        let other = CommitLoop(catalog: try lake.catalog(.fixed(seed: 99)), store: lake.store, environment: .fixed(seed: 98))
        let loop = CommitLoop(catalog: catalog, store: lake.store, environment: .fixed(seed: 5))
        var asked = 0
        let outcome = try loop.run(Fixtures.trades) { (table, identity) throws(IcebergError) in
            asked += 1
            if !table.metadata.snapshots(withSummary: "batch", value: "b").isEmpty { return nil }
            // Somebody else commits the same batch in between.
            _ = try other.append([file("theirs")], to: Fixtures.trades, summary: ["batch": "b"])
            return try loop.change(table, identity) { (update, read) throws(IcebergError) in
                try update.append([file("ours")], summary: ["batch": "b"], readManifest: read)
            }
        }
        guard case .nothingToDo = outcome else {
            Issue.record("expected nothing to do")
            return
        }
        #expect(asked == 2)
        #expect(try paths(lake, catalog) == ["data/theirs"])
        guard case .nothingToDo = try loop.append([file("z")], to: Fixtures.trades, unless: { $0.currentSnapshot != nil }) else {
            Issue.record("expected nothing to do")
            return
        }
    }

    @Test func `conflicts end after the allowed attempts`() throws {
        let (lake, catalog) = try lakeWithTable()
        let other = try lake.catalog(.fixed(seed: 77))
        let loop = CommitLoop(catalog: catalog, store: lake.store, environment: .fixed(seed: 5), maxAttempts: 3)
        var number = 0
        let error = #expect(throws: IcebergError.self) {
            try loop.run(Fixtures.trades) { (table, identity) throws(IcebergError) in
                number += 1
                _ = try other.commit([.setProperties(["n": "\(number)"])], requirements: [], on: try other.loadTable(Fixtures.trades))
                return try loop.change(table, identity) { (update, read) throws(IcebergError) in try update.append([file("x")], readManifest: read) }
            }
        }
        #expect(number == 3 && error?.code == .conflict && error?.message.hasSuffix("first (gave up after 3 attempts)") == true)
        #expect(try paths(lake, catalog).isEmpty)
    }

    @Test func `an unknown outcome is looked up, and left unknown when it cannot be`() throws {
        let (lake, real) = try lakeWithTable()
        let catalog = LossyCatalog(real)
        let loop = CommitLoop(catalog: catalog, store: lake.store, environment: .fixed(seed: 5))
        catalog.mode = .doneButUnknown
        guard case .committed(let table, let id) = try loop.append([file("a")], to: Fixtures.trades) else {
            Issue.record("expected a commit")
            return
        }
        #expect(table.metadata.currentSnapshotID == id)
        catalog.mode = .notDoneAndUnknown
        let lost = #expect(throws: IcebergError.self) { try loop.append([file("b")], to: Fixtures.trades) }
        #expect(lost?.code == .outcomeUnknown)
        #expect(try paths(lake, real) == ["data/a"])
        // The objects of the unknown commit are left alone: it may still arrive.
        let lists = try lake.store.list(prefix: table.metadata.metadataFolder).map(\.location).filter { $0.contains("/snap-") }
        #expect(lists.count == 2)
    }

    @Test func `a table that appears while it is looked for is not there yet, and no error`() throws {
        let lake = try TestLake()
        let real = try lake.catalog()
        try real.createNamespace(["cold"], properties: [:])
        let catalog = LossyCatalog(real)
        let creation = try Fixtures.creation()
        catalog.afterLoad = { () throws(IcebergError) in _ = try real.createTable(Fixtures.trades, creation) }
        #expect(try catalog.findTable(Fixtures.trades) == nil)
        catalog.afterLoad = {}
        #expect(try catalog.findTable(Fixtures.trades) != nil)
    }
}

/// A catalog whose answer to a commit gets lost, or that another process changes between two calls.
private final class LossyCatalog: Catalog {
    enum Mode { case honest, doneButUnknown, notDoneAndUnknown }
    var mode = Mode.honest
    /// What another process does right after a load.
    var afterLoad: () throws(IcebergError) -> Void = {}
    private let real: SQLCatalog

    init(_ real: SQLCatalog) { self.real = real }

    var capabilities: CatalogCapabilities { real.capabilities }
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) { try real.createNamespace(namespace, properties: properties) }
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool { try real.namespaceExists(namespace) }
    func namespaces() throws(IcebergError) -> [[String]] { try real.namespaces() }
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] { try real.tables(in: namespace) }
    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table {
        let loaded = Result { () throws(IcebergError) in try real.loadTable(identifier) }
        try afterLoad()
        return try loaded.get()
    }
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table { try real.createTable(identifier, creation) }
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError) { try real.dropTable(identifier) }
    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        if mode != .notDoneAndUnknown {
            let table = try real.commit(updates, requirements: requirements, on: base)
            if mode == .honest { return table }
        }
        throw IcebergError(.outcomeUnknown, "connection lost")
    }
}

final class Problems: @unchecked Sendable {
    // Guarded by the lock.
    private var texts: [String] = []
    private let lock = NSLock()
    func add(_ text: String) { lock.withLock { texts.append(text) } }
    var all: [String] { lock.withLock { texts } }
}
