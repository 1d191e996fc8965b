import K2JSON
import K2Lake
import K2ObjectStore
import K2TestSupport
import Testing

@testable import K2Iceberg
@testable import K2Maintenance

struct NeighbourFilesTests {
    private static let day: Int64 = 86_400_000_000

    private func plan(_ lake: HistoryLake) throws -> OrphanPlan {
        let output = PlanLines()
        _ = try OrphanSearch(lake.work(), olderThan: 0, locations: CatalogLocations(), output: output).run()
        return try #require(try OrphanPlan.read(output.bytes).first)
    }

    private func apply(_ lake: HistoryLake, _ plan: OrphanPlan) throws -> StepOutcome {
        try QuarantineMove(lake.work(), plan, locations: CatalogLocations()).run()
    }

    /// Another table of the catalog, elsewhere.
    private func neighbour(_ lake: HistoryLake, in catalog: SQLCatalog? = nil) throws -> Neighbour {
        let catalog = catalog ?? lake.inner
        let identifier = TableIdentifier(["other", "deep"], "u")
        try catalog.createNamespace(identifier.namespace, properties: [:])
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        _ = try catalog.createTable(identifier, TableCreation(schema: schema, location: "mem://elsewhere/u"))
        return Neighbour(lake: lake, catalog: catalog, identifier: identifier)
    }

    private struct Neighbour {
        let lake: HistoryLake
        let catalog: SQLCatalog
        let identifier: TableIdentifier

        /// Makes a file its own where it lies, as pyiceberg's `add_files` does.
        func add(_ path: String) throws {
            let size = try lake.memory.size(path)
            _ = try CommitLoop(catalog: catalog, store: lake.memory, environment: lake.clock.environment)
                .append([DataFile(path: path, recordCount: 1, fileSize: size)], to: identifier)
        }
    }

