import Dispatch
import Foundation
import K2Iceberg
import K2JSON
import K2ObjectStore
import K2TestSupport
import Testing

/// A catalog on a server whose connections are lost, and which others use at the same time.
@Suite(.serialized, .enabled(if: TestPostgres.isExpected, "needs PostgreSQL: apt-get install postgresql"))
struct SQLCatalogFaultTests {
    private func file(_ name: String) -> DataFile { DataFile(path: "data/\(name)", partition: [.date(1)], recordCount: 1, fileSize: 10) }

    private func paths(_ catalog: SQLCatalog, _ lake: TestLake) throws -> [String] {
        try TableFiles(metadata: try catalog.loadTable(Fixtures.trades).metadata, store: lake.store).dataFiles().map(\.path).sorted()
    }

    /// Every file in the metadata folder belongs to the table.
    private func expectNoRubbish(_ catalog: SQLCatalog, _ lake: TestLake) throws {
        let table = try catalog.loadTable(Fixtures.trades)
        let known = Set(table.metadata.metadataLog.map(\.metadataFile) + [table.metadataLocation])
        let found = try lake.store.list(prefix: table.metadata.metadataFolder).map(\.location)
        #expect(Set(found.filter { $0.hasSuffix(".metadata.json") }) == known)
        #expect(found.filter { $0.contains("/snap-") }.sorted() == table.metadata.snapshots.map(\.manifestList).sorted())
    }

    enum Loss: String, CaseIterable, Sendable {
        case beforeTheServer, afterTheServer, afterAWhile, terminated

        /// Loses the connection at statement `number`, of a database of the shared server.
        func rule(_ number: Int, _ database: String) -> TestProxy.Rule {
            { _, statement in
                if statement != number { return .forward }
                switch self {
                case .beforeTheServer: return .cutBefore
                case .afterTheServer: return .cutAfter
                case .afterAWhile: return .cutAndForwardLater(milliseconds: 100)
                case .terminated:
                    try? TestPostgres.shared.get().disconnect(database)
                    return .forward
                }
            }
        }
    }

    @Test(arguments: Loss.allCases) func `an append survives the loss of its connection at any statement, and is made once`(_ loss: Loss) throws {
        try SQLPlace.with(.postgres) { place in
            let direct = try place.catalog()
            try direct.createNamespace(["cold"], properties: [:])
            _ = try direct.createTable(Fixtures.trades, try Fixtures.creation())
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let loop = CommitLoop(
                catalog: try place.catalog(port: proxy.port, environment: .fixed(seed: 2)), store: place.lake.store, environment: .fixed(seed: 3))
            var expected: [String] = []
            for number in 0..<100 {
                proxy.follow(loss.rule(number, place.database.name))
                _ = try loop.append([file("\(number)")], to: Fixtures.trades)
                expected.append("data/\(number)")
                if proxy.count <= number { break }
                #expect(try paths(direct, place.lake) == expected.sorted(), "\(number)")
            }
            #expect(expected.count > 4, "load, begin, update, commit")
            let table = try direct.loadTable(Fixtures.trades)
            #expect(table.metadata.snapshots.count == expected.count)
            try expectNoRubbish(direct, place.lake)
        }
    }

    @Test(arguments: Loss.allCases) func `a table is made once or not, whatever is lost`(_ loss: Loss) throws {
        try SQLPlace.with(.postgres) { place in
            let direct = try place.catalog()
            try direct.createNamespace(["cold"], properties: [:])
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let catalog = try place.catalog(port: proxy.port, environment: .fixed(seed: 2))
            for number in 0..<100 {
                proxy.follow(loss.rule(number, place.database.name))
                do throws(IcebergError) { _ = try catalog.createTable(Fixtures.trades, creation()) } catch {
                    #expect(error.code == .catalog && error.isRetryable, "\(number): \(error)")
                    #expect(try direct.findTable(Fixtures.trades) == nil, "\(number): \(error)")
                    #expect(try place.lake.store.list(prefix: place.lake.warehouse).isEmpty, "\(number): \(error)")
                    _ = try catalog.createTable(Fixtures.trades, creation())
                }
                try expectNoRubbish(direct, place.lake)
                try direct.dropTable(Fixtures.trades)
                for file in try place.lake.store.list(prefix: place.lake.warehouse) { _ = try place.lake.store.delete(file.location) }
                if proxy.count <= number {
                    #expect(number > 4)
                    return
                }
            }
            Issue.record("a table of a hundred statements")
        }
    }

