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
        let unread = #expect(throws: IcebergError.self) { try plan(lake) }
        #expect(unread?.message.hasPrefix("table theirs.cold.t: ") == true)
    }
}
