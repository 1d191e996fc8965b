import Foundation
import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintenance

struct OrphanTests {
    private static let day: Int64 = 86_400_000_000

    // MARK: Acting

    private func plan(_ lake: HistoryLake, olderThan: Int64 = 0) throws -> OrphanPlan {
        let output = PlanLines()
        _ = try OrphanSearch(lake.work(), olderThan: olderThan, locations: CatalogLocations(), output: output).run()
        return try #require(try OrphanPlan.read(output.bytes).first)
    }

    private func found(_ lake: HistoryLake, olderThan: Int64 = 0) throws -> Set<String> { Set(try plan(lake, olderThan: olderThan).files.map(\.location)) }

    private func apply(_ lake: HistoryLake, _ plan: OrphanPlan) throws -> StepOutcome {
        try QuarantineMove(lake.work(), plan, locations: CatalogLocations()).run()
    }

    private func put(_ lake: HistoryLake, _ name: String) throws -> String {
        let location = try "\(lake.table.metadata.location)/\(name)"
        try lake.memory.put(Array("stray \(name)".utf8), to: location)
        return location
    }

    /// Everything under the table but quarantines.
    private func present(_ lake: HistoryLake) throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for object in try lake.memory.list(prefix: try lake.table.metadata.location + "/") where !object.location.contains("/_quarantine/") {
            result[object.location] = try lake.memory.get(object.location)
        }
        return result
    }

    private func quarantined(_ lake: HistoryLake) throws -> [String] {
        try lake.memory.list(prefix: try lake.table.metadata.location + "/_quarantine/").map(\.location)
    }

    // MARK: What is found

    @Test(arguments: 0..<25) func `all that nothing names is found, moved, brought back and deleted, and nothing else`(_ number: UInt64) throws {
        var random = Seeded.start("orphans \(number)")
        let lake = try HistoryLake(seed: random.seed)
        try lake.makeHistory(&random, commits: random.int(2...12))
        var strays: Set<String> = []
        for name in ["data/a.parquet", "data/day=1/b.parquet", "metadata/snap-1.avro", "metadata/old.metadata.json", "c", "data/é %41+"] where random.once(in: 2) {
            strays.insert(try put(lake, name))
        }
        for name in ["_x/a", "data/_temporary/a", ".hidden", "metadata/version-hint.text"] { _ = try put(lake, name) }
        let writing = try put(lake, "data/writing.parquet")
        let compacting = try put(lake, "data/compacting.parquet")
        try lake.state.openIntent(Intent(batchID: "b", table: "another", createdAt: Timestamp(microseconds: 0), files: [writing]))
        try lake.state.openMaintenance(
            MaintenanceIntent(id: "m", table: "t", kind: "compact", holder: "x", createdAt: Timestamp(microseconds: 0), files: [compacting]))
        // An expiry that ends between commit and deleting leaves more of them.
        if random.once(in: 2) {
            let before = try lake.reachable()
            let count = try lake.table.metadata.snapshots.count
            let work = lake.work(isStopped: { (try? lake.table.metadata.snapshots.count) != count })
            _ = try? Expiry(work, ExpireOptions(olderThan: 0, retainLast: 1)).run()
            strays.formUnion(try before.subtracting(lake.reachable()))
        }
        // The metadata before has ended to be current by now.
        lake.clock.advance(1_000)
        let (before, contents) = (try present(lake), try lake.contents())
        let plan = try plan(lake)
        #expect(Set(plan.files.map(\.location)) == strays, "seed \(random.seed)")
        #expect(try present(lake) == before && quarantined(lake).isEmpty, "a plan changes nothing")
        _ = try apply(lake, plan)
        #expect(try present(lake) == before.filter { !strays.contains($0.key) }, "seed \(random.seed)")
        #expect(try lake.contents() == contents && found(lake).isEmpty)
        if strays.isEmpty { return }
        let id = Quarantine.id(plan)
        #expect(try QuarantineEnd(lake.work()).restore("another") == nil)
        _ = try QuarantineEnd(lake.work()).restore(id)
        #expect(try present(lake) == before && quarantined(lake).isEmpty, "seed \(random.seed)")
        _ = try apply(lake, plan)
        #expect(try QuarantineEnd(lake.work()).purge(olderThan: Self.day).status == .nothing)
        lake.clock.advance(2 * Self.day / 1_000)
        _ = try QuarantineEnd(lake.work()).purge(olderThan: Self.day)
        #expect(try quarantined(lake).isEmpty && lake.contents() == contents, "seed \(random.seed)")
    }

    @Test func `young files wait`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let stray = try put(lake, "data/x")
        let now = lake.clock.nowMS * 1_000
        for (age, expected) in [(Self.day, []), (Self.day + 1, [stray]), (-Self.day, [])] as [(Int64, [String])] {
            lake.faults.setModified(stray, now - age)
            #expect(try plan(lake, olderThan: Self.day).files.map(\.location) == expected, "age \(age)")
        }
    }

    @Test func `snapshots of metadata that was current not long ago count, those before do not`() throws {
        let lake = try HistoryLake()
        let old = try lake.makeFile()
        try lake.commit { entries, _, made in entries = [made.added(old)] }
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(2 * Self.day / 1_000)
        // Only metadata: the files stay, as with engines that delete none.
        let table = try lake.table
        _ = try lake.inner.commit([.removeSnapshots([table.metadata.snapshots[0].snapshotID])], requirements: [], on: table)
        #expect(try !found(lake, olderThan: 3 * Self.day).contains(old.path))
        lake.clock.advance(Self.day / 1_000)
        #expect(try !found(lake, olderThan: Self.day).contains(old.path), "it was current a day ago")
        lake.clock.advance(2)
        #expect(try found(lake, olderThan: Self.day).contains(old.path))
    }

    @Test func `spellings of one place are one place`() throws {
        let lake = try HistoryLake(location: "s3://lake/cold/t")
        var file = try lake.makeFile()
        file.path = file.path.replacing("s3://", with: "s3a://")
        try lake.commit { entries, _, made in entries = [made.added(file)] }
        #expect(try found(lake).isEmpty)
    }

    @Test func `a file of the same name as a missing one is no orphan, but a reason to stop`() throws {
        let lake = try HistoryLake()
        var file = try lake.makeFile()
        file.path = file.path.replacing("mem://lake", with: "mem://link")
        try lake.commit { entries, _, made in entries = [made.added(file)] }
        let error = #expect(throws: LakeError.self) { try plan(lake) }
        #expect(error?.message.contains("is this another spelling of the same place?") == true)
        // The same for a plan that was made before.
        let trap = try HistoryLake(seed: 2)
        try trap.append()
        let stray = try put(trap, "data/file-9.parquet")
        let made = try plan(trap)
        try trap.commit { entries, _, commit in
            entries = [commit.added(DataFile(path: "mem://link/cold/t/data/file-9.parquet", recordCount: 1, fileSize: 1))]
        }
        #expect(throws: LakeError.self) { try apply(trap, made) }
        #expect(try trap.memory.exists(stray))
    }

    @Test(arguments: ["mem://lake/cold/t", "mem://lake/cold/t/", "mem://lake/cold", "mem://lake/cold/t/inner"])
    func `a location that is shared with another table is not touched`(_ location: String) throws {
        let lake = try HistoryLake()
        try lake.append()
        _ = try put(lake, "data/x")
        let made = try plan(lake)
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        try lake.inner.createNamespace(["other", "deep"], properties: [:])
        _ = try lake.inner.createTable(TableIdentifier(["other", "deep"], "u"), TableCreation(schema: schema, location: location))
        #expect(#expect(throws: LakeError.self) { try plan(lake) }?.code == .configuration)
        #expect(#expect(throws: LakeError.self) { try apply(lake, made) }?.message.contains("is shared with table other.deep.u") == true)
        #expect(try quarantined(lake).isEmpty)
    }

    @Test func `a neighbour whose name begins alike is no sharer, and a folder of data elsewhere is`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        _ = try lake.inner.createTable(TableIdentifier(["cold"], "t2"), TableCreation(schema: schema, location: "mem://lake/cold/t2"))
        #expect(try found(lake).isEmpty)
        _ = try lake.inner.createTable(
            TableIdentifier(["cold"], "t3"), TableCreation(schema: schema, properties: ["write.data.path": "mem://lake/cold/t/data"]))
        #expect(throws: LakeError.self) { try plan(lake) }
    }

    @Test func `too wide a location is refused, and gc.enabled is respected`() throws {
        let wide = try HistoryLake(location: "s3://lake")
        #expect(throws: LakeError.self) { try plan(wide) }
        let closed = try HistoryLake(properties: ["gc.enabled": "false"])
        _ = try put(closed, "data/x")
        #expect(try OrphanSearch(closed.work(), olderThan: 0, locations: CatalogLocations()).run().status == .nothing)
    }

    @Test(arguments: ["list", "manifest", "metadata", "other"]) func `nothing is planned when anything cannot be read`(_ what: String) throws {
        let lake = try HistoryLake()
        for _ in 0..<3 { try lake.append() }
        _ = try put(lake, "data/x")
        let made = try plan(lake)
        let metadata = try lake.table.metadata
        switch what {
        case "list": try lake.memory.delete(metadata.snapshots[0].manifestList)
        case "manifest": try lake.memory.put([1, 2, 3], to: try TableFiles(metadata: metadata, store: lake.memory).manifests()[1].path)
        case "metadata": try lake.memory.put([1, 2, 3], to: metadata.metadataLog[metadata.metadataLog.count - 1].metadataFile)
        default:
            let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
            let other = try lake.inner.createTable(TableIdentifier(["cold"], "u"), TableCreation(schema: schema))
            try lake.memory.delete(other.metadataLocation)
        }
        let output = PlanLines()
        #expect(throws: (any Error).self) { try OrphanSearch(lake.work(), olderThan: 0, locations: CatalogLocations(), output: output).run() }
        #expect(output.bytes.isEmpty)
        #expect(throws: (any Error).self) { try apply(lake, made) }
        #expect(try quarantined(lake).isEmpty)
    }

    // MARK: Between plan and apply

    @Test func `what came into use since stays, and so does what changed`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let files = try (0..<5).map { _ in try lake.makeFile() }
        let made = try plan(lake)
        #expect(made.files.count == 5)
        try lake.commit { entries, _, commit in entries = [commit.added(files[0])] }
        try lake.state.openIntent(Intent(batchID: "b", table: "t", createdAt: Timestamp(microseconds: 0), files: [files[1].path]))
        try lake.memory.put(Array("longer than it was before, by far".utf8), to: files[2].path)
        try lake.memory.delete(files[3].path)
        let outcome = try apply(lake, made)
        #expect(outcome.facts["moved_files"]?.intValue == 1 && outcome.facts["live_files"]?.intValue == 2)
        #expect(outcome.facts["changed_files"]?.intValue == 1 && outcome.facts["gone_files"]?.intValue == 1)
        #expect(try lake.contents().count == 2 && lake.memory.exists(files[1].path) && lake.memory.exists(files[2].path) && !lake.memory.exists(files[4].path))
    }

    @Test func `what comes into use while it is moved is brought back`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let files = try (0..<3).map { _ in try lake.makeFile() }
        let made = try plan(lake)
        nonisolated(unsafe) let unsafeLake = lake
        lake.faults.before("copy \(made.files[1].location)") {
            try? unsafeLake.commit { entries, _, commit in entries = files.prefix(2).map { commit.added($0) } }
        }
        let outcome = try apply(lake, made)
        #expect(outcome.facts["moved_files"]?.intValue == 1 && outcome.facts["live_files"]?.intValue == 2)
        #expect(try lake.contents(of: try #require(lake.table.metadata.currentSnapshotID)).count == 3)
        // A later run of the same plan changes nothing.
        #expect(try apply(lake, made).facts["moved_files"]?.intValue == 0)
    }

    @Test func `a plan of another table, and paths that lead elsewhere, are refused`() throws {
        let lake = try HistoryLake()
        try lake.append()
        _ = try put(lake, "data/x")
        var other = try plan(lake)
        other.tableUUID = "another"
        #expect(#expect(throws: LakeError.self) { try apply(lake, other) }?.code == .configuration)
        for location in ["mem://lake/cold/u/data/x", "mem://lake/cold/t/_quarantine/1/manifest.ndjson", "mem://lake/cold/t"] {
            var wrong = try plan(lake)
            wrong.files[0].location = location
            #expect(throws: LakeError.self) { try apply(lake, wrong) }
        }
        #expect(try quarantined(lake).isEmpty)
    }

    // MARK: Faults

    @Test(arguments: Faults.Moment.allCases, ["apply", "restore", "purge"]) func `a fault at any call loses nothing, and a second run finishes`(
        _ moment: Faults.Moment, _ verb: String
    ) throws {
        var call = 0
        var isReached = true
        while isReached {
            call += 1
            let lake = try HistoryLake()
            try lake.append(2)
            for name in ["data/x", "data/y", "z"] { _ = try put(lake, name) }
            let (before, contents) = (try present(lake), try lake.contents())
            var plan = try plan(lake)
            func act() throws {
                let id = Quarantine.id(plan)
                switch verb {
                case "apply": _ = try apply(lake, plan)
                case "restore": _ = try QuarantineEnd(lake.work()).restore(id)
                default: _ = try QuarantineEnd(lake.work()).purge(olderThan: 0)
                }
            }
            if verb != "apply" { _ = try apply(lake, plan) }
            lake.clock.advance(1_000)
            lake.faults.fail(call: call, moment)
            try? act()
            isReached = lake.faults.hasFailed
            lake.faults.stop()
            #expect(try lake.contents() == contents, "call \(call)")
            if verb != "purge" {
                for file in plan.files {
                    let copy = "\(plan.location)/_quarantine/\(Quarantine.id(plan))/files/\(file.location.dropFirst(plan.location.count + 1))"
                    let places = try [file.location, copy].filter { try lake.memory.exists($0) }
                    #expect(try !places.isEmpty && places.allSatisfy { try lake.memory.get($0) == before[file.location] }, "call \(call): \(file.location)")
                }
            }
            // All was brought back.
            if verb == "apply", try quarantined(lake).isEmpty { plan = try self.plan(lake) }
            try act()
            switch verb {
            case "apply": #expect(try present(lake).count == before.count - 3 && quarantined(lake).count == 4, "call \(call)")
            case "restore": #expect(try present(lake) == before && quarantined(lake).isEmpty, "call \(call)")
            default: #expect(try present(lake).count == before.count - 3 && quarantined(lake).isEmpty, "call \(call)")
            }
        }
        #expect(call > 8)
    }

    @Test func `what is moved days later by the same plan is as young as it is`() throws {
        let lake = try HistoryLake()
        try lake.append()
        for name in ["data/x", "data/y"] { _ = try put(lake, name) }
        let made = try plan(lake)
        lake.faults.failNext("copy \(made.files[1].location)", .before)
        #expect(throws: StoreError.self) { try apply(lake, made) }
        #expect(try quarantined(lake).count == 2)
        lake.clock.advance(10 * Self.day / 1_000)
        #expect(try apply(lake, made).facts["moved_files"]?.intValue == 1)
        #expect(try QuarantineEnd(lake.work()).purge(olderThan: 7 * Self.day).status == .nothing)
        #expect(try quarantined(lake).count == 3)
        // A run that moves nothing makes nothing younger.
        lake.clock.advance(7 * Self.day / 1_000)
        _ = try apply(lake, made)
        lake.clock.advance(1)
        _ = try QuarantineEnd(lake.work()).purge(olderThan: 7 * Self.day)
        #expect(try quarantined(lake).isEmpty)
    }

    @Test func `a copy that is not whole does not replace its source`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let stray = try put(lake, "data/x")
        let made = try plan(lake)
        let (memory, copy) = (lake.memory, "\(made.location)/_quarantine/\(Quarantine.id(made))/files/data/x")
        lake.faults.before("size \(copy)") { try? memory.put([1], to: copy) }
        #expect(throws: StoreError.self) { try apply(lake, made) }
        #expect(try memory.exists(stray))
        _ = try apply(lake, made)
        #expect(try memory.get(copy) == Array("stray data/x".utf8) && !memory.exists(stray))
    }

    @Test func `where another file lies now nothing is replaced, and the same one is enough`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let (same, other) = (try put(lake, "data/same"), try put(lake, "data/other"))
        let content = try lake.memory.get(same)
        let made = try plan(lake)
        _ = try apply(lake, made)
        try lake.memory.put(content, to: same)
        try lake.memory.put([1], to: other)
        let before = try lake.memory.list(prefix: "mem://lake/")
        let planned = #expect(throws: LakeError.self) { try QuarantineEnd(lake.work(isDryRun: true)).restore(Quarantine.id(made)) }
        #expect(planned?.message == "t: 1 files would be brought back; 1 stay in quarantine \(Quarantine.id(made)), because other files lie at their places")
        #expect(try lake.memory.list(prefix: "mem://lake/") == before)
        let conflict = #expect(throws: LakeError.self) { try QuarantineEnd(lake.work()).restore(Quarantine.id(made)) }
        #expect(conflict?.message == "t: 1 files were brought back; 1 stay in quarantine \(Quarantine.id(made)), because other files lie at their places")
        #expect(try lake.memory.get(other) == [1] && lake.memory.get(same) == content && quarantined(lake).count == 2)
        try lake.memory.delete(other)
        _ = try QuarantineEnd(lake.work()).restore(Quarantine.id(made))
        #expect(try quarantined(lake).isEmpty && lake.memory.exists(other))
    }

    @Test func `what the table names now is not purged`() throws {
        let lake = try HistoryLake()
        try lake.append()
        let file = try lake.makeFile()
        let made = try plan(lake)
        _ = try apply(lake, made)
        try lake.commit { entries, _, commit in entries = [commit.added(file)] }
        lake.clock.advance(1_000)
        #expect(#expect(throws: LakeError.self) { try QuarantineEnd(lake.work()).purge(olderThan: 0) }?.message.contains("bring them back") == true)
        _ = try QuarantineEnd(lake.work()).restore(Quarantine.id(made))
        #expect(try lake.contents().count == 2)
    }

    // MARK: Folder catalogs

    @Test func `of a folder catalog's versions none goes, nor the hint`() throws {
        let memory = MemoryStore()
        let clock = TestClock(seed: 1)
        let catalog = try FileCatalog(root: "mem://lake/folder", store: memory, environment: clock.environment)
        let identifier = TableIdentifier(["cold"], "t")
        try catalog.createNamespace(["cold"], properties: [:])
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        let kept = ["write.metadata.previous-versions-max": "2", "write.metadata.delete-after-commit.enabled": "true"]
        _ = try catalog.createTable(identifier, TableCreation(schema: schema, properties: kept))
        for number in 0..<6 { _ = try catalog.commit([.setProperties(["n": "\(number)"])], requirements: [], on: try catalog.loadTable(identifier)) }
        let work = TableWork(
            name: "t", identifier: identifier,
            stores: LakeStores(
                catalog: catalog, objects: memory, state: try SQLStateStore(path: ":memory:"), environment: clock.environment, holder: "a", isGone: { _ in false }),
            runID: "r")
        func planned() throws -> OrphanPlan {
            let output = PlanLines()
            _ = try OrphanSearch(work, olderThan: 0, locations: CatalogLocations(), output: output).run()
            return try #require(try OrphanPlan.read(output.bytes).first)
        }
        let folder = "mem://lake/folder/cold/t/metadata/"
        let stray = "\(folder)snap-1.avro"
        try memory.put([1], to: stray)
        #expect(try memory.list(prefix: folder + "v").count == 8)
        #expect(try planned().files.map(\.location) == [stray])
        // A plan that was made otherwise moves none.
        var plan = try planned()
        let first = try #require(try memory.list(prefix: folder + "v1.").first)
        plan.files.append(OrphanPlan.File(location: first.location, size: first.size, modified: Timestamp(microseconds: first.modifiedMicroseconds)))
        _ = try QuarantineMove(work, plan, locations: CatalogLocations()).run()
        #expect(try memory.exists(first.location) && !memory.exists(stray))
        try memory.delete(folder + "version-hint.text")
        #expect(try planned().files.isEmpty && catalog.loadTable(identifier).metadata.properties["n"] == "5")
    }
}

/// A plan in memory.
final class PlanLines: OrphanSearch.Output {
    private var start = 0
    private(set) var bytes: [UInt8] = []

    func begin() { start = bytes.count }
    func add(_ line: JSONObject) { bytes += Array(JSONValue.object(line).text.utf8) + [0x0a] }
    func end() {}
    func abandon() { bytes.removeSubrange(start...) }
}