    private func creation() -> TableCreation { try! Fixtures.creation() }

    @Test func `a commit that cannot be read back is unknown, and nothing of it is removed`() throws {
        try SQLPlace.with(.postgres) { place in
            let direct = try place.catalog()
            try direct.createNamespace(["cold"], properties: [:])
            _ = try direct.createTable(Fixtures.trades, try Fixtures.creation())
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let catalog = try place.catalog(port: proxy.port, environment: .fixed(seed: 2))
            let loop = CommitLoop(catalog: catalog, store: place.lake.store, environment: .fixed(seed: 3))
            let isLost = Flag()
            proxy.follow { statement, _ in
                if isLost.isSet { return .cutBefore }
                if statement == "COMMIT" { isLost.set() }
                return statement == "COMMIT" ? .cutAfter : .forward
            }
            let error = #expect(throws: IcebergError.self) { _ = try loop.append([file("a")], to: Fixtures.trades, summary: ["batch": "a"]) }
            #expect(error?.code == .outcomeUnknown)
            let name = "postgres://127.0.0.1:\(proxy.port)/\(place.database.name)"
            #expect(error?.message.hasPrefix("table cold.trades: commit outcome unknown: \(name): commit: ") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("; reading back: \(name): ") == true)
            proxy.follow { _, _ in .forward }
            // A new connection waits for the commit, should it still be on its way.
            #expect(try paths(place.catalog(), place.lake) == ["data/a"])
            let again = try loop.append([file("a")], to: Fixtures.trades) { !$0.snapshots(withSummary: "batch", value: "a").isEmpty }
            #expect(again == .nothingToDo(try direct.loadTable(Fixtures.trades)))
        }
    }

    /// The answer to our commit is lost; before we can look, somebody else commits on top of it, or instead of it.
    @Test(arguments: [true, false]) func `a lost commit is recognised below a later one`(_ isMade: Bool) throws {
        try SQLPlace.with(.postgres) { place in
            let direct = try place.catalog()
            try direct.createNamespace(["cold"], properties: [:])
            _ = try direct.createTable(Fixtures.trades, try Fixtures.creation())
            let proxy = try TestProxy(server: TestPostgres.shared.get().port)
            let catalog = try place.catalog(port: proxy.port, environment: .fixed(seed: 2))
            let loop = CommitLoop(catalog: catalog, store: place.lake.store, environment: .fixed(seed: 3))
            let (url, warehouse, store) = (try place.database.url(), place.lake.warehouse, place.lake.store)
            let isLost = Flag()
            let problems = Problems()
            proxy.follow { statement, _ in
                if statement == "COMMIT", isLost.set() { return isMade ? .cutAfter : .cutBefore }
                // The first statement of the new connection.
                if isLost.isSet, statement.hasPrefix("SET "), isLost.useUp() {
                    do {
                        let other = try SQLCatalog(postgres: url, warehouse: warehouse, store: store, environment: .fixed(seed: 4))
                        let file = DataFile(path: "data/other", partition: [.date(1)], recordCount: 1, fileSize: 10)
                        _ = try CommitLoop(catalog: other, store: store, environment: .fixed(seed: 5)).append([file], to: Fixtures.trades)
                    } catch { problems.add("\(error)") }
                }
                return .forward
            }
            guard case .committed(_, let snapshotID) = try loop.append([file("ours")], to: Fixtures.trades) else {
                Issue.record("nothing was done")
                return
            }
            #expect(problems.all == [] && isLost.isUsedUp)
            #expect(try paths(direct, place.lake) == ["data/other", "data/ours"])
            let snapshots = try direct.loadTable(Fixtures.trades).metadata.snapshots
            #expect(snapshots.count == 2 && snapshots[isMade ? 0 : 1].snapshotID == snapshotID)
            try expectNoRubbish(direct, place.lake)
        }
    }