    @Test(arguments: [false, true]) func `files that another table has taken in are neither planned, nor moved, nor purged`(_ isHidden: Bool) throws {
        let lake = try HistoryLake()
        try lake.append()
        let paths = try (0..<4).map { _ in try lake.makeFile().path }
        let catalog = isHidden ? try SQLCatalog(lake.inner.engine, name: "theirs", warehouse: "mem://lake", store: lake.memory, environment: lake.clock.environment) : nil
        let other = try neighbour(lake, in: catalog)
        try other.add(paths[0])
        let made = try plan(lake)
        #expect(made.files.map(\.location) == Array(paths[1...]))
        try other.add(paths[1])
        nonisolated(unsafe) let theirs = other
        lake.faults.before("copy \(paths[2])") { try? theirs.add(paths[2]) }
        let outcome = try apply(lake, made)
        #expect(outcome.facts["moved_files"]?.intValue == 1 && outcome.facts["files_of_other_tables"]?.intValue == 1)
        for path in paths.prefix(3) { #expect(try lake.memory.exists(path)) }
        #expect(try !lake.memory.exists(paths[3]))
        // One that they take in while it is away: they would lose it.
        let copy = try #require(try lake.memory.list(prefix: lake.table.metadata.location + "/_quarantine/").first { $0.location.hasSuffix(".parquet") })
        try lake.memory.copy(copy.location, to: paths[3])
        try other.add(paths[3])
        lake.clock.advance(Self.day)
        #expect(throws: (any Error).self) { try QuarantineEnd(lake.work()).purge(olderThan: 0) }
        #expect(try lake.memory.exists(copy.location))
    }

    @Test(arguments: ["list", "manifest"]) func `nothing is planned or moved when another table cannot be read`(_ what: String) throws {
        let lake = try HistoryLake()
        try lake.append()
        let path = try lake.makeFile().path
        let made = try plan(lake)
        let other = try neighbour(lake)
        try other.add(try lake.makeFile(folder: "mem://elsewhere/u/data").path)
        let metadata = try lake.inner.loadTable(other.identifier).metadata
        switch what {
        case "list": try lake.memory.delete(metadata.snapshots[0].manifestList)
        default: try lake.memory.put([1, 2, 3], to: try TableFiles(metadata: metadata, store: lake.memory).manifests()[0].path)
        }
        #expect(throws: (any Error).self) { try plan(lake) }
        #expect(throws: (any Error).self) { try apply(lake, made) }
        #expect(try lake.memory.exists(path))
    }

    @Test(arguments: [false, true]) func `all is brought back when a table is lost while files are moved`(_ wasBegun: Bool) throws {
        let lake = try HistoryLake()
        try lake.append()
        let paths = try (0..<3).map { _ in try lake.makeFile().path }
        let other = try neighbour(lake)
        try other.add(try lake.makeFile(folder: "mem://elsewhere/u/data").path)
        let (made, pointer) = (try plan(lake), try lake.inner.loadTable(other.identifier).metadataLocation)
        if wasBegun {
            // A run that ended after its first file.
            lake.faults.failNext("copy \(paths[1])", .before)
            #expect(throws: StoreError.self) { try apply(lake, made) }
            #expect(try !lake.memory.exists(paths[0]))
        }
        let memory = lake.memory
        lake.faults.before("copy \(paths[1])") { _ = try? memory.delete(pointer) }
        let error = #expect(throws: LakeError.self) { try apply(lake, made) }
        #expect(error?.message.contains("table other.deep.u, which may name files of this one, cannot be read") == true)
        #expect(error?.message.hasSuffix("; 3 files brought back to where they were") == true && error?.code == .failed && error?.hint != nil)
        for path in paths { #expect(try memory.get(path) == Array("content of \(path)".utf8)) }
        #expect(try memory.list(prefix: lake.table.metadata.location + "/_quarantine/").isEmpty)
    }

    // MARK: Tables of other catalog names

    @Test(arguments: ["mem://lake/cold/t", "mem://lake/cold", "mem://lake/cold/t/inner"])
    func `a location shared with a table under another catalog name is not touched`(_ location: String) throws {
        let lake = try HistoryLake()
        try lake.append()
        _ = try lake.makeFile()
        let made = try plan(lake)
        let theirs = try SQLCatalog(lake.inner.engine, name: "theirs", warehouse: "mem://lake", store: lake.memory, environment: lake.clock.environment)
        try theirs.createNamespace(["cold"], properties: [:])
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        let table = try theirs.createTable(TableIdentifier(["cold"], "t"), TableCreation(schema: schema, location: location))
        #expect(try lake.inner.hiddenTables().map(\.identifier.description) == ["theirs.cold.t"] && theirs.hiddenTables().map(\.identifier.description) == ["k2.cold.t"])
        let error = #expect(throws: LakeError.self) { try plan(lake) }
        #expect(error?.code == .configuration && error?.message.contains("is shared with table theirs.cold.t") == true)
        #expect(throws: LakeError.self) { try apply(lake, made) }
        // One of which nobody can say where it lies.
        try lake.memory.delete(table.metadataLocation)
        let unread = #expect(throws: LakeError.self) { try plan(lake) }
        #expect(unread?.message.contains("may be shared with table theirs.cold.t, which cannot be read: ") == true)
    }

    // MARK: Expiry

    /// A snapshot is to go, and with it the files of the first commit.
    private func expirable(_ count: Int) throws -> (lake: HistoryLake, paths: [String]) {
        let lake = try HistoryLake()
        let files = try (0..<count).map { _ in try lake.makeFile() }
        try lake.commit { entries, _, made in entries = files.map { made.added($0) } }
        try lake.overwrite("main", removing: { _ in true }, adding: [])
        lake.clock.advance(HistoryLake.hour)
        return (lake, files.map(\.path))
    }

    private func expire(_ lake: HistoryLake, _ locations: CatalogLocations = CatalogLocations(), isDryRun: Bool = false) throws -> StepOutcome {
        try Expiry(lake.work(isDryRun: isDryRun), ExpireOptions(olderThan: 0, retainLast: 1), locations: locations).run()
    }

    @Test(arguments: [false, true]) func `expiry leaves files that another table has taken in`(_ isHidden: Bool) throws {
        let (lake, paths) = try expirable(3)
        let catalog = isHidden ? try SQLCatalog(lake.inner.engine, name: "theirs", warehouse: "mem://lake", store: lake.memory, environment: lake.clock.environment) : nil
        let other = try neighbour(lake, in: catalog)
        try other.add(paths[1])
        let planned = try expire(lake, isDryRun: true)
        let outcome = try expire(lake)
        #expect(outcome.facts["deleted_data_files"]?.intValue == 2 && outcome.facts["files_of_other_tables"]?.intValue == 1)
        #expect(planned.facts["deleted_data_files"] == outcome.facts["deleted_data_files"] && planned.facts["files_of_other_tables"] == outcome.facts["files_of_other_tables"])
        #expect(try paths.map { try lake.memory.exists($0) } == [false, true, false])
    }

    @Test func `one that is taken in while the manifests are read stays as well`() throws {
        let (lake, paths) = try expirable(2)
        let other = try neighbour(lake)
        lake.catalog.beforeCommit = { try other.add(paths[0]) }
        #expect(try expire(lake).facts["deleted_data_files"]?.intValue == 1)
        #expect(try lake.memory.exists(paths[0]))
    }

    @Test func `what a run has read of a table is not read again`() throws {
        let (lake, paths) = try expirable(2)
        let other = try neighbour(lake)
        try other.add(paths[0])
        let (locations, candidates) = (CatalogLocations(), Set(paths.map { LocationKey($0) }))
        #expect(try locations.neighbours.named(candidates, besides: lake.identifier, lake.work()) == [LocationKey(paths[0])])
        let manifest = try TableFiles(metadata: lake.inner.loadTable(other.identifier).metadata, store: lake.memory).manifests()[0].path
        let bytes = try lake.memory.get(manifest)
        try lake.memory.delete(manifest)
        #expect(try locations.neighbours.named(candidates, besides: lake.identifier, lake.work()) == [LocationKey(paths[0])])
        #expect(throws: LakeError.self) { try CatalogLocations().neighbours.named(candidates, besides: lake.identifier, lake.work()) }
        // What has come since is read.
        try lake.memory.put(bytes, to: manifest)
        try other.add(paths[1])
        #expect(try locations.neighbours.named(candidates, besides: lake.identifier, lake.work()) == candidates)
    }

    // MARK: Tables that cannot be read

    @Test func `a table that is lost stops what would delete files, and nothing else`() throws {
        let (lake, paths) = try expirable(2)
        let other = try neighbour(lake)
        try lake.memory.delete(try lake.inner.loadTable(other.identifier).metadataLocation)
        // Nothing would be moved, so nobody need be asked.
        #expect(try OrphanSearch(lake.work(), olderThan: Self.day, locations: CatalogLocations()).run().status == .nothing)
        let stored = try lake.stored()
        let planned = #expect(throws: LakeError.self) { try expire(lake, isDryRun: true) }
        #expect(try lake.table.metadata.snapshots.count == 2 && planned?.message.contains("files stay") == true)
        let error = #expect(throws: LakeError.self) { try expire(lake) }
        #expect(error?.code == .failed && error?.message.contains("1 of 2 snapshots expired") == true && error?.message.contains("table other.deep.u, which may name files of this one") == true)
        #expect(try lake.table.metadata.snapshots.count == 1 && lake.stored().isSuperset(of: stored), "the snapshot goes, its files stay")
        #expect(try expire(lake).status == .nothing)
        lake.clock.advance(2 * Self.day / 1_000)
        let orphans = #expect(throws: LakeError.self) { try plan(lake) }
        #expect(orphans?.message.contains("table other.deep.u, which may name files of this one, cannot be read") == true && orphans?.hint != nil)
        // As the hint says.
        try lake.inner.dropTable(other.identifier)
        #expect(try Set(plan(lake).files.map(\.location)).isSuperset(of: paths))
    }

    @Test func `a table that lay where this one lies is not forgotten when its metadata is lost`() throws {
        let (lake, _) = try expirable(1)
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        let location = try lake.table.metadata.location + "/inner"
        let table = try lake.inner.createTable(TableIdentifier(["cold"], "u"), TableCreation(schema: schema, location: location))
        try lake.memory.delete(table.metadataLocation)
        let error = #expect(throws: LakeError.self) { try expire(lake) }
        #expect(error?.message.contains("may be shared with table cold.u, which cannot be read") == true)
        #expect(try lake.table.metadata.snapshots.count == 2)
    }

    @Test func `a table of a later format version is asked as well`() throws {
        let (lake, paths) = try expirable(3)
        let other = try neighbour(lake)
        try other.add(paths[2])
        let table = try lake.inner.loadTable(other.identifier)
        guard var later = table.metadata.json.objectValue else { return }
        later["format-version"] = 3
        later["next-row-id"] = 7
        try lake.memory.put(JSONValue.object(later).bytes, to: table.metadataLocation)
        #expect(throws: IcebergError.self) { try lake.inner.loadTable(other.identifier) }
        #expect(try expire(lake).facts["deleted_data_files"]?.intValue == 2)
        #expect(try lake.memory.exists(paths[2]))
    }
}
