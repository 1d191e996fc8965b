import K2Domain
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore
import K2TestSupport
import Synchronization
import Testing

@testable import K2Iceberg
@testable import K2Maintenance

struct ExpiryTests {
    private func options(_ random: inout Seeded) -> ExpireOptions {
        var options = ExpireOptions(
            olderThan: random.once(in: 4) ? nil : Int64(random.int(0...30)) * HistoryLake.hour * 1_000, retainLast: random.once(in: 3) ? nil : random.int(1...4))
        // One at a time, so that the number of a call means the same in each run.
        options.readsAtATime = 1
        return options
    }

    // MARK: Whatever the history

    @Test(arguments: 0..<60) func `what stays reads as before, and all that nothing reaches is gone`(_ number: UInt64) throws {
        var random = Seeded.start("expire \(number)")
        let lake = try HistoryLake(seed: random.seed)
        try lake.makeHistory(&random, commits: random.int(3...25))
        var options = options(&random)
        options.readsAtATime = random.int(1...4)
        let others = random.int(0...2)
        if others > 0 {
            var theirs = random
            // Others commit while we read: to a branch, or a new tag on a snapshot that may be about to go.
            lake.catalog.beforeCommit = {
                try lake.makeHistory(&theirs, commits: others)
                if others > 1 { try lake.set("late", SnapshotReference(snapshotID: theirs.pick(lake.table.metadata.snapshots).snapshotID, kind: .tag)) }
            }
        }
        let before = try lake.contents()
        _ = try Expiry(lake.work(), options).run()
        let metadata = try lake.table.metadata
        for snapshot in metadata.snapshots {
            let found = try lake.contents(of: snapshot.snapshotID)
            if let expected = before[snapshot.snapshotID] { #expect(found == expected, "seed \(random.seed)") }
        }
        #expect(try lake.stored() == lake.reachable(), "seed \(random.seed)")
        for reference in metadata.references.values { #expect(metadata.snapshot(id: reference.snapshotID) != nil) }
        // A second run finds nothing, unless time passed for the waiting.
        #expect(try Expiry(lake.work(), options).run().status == .nothing || others > 0, "seed \(random.seed)")
    }

    @Test(arguments: Faults.Moment.allCases, 0..<3) func `a fault at any call leaves the table whole, and a second run finishes`(
        _ moment: Faults.Moment, _ number: UInt64
    ) throws {
        let seed = Seeded.start("faults \(number)").seed
        var isReached = true
        var call = 0
        while isReached {
            call += 1
            var random = Seeded(seed)
            let lake = try HistoryLake(seed: seed)
            try lake.makeHistory(&random, commits: 8)
            lake.clock.advance(100 * HistoryLake.hour)
            var options = ExpireOptions(olderThan: 0, retainLast: 1)
            options.readsAtATime = 1
            let (before, stored) = (try lake.contents(), try lake.stored())
            lake.faults.fail(call: call, moment)
            let result = Result { try Expiry(lake.work(), options).run() }
            isReached = lake.faults.hasFailed
            lake.faults.stop()
            for snapshot in try lake.table.metadata.snapshots {
                #expect(try lake.contents(of: snapshot.snapshotID) == before[snapshot.snapshotID], "seed \(seed), call \(call): \(result)")
            }
            if try lake.table.metadata.snapshots.count == before.count { #expect(try lake.stored() == stored, "nothing is deleted without a commit") }
            _ = try Expiry(lake.work(), options).run()
            #expect(try Expiry(lake.work(), options).run().status == .nothing)
            #expect(try lake.stored().isSuperset(of: lake.reachable()))
        }
        #expect(call > 5)
    }

    // MARK: The commit

    @Test func `a commit of which nobody knows is looked for, and nothing is deleted when it cannot be found`() throws {
        let lake = try HistoryLake()
        for _ in 0..<4 { try lake.append() }
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(HistoryLake.hour)
        let before = try lake.stored()
        let stores = lake.stores()
        let lost = LostCommits(lake.inner)
        let work = TableWork(
            name: "t", identifier: lake.identifier,
            stores: LakeStores(
                catalog: lost, objects: lake.memory, state: lake.state, environment: stores.environment, holder: "a:1:1", isGone: { _ in false }),
            runID: "run")
        let options = ExpireOptions(olderThan: 0, retainLast: 1)
        let unknown = #expect(throws: IcebergError.self) { try Expiry(work, options).run() }
        #expect(unknown?.code == .outcomeUnknown && unknown?.message == "reply lost; nothing was deleted")
        #expect(try lake.stored() == before)
        // The same again, and this time the request had come through.
        lost.isMade = true
        #expect(try Expiry(work, options).run().status == .done)
        #expect(try lake.stored() == lake.reachable())
        #expect(try lake.table.metadata.snapshots.count == 1)
    }

    @Test func `who is slower than others each time gives up with a conflict`() throws {
        let lake = try HistoryLake()
        for _ in 0..<3 { try lake.append() }
        lake.clock.advance(HistoryLake.hour)
        let busy = BusyCatalog(lake.inner)
        let work = TableWork(
            name: "t", identifier: lake.identifier,
            stores: LakeStores(
                catalog: busy, objects: lake.memory, state: lake.state, environment: lake.clock.environment, holder: "a:1:1", isGone: { _ in false }),
            runID: "run")
        let conflict = #expect(throws: IcebergError.self) { try Expiry(work, ExpireOptions(olderThan: 0, retainLast: 1)).run() }
        #expect(conflict?.code == .conflict && busy.commits == 10)
    }

    @Test func `a branch that a server let in while the commit was on its way keeps its files`() throws {
        let lake = try HistoryLake()
        let file = try lake.makeFile()
        let old = try lake.commit { entries, _, made in entries = [made.added(file)] }
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(HistoryLake.hour)
        let server = LateCatalog(lake.inner) {
            // From the snapshot that is about to go, but not at it.
            try lake.set("late", SnapshotReference(snapshotID: old))
            try lake.append(to: "late")
        }
        let work = TableWork(
            name: "t", identifier: lake.identifier,
            stores: LakeStores(
                catalog: server, objects: lake.memory, state: lake.state, environment: lake.clock.environment, holder: "a:1:1", isGone: { _ in false }),
            runID: "run")
        let outcome = try Expiry(work, ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(outcome.facts["expired_snapshots"]?.intValue == 1 && outcome.facts["deleted_data_files"]?.intValue == 0)
        let late = try #require(try lake.table.metadata.references["late"]).snapshotID
        #expect(try lake.table.metadata.snapshot(id: old) == nil && lake.contents(of: late)[file.path] != nil)
        #expect(try lake.stored() == lake.reachable())
    }

    @Test(arguments: [SnapshotReference.Kind.tag, .branch]) func `a tag or branch that is set while the manifests are read keeps its snapshot`(
        _ kind: SnapshotReference.Kind
    ) throws {
        let lake = try HistoryLake()
        let old = try lake.append()
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(HistoryLake.hour)
        let before = try lake.contents()
        let list = try #require(try lake.table.metadata.snapshot(id: old)).manifestList
        nonisolated(unsafe) let unsafeLake = lake
        lake.faults.before("get \(list)") { try? unsafeLake.set("late", SnapshotReference(snapshotID: old, kind: kind)) }
        // A server that lets the commit pass whatever else there is.
        let work = TableWork(
            name: "t", identifier: lake.identifier,
            stores: LakeStores(
                catalog: LateCatalog(lake.inner) {}, objects: lake.stores().objects, state: lake.state, environment: lake.clock.environment,
                holder: "a:1:1", isGone: { _ in false }),
            runID: "run")
        _ = try Expiry(work, ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(try lake.table.metadata.references["late"]?.snapshotID == old)
        #expect(try lake.contents() == before)
    }

    // MARK: What is needed

    @Test func `the newest watermark and what belongs to open batches stay`() throws {
        let lake = try HistoryLake()
        try lake.append(summary: ["k2.watermark": "2026-01-01T00:00:00Z", "k2.batch-id": "a"])
        let watermark = try lake.append(summary: ["k2.watermark": "2026-01-02T00:00:00Z", "k2.batch-id": "b"])
        let open = try lake.append(summary: ["k2.batch-id": "c"])
        let maintained = try lake.append(summary: ["k2.maintenance-id": "m"])
        try lake.append()
        let head = try lake.append()
        lake.clock.advance(100 * HistoryLake.hour)
        // Opened long after its snapshot, as one of a state store that was lost.
        try lake.state.openIntent(Intent(batchID: "c", table: "t", createdAt: Timestamp(microseconds: lake.clock.nowMS * 1_000), files: []))
        try lake.state.openMaintenance(
            MaintenanceIntent(id: "m", table: "t", kind: "compact", holder: "x", createdAt: Timestamp(microseconds: 0), files: []))
        let outcome = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(try Set(lake.table.metadata.snapshots.map(\.snapshotID)) == [watermark, open, maintained, head])
        #expect(outcome.facts["spared_snapshots"]?.intValue == 3 && outcome.summary.hasSuffix("3 old snapshots are needed and stay"))
        try lake.state.settle(
            batchID: "c", .committed,
            run: RunRecord(table: "t", startedAt: Timestamp(microseconds: 0), endedAt: Timestamp(microseconds: 0), status: "committed"))
        try lake.state.closeMaintenance(id: "m")
        _ = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(try Set(lake.table.metadata.snapshots.map(\.snapshotID)) == [watermark, head])
        #expect(try lake.stored() == lake.reachable())
    }

    @Test func `a commit of maintenance tells the watermark on, so the snapshot that told it first may go`() throws {
        let lake = try HistoryLake()
        #expect(try HistoryNeeds.carried(lake.table.metadata).isEmpty)
        try lake.append(summary: ["k2.watermark": "2026-01-02T00:00:00.000000Z", "k2.batch-id": "b"])
        let compacted = try lake.append(summary: HistoryNeeds.carried(lake.table.metadata))
        lake.clock.advance(HistoryLake.hour)
        _ = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        let left = try lake.table.metadata.snapshots
        #expect(left.map(\.snapshotID) == [compacted] && left[0].summary["k2.watermark"] == "2026-01-02T00:00:00.000000Z" && left[0].summary["k2.batch-id"] == nil)
    }

    @Test func `nothing that is not older than an open batch goes`() throws {
        let lake = try HistoryLake()
        try lake.append()
        lake.clock.advance(HistoryLake.hour)
        try lake.state.openIntent(Intent(batchID: "c", table: "t", createdAt: Timestamp(microseconds: lake.clock.nowMS * 1_000), files: []))
        for _ in 0..<3 { try lake.append() }
        lake.clock.advance(HistoryLake.hour)
        _ = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(try lake.table.metadata.snapshots.count == 3)
    }

    @Test func `files of open batches, and those that lie elsewhere, are not deleted`() throws {
        let lake = try HistoryLake()
        let mine = try lake.makeFile()
        let theirs = try lake.makeFile(folder: "mem://elsewhere/data")
        let planned = try lake.makeFile()
        try lake.commit { entries, _, made in entries = [mine, theirs, planned].map { made.added($0) } }
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(HistoryLake.hour)
        try lake.state.openIntent(Intent(batchID: "x", table: "another", createdAt: Timestamp(microseconds: 0), files: [planned.path]))
        let outcome = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(outcome.facts["foreign_files"]?.intValue == 1 && outcome.facts["deleted_data_files"]?.intValue == 1)
        #expect(try lake.memory.exists(theirs.path) && lake.memory.exists(planned.path) && !lake.memory.exists(mine.path))
    }

    @Test(arguments: ["mem://lake/cold/t", "mem://lake/cold", "mem://lake/cold/t/inner", "registered again", "under another name"])
    func `where another table lies too no snapshot is expired`(_ location: String) throws {
        let lake = try HistoryLake()
        try lake.append()
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(HistoryLake.hour)
        let theirs = try SQLCatalog(lake.inner.engine, name: "theirs", warehouse: "mem://lake", store: lake.memory, environment: lake.clock.environment)
        if location.hasPrefix("mem:") {
            let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
            _ = try lake.inner.createTable(TableIdentifier(["cold"], "u"), TableCreation(schema: schema, location: location))
        } else if location == "registered again" {
            try lake.inner.enter(TableIdentifier(["cold"], "u"), pointingAt: lake.table.metadataLocation, uuid: lake.table.metadata.tableUUID)
        } else {
            try theirs.enter(lake.identifier, pointingAt: lake.table.metadataLocation, uuid: lake.table.metadata.tableUUID)
        }
        let stored = try lake.stored()
        for isDryRun in [true, false] {
            let error = #expect(throws: LakeError.self) { try Expiry(lake.work(isDryRun: isDryRun), ExpireOptions(olderThan: 0, retainLast: 1)).run() }
            #expect(error?.code == .configuration && error?.message.contains("is shared with table") == true)
        }
        #expect(try lake.stored().isSuperset(of: stored) && lake.table.metadata.snapshots.count == 2)
    }

    @Test func `a file of which two manifests spell the place differently is one file`() throws {
        let lake = try HistoryLake(location: "s3://lake/t")
        let file = try lake.makeFile()
        var other = file
        other.path = file.path.replacing("s3://", with: "s3a://")
        try lake.commit { entries, _, made in entries = [made.added(file)] }
        try lake.overwrite("main", removing: { _ in true }, adding: [other])
        lake.clock.advance(HistoryLake.hour)
        _ = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(try lake.memory.exists(file.path))
    }

    @Test func `a table that forbids deleting is left alone`() throws {
        let lake = try HistoryLake(properties: ["gc.enabled": "false"])
        for _ in 0..<3 { try lake.append() }
        lake.clock.advance(HistoryLake.hour)
        #expect(try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run().summary == "gc.enabled is false: its files may belong to others")
        #expect(try lake.table.metadata.snapshots.count == 3)
    }

    @Test func `statistics go with their snapshot`() throws {
        let lake = try HistoryLake()
        let ids = try (0..<2).map { _ in try lake.append() }
        let table = try lake.table
        var metadata = table.metadata
        for id in ids {
            let path = "\(metadata.metadataFolder)/\(id).stats"
            try lake.memory.put([1], to: path)
            metadata.statistics.append(["snapshot-id": .integer(id), "statistics-path": .string(path), "file-size-in-bytes": 1])
        }
        try lake.memory.put(metadata.json.bytes, to: table.metadataLocation)
        lake.clock.advance(HistoryLake.hour)
        let outcome = try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(outcome.facts["deleted_statistics"]?.intValue == 1)
        #expect(try lake.memory.exists("\(metadata.metadataFolder)/\(ids[1]).stats") && !lake.memory.exists("\(metadata.metadataFolder)/\(ids[0]).stats"))
    }

    // MARK: What cannot be read

    @Test func `a removed snapshot whose list is lost goes, and what it named is left alone`() throws {
        let lake = try HistoryLake()
        let file = try lake.makeFile()
        try lake.commit { entries, _, made in entries = [made.added(file)] }
        let list = try #require(try lake.table.metadata.currentSnapshot).manifestList
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        try lake.memory.delete(list)
        lake.clock.advance(HistoryLake.hour)
        var notes: [String] = []
        _ = try Expiry(lake.work(note: { notes.append($0) }), ExpireOptions(olderThan: 0, retainLast: 1)).run()
        #expect(try lake.table.metadata.snapshots.count == 1 && lake.memory.exists(file.path) && notes.count == 1)
    }

    @Test func `when a snapshot that stays cannot be read nothing is done`() throws {
        let lake = try HistoryLake()
        try lake.append()
        try lake.append()
        let before = try lake.table
        try lake.memory.delete(try #require(before.metadata.currentSnapshot).manifestList)
        lake.clock.advance(HistoryLake.hour)
        let lost = #expect(throws: IcebergError.self) { try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run() }
        #expect(lost?.code == .missingFile)
        #expect(try lake.table == before)
    }

    // MARK: Dry runs

    /// - Parameter trims: the table lets go of old metadata files as well.
    @Test(arguments: [false, true]) func `a dry run names each file and the reason, and changes nothing`(_ trims: Bool) throws {
        var random = Seeded.start()
        let lake = try HistoryLake(seed: random.seed)
        try lake.makeHistory(&random, commits: 20)
        if trims {
            let kept = ["write.metadata.previous-versions-max": "5", "write.metadata.delete-after-commit.enabled": "true"]
            _ = try lake.inner.commit([.setProperties(kept)], requirements: [], on: try lake.table)
        }
        func all() throws -> Set<String> { Set(try lake.memory.list(prefix: try lake.table.metadata.location + "/").map(\.location)) }
        let (before, everything) = ((try lake.table, try lake.stored()), try all())
        let lines = Mutex<[JSONObject]>([])
        var texts: [String] = []
        let options = ExpireOptions(olderThan: 0, retainLast: 1)
        let planned = try Expiry(
            lake.work(isDryRun: true, show: { line in
                lines.withLock { $0.append(line.json()) }
                texts.append(line.text())
            }), options
        ).run()
        #expect(planned.status == .planned)
        #expect(try (lake.table, lake.stored()) == before)
        let named = lines.withLock { Set($0.compactMap { $0["file"]?.stringValue }) }
        #expect(lines.withLock { $0.allSatisfy { $0["reason"]?.stringValue != nil } } && texts.allSatisfy { $0.hasPrefix("t: ") })
        let done = try Expiry(lake.work(), options).run()
        #expect(try named == everything.subtracting(all()), "seed \(random.seed)")
        for key in planned.facts.keys { #expect(planned.facts[key] == done.facts[key], "\(key)") }
        #expect(done.facts["deleted_files"]?.int64Value == Int64(named.count) && done.facts["deleted_metadata_files"] == (trims ? 1 : 0))
    }
}

/// A catalog whose answers to commits are lost; they are carried out or not.
private final class LostCommits: Catalog {
    let inner: any Catalog
    var isMade = false

    init(_ inner: any Catalog) { self.inner = inner }

    var capabilities: CatalogCapabilities { inner.capabilities }
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {}
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool { true }
    func namespaces() throws(IcebergError) -> [[String]] { try inner.namespaces() }
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] { try inner.tables(in: namespace) }
    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table { try inner.loadTable(identifier) }
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table { try inner.createTable(identifier, creation) }
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {}
    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        if isMade { _ = try inner.commit(updates, requirements: requirements, on: base) }
        throw IcebergError(.outcomeUnknown, "reply lost")
    }
}

/// A catalog whose server applies a commit to the table as it is then, when what the commit requires still holds.
private final class LateCatalog: Catalog {
    let inner: any Catalog
    let others: () throws -> Void

    init(_ inner: any Catalog, _ others: @escaping () throws -> Void) {
        self.inner = inner
        self.others = others
    }

    var capabilities: CatalogCapabilities { CatalogCapabilities(serverSideCommit: true, nestedNamespaces: true) }
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {}
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool { true }
    func namespaces() throws(IcebergError) -> [[String]] { [] }
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] { [] }
    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table { try inner.loadTable(identifier) }
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table { try inner.createTable(identifier, creation) }
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {}
    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        do { try others() } catch { throw IcebergError(.catalog, "\(error)") }
        return try inner.commit(updates, requirements: requirements, on: try inner.loadTable(base.identifier))
    }
}

/// A catalog in which somebody else is always faster.
private final class BusyCatalog: Catalog {
    let inner: any Catalog
    var commits = 0

    init(_ inner: any Catalog) { self.inner = inner }

    var capabilities: CatalogCapabilities { inner.capabilities }
    func createNamespace(_ namespace: [String], properties: [String: String]) throws(IcebergError) {}
    func namespaceExists(_ namespace: [String]) throws(IcebergError) -> Bool { true }
    func namespaces() throws(IcebergError) -> [[String]] { [] }
    func tables(in namespace: [String]) throws(IcebergError) -> [TableIdentifier] { [] }
    func loadTable(_ identifier: TableIdentifier) throws(IcebergError) -> Table { try inner.loadTable(identifier) }
    func createTable(_ identifier: TableIdentifier, _ creation: TableCreation) throws(IcebergError) -> Table { try inner.createTable(identifier, creation) }
    func dropTable(_ identifier: TableIdentifier) throws(IcebergError) {}
    func commit(_ updates: [MetadataUpdate], requirements: [Requirement], on base: Table) throws(IcebergError) -> Table {
        commits += 1
        throw IcebergError(.conflict, "another writer was first", isRetryable: true)
    }
}