    @Test func `writers at the same time lose no update`() throws {
        try SQLPlace.with(.postgres) { place in
            let catalog = try place.catalog()
            try catalog.createNamespace(["cold"], properties: [:])
            _ = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
            let problems = Problems()
            let (url, warehouse, store) = (try place.database.url(), place.lake.warehouse, place.lake.store)
            DispatchQueue.concurrentPerform(iterations: 4) { writer in
                do {
                    let loop = CommitLoop(catalog: try SQLCatalog(postgres: url, warehouse: warehouse, store: store), store: store, maxAttempts: 100)
                    for number in 0..<8 { _ = try loop.append([self.file("\(writer)-\(number)")], to: Fixtures.trades) }
                } catch { problems.add("\(error)") }
            }
            #expect(problems.all == [])
            #expect(try paths(catalog, place.lake) == (0..<4).flatMap { writer in (0..<8).map { "data/\(writer)-\($0)" } }.sorted())
            try expectNoRubbish(catalog, place.lake)
        }
    }

    @Test func `a server that is killed and comes back is waited for`() throws {
        let lake = try TestLake()
        let server = try TestPostgres()
        let proxy = try TestProxy(server: server.port)
        let direct = try SQLCatalog(postgres: server.url(), warehouse: lake.warehouse, store: lake.store, environment: .fixed())
        try direct.createNamespace(["cold"], properties: [:])
        _ = try direct.createTable(Fixtures.trades, try Fixtures.creation())
        var environment = CommitEnvironment.fixed(seed: 2)
        // The first wait is long enough for a restart.
        environment.sleepMS = { _ in try? server.start() }
        let catalog = try SQLCatalog(
            postgres: server.url(port: proxy.port), warehouse: lake.warehouse, store: lake.store, environment: environment)
        for (number, verdict) in [TestProxy.Verdict.cutBefore, .cutAfter].enumerated() {
            proxy.follow { statement, _ in
                guard statement == "COMMIT" else { return .forward }
                if number == 0 { try? server.kill() }
                return verdict
            }
            let base = try direct.loadTable(Fixtures.trades)
            let failure: IcebergError?
            do throws(IcebergError) {
                _ = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: base)
                failure = nil
            } catch { failure = error }
            // Killed before the commit came: not made, and known to be. Commit made, answer lost: made, and known to be.
            #expect((failure == nil) == (number == 1), "\(failure?.message ?? "made")")
            #expect(failure?.code == (number == 0 ? .catalog : nil) && failure?.isRetryable != false)
            #expect((try direct.loadTable(Fixtures.trades) == base) == (number == 0))
        }
        try expectNoRubbish(direct, lake)
    }

    @Test func `who may change rows only needs no more than that, and who may only read can read`() throws {
        try SQLPlace.with(.postgres) { place in
            let server = try TestPostgres.shared.get()
            let owner = try place.catalog()
            try owner.createNamespace(["cold"], properties: [:])
            let table = try owner.createTable(Fixtures.trades, try Fixtures.creation())
            for (role, rights) in [("writer", "SELECT, INSERT, UPDATE, DELETE"), ("reader", "SELECT")] {
                let name = "\(role)_\(place.database.name)"
                try server.sql("CREATE ROLE \(name) LOGIN; GRANT \(rights) ON ALL TABLES IN SCHEMA public TO \(name)", database: place.database.name)
                let catalog = try SQLCatalog(
                    postgres: server.url(database: place.database.name, user: name), warehouse: place.lake.warehouse, store: place.lake.store,
                    environment: .fixed(seed: 9))
                #expect(try catalog.loadTable(Fixtures.trades).metadata.tableUUID == table.metadata.tableUUID)
                do throws(IcebergError) {
                    let current = try catalog.loadTable(Fixtures.trades)
                    _ = try catalog.commit([.setProperties(["by": role])], requirements: [], on: current)
                    #expect(role == "writer")
                } catch {
                    #expect(role == "reader" && error.code == .catalog && !error.isRetryable)
                    #expect(error.message.hasSuffix("/\(place.database.name): update iceberg_tables: permission denied for table iceberg_tables (42501)"))
                }
            }
            try expectNoRubbish(owner, place.lake)
        }
    }

    @Test(.enabled(if: Python.main != nil, "needs pyiceberg and psycopg2: K2_TEST_PYTHON"))
    func `pyiceberg and we open and append to each other's tables on a server`() throws {
        try SQLPlace.with(.postgres) { place in
            let python = try #require(Python.main)
            let (lake, uri) = (place.lake, try place.uri)
            // Pyiceberg first: it makes the catalog's tables.
            let foreign = TableIdentifier(["foreign"], "t")
            let report = try python.run(Scripts.createForeign, [uri, lake.warehouse])
            let catalog = try place.catalog()
            let theirs = try catalog.loadTable(foreign)
            #expect(theirs.metadata.tableUUID == report["uuid"]?.stringValue)
            let loop = CommitLoop(catalog: catalog, store: lake.store, environment: .fixed(seed: 7))
            let changed = try catalog.commit([.setProperties(["by": "k2"])], requirements: [.tableUUID(theirs.metadata.tableUUID)], on: theirs)
            #expect(changed.metadata.properties["by"] == "k2")
            // Then ours: we append, they append, we append.
            try catalog.createNamespace(["cold"], properties: ["owner": "k2"])
            let ours = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
            let first = try ForeignFile(python, lake, catalog: uri, table: ours, name: "a.parquet", start: 0, count: 100, day: 20000)
            _ = try loop.append([try first.dataFile(day: 20000)], to: Fixtures.trades, summary: ["k2.batch-id": "one"])
            try python.run(Scripts.append, [uri, "cold.trades", first.path])
            let second = try ForeignFile(python, lake, catalog: uri, table: ours, name: "b.parquet", start: 100, count: 50, day: 20001)
            _ = try loop.append([try second.dataFile(day: 20001)], to: Fixtures.trades, summary: ["k2.batch-id": "two"])
            let found = try python.run(Scripts.describe, [uri, "cold.trades"])
            #expect(found["rows"] == 250 && found["distinct"] == 150 && found["sequence"] == 3)
            #expect(found["summary"]?["k2.batch-id"] == "two" && found["summary"]?["total-records"] == "250")
            #expect(try catalog.namespaces() == [["cold"], ["foreign"]])
            let files = try TableFiles(metadata: try catalog.loadTable(Fixtures.trades).metadata, store: lake.store).dataFiles()
            #expect(files.reduce(0) { $0 + $1.recordCount } == 250)
        }
    }
}

/// Set once, and used once after that.
private final class Flag: @unchecked Sendable {
    // Guarded by the lock.
    private var state = 0
    private let lock = NSLock()

    /// Whether this was the first time.
    @discardableResult
    func set() -> Bool { advance(from: 0) }
    func useUp() -> Bool { advance(from: 1) }
    var isSet: Bool { lock.withLock { state > 0 } }
    var isUsedUp: Bool { lock.withLock { state > 1 } }

    private func advance(from old: Int) -> Bool {
        lock.withLock {
            guard state == old else { return false }
            state += 1
            return true
        }
    }
}
