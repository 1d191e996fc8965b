import Dispatch
import Glibc
import K2Iceberg
import K2JSON
import K2ObjectStore
import Testing

/// Other engines say whether our tables are tables.
@Suite(.serialized, .enabled(if: Python.main != nil, "needs pyiceberg, pyarrow and chdb: K2_TEST_PYTHON"))
struct ForeignReadersTests {
    let python = Python.main!

    /// A table with two appends of ours: day 20000 with ids 0..<100, day 20001 with ids 100..<150.
    private func twoCommits(_ lake: TestLake) throws -> (catalog: SQLCatalog, loop: CommitLoop, files: [ForeignFile]) {
        let catalog = try lake.catalog()
        try catalog.createNamespace(["cold"], properties: [:])
        let table = try catalog.createTable(Fixtures.trades, try Fixtures.creation())
        let loop = CommitLoop(catalog: catalog, store: lake.store, environment: .fixed(seed: 7))
        let first = try ForeignFile(python, lake, table: table, name: "a.parquet", start: 0, count: 100, day: 20000)
        let second = try ForeignFile(python, lake, table: table, name: "b.parquet", start: 100, count: 50, day: 20001)
        _ = try loop.append([try first.dataFile(day: 20000)], to: Fixtures.trades, summary: ["k2.batch-id": "one"])
        _ = try loop.append([try second.dataFile(day: 20001)], to: Fixtures.trades, summary: ["k2.batch-id": "two"])
        return (catalog, loop, [first, second])
    }

    @Test func `pyiceberg reads rows, bounds, counts, partitions and history of our commits`() throws {
        let lake = try TestLake()
        let (catalog, _, sources) = try twoCommits(lake)
        let found = try python.run(Scripts.describe, [lake.catalogPath, "cold.trades"])
        #expect(found["rows"] == 150 && found["distinct"] == 150)
        #expect(found["sum"] == .integer((0..<150).reduce(0, +)))
        #expect(found["day"] == 1 && found["none"] == 0, "partition pruning")
        #expect(found["bounds"] == 1 && found["price"] == 0, "pruning by bounds")
        #expect(found["symbol"] == 2, "the cut upper bound begins with Ü, which is above z")
        let files = try #require(found["files"]?.arrayValue)
        #expect(files.count == 2)
        for (file, source) in zip(files.sorted { $0["path"]!.stringValue! < $1["path"]!.stringValue! }, sources) {
            for key in ["lower", "upper", "nulls"] { #expect(file[key] == source.report[key], "\(key)") }
            #expect(file["size"] == source.report["size"] && file["records"] == source.report["rows"])
            #expect(file["offsets"] == source.report["offsets"] && file["order"] == 1)
        }
        let table = try catalog.loadTable(Fixtures.trades)
        let ids = table.metadata.snapshots.map(\.snapshotID)
        #expect(found["history"] == .array([.array([.integer(ids[0]), 100]), .array([.integer(ids[1]), 150])]), "time travel")
        #expect(found["sequence"] == 2 && found["refs"] == ["main"] && found["mapping"] == true && found["sort"] == [3, 2])
        #expect(found["summary"]?["k2.batch-id"] == "two" && found["summary"]?["operation"] == "append")
        #expect(found["summary"]?["total-records"] == "150" && found["summary"]?["total-data-files"] == "2")
        #expect(found["summary"]?["added-records"] == "50" && found["summary"]?["changed-partition-count"] == "1")
    }

    @Test func `ours and pyiceberg's commits follow on each other`() throws {
        let lake = try TestLake()
        let (catalog, loop, sources) = try twoCommits(lake)
        try python.run(Scripts.append, [lake.catalogPath, "cold.trades", sources[0].path])
        let between = try catalog.loadTable(Fixtures.trades)
        #expect(between.metadata.snapshots.count == 3)
        let live = try TableFiles(metadata: between.metadata, store: lake.store).dataFiles()
        #expect(live.reduce(0) { $0 + $1.recordCount } == 250)
        #expect(Set(live.map(\.partition)) == [[.date(20000)], [.date(20001)]])
        let third = try ForeignFile(python, lake, table: between, name: "c.parquet", start: 1000, count: 10, day: 20002)
        _ = try loop.append([try third.dataFile(day: 20002)], to: Fixtures.trades)
        let found = try python.run(Scripts.describe, [lake.catalogPath, "cold.trades"])
        #expect(found["rows"] == 260 && found["summary"]?["total-records"] == "260")
        // Replace what pyiceberg wrote: its manifest is rewritten by us.
        let foreign = try #require(live.first { !$0.path.hasSuffix("/a.parquet") && $0.partition == [.date(20000)] })
        _ = try loop.overwrite(removing: [foreign.path], adding: [], in: Fixtures.trades)
        let after = try python.run(Scripts.describe, [lake.catalogPath, "cold.trades"])
        #expect(after["rows"] == 160 && after["distinct"] == 160 && after["summary"]?["operation"] == "delete")
        let click = try python.run(Scripts.clickHouse, [lake.folder + "/warehouse/cold/trades"])
        #expect(click["rows"]?.arrayValue?[0] == "160", "the ClickHouse engine accepts manifests of both writers")
        try python.run(Scripts.append, [lake.catalogPath, "cold.trades", sources[1].path])
        #expect(try python.run(Scripts.describe, [lake.catalogPath, "cold.trades"])["rows"] == 210)
    }

    @Test func `a copy-on-write replacement is one snapshot and keeps the others`() throws {
        let lake = try TestLake()
        let (catalog, loop, sources) = try twoCommits(lake)
        let table = try catalog.loadTable(Fixtures.trades)
        let replacement = try ForeignFile(python, lake, table: table, name: "r.parquet", start: 500, count: 30, day: 20000)
        _ = try loop.overwrite(
            removing: ["file://" + sources[0].path], adding: [try replacement.dataFile(day: 20000)], in: Fixtures.trades, summary: ["why": "revision"])
        let found = try python.run(Scripts.describe, [lake.catalogPath, "cold.trades"])
        #expect(found["rows"] == 80 && found["summary"]?["operation"] == "overwrite" && found["summary"]?["deleted-records"] == "100")
        #expect(found["summary"]?["total-records"] == "80" && found["summary"]?["total-data-files"] == "2" && found["day"] == 1)
        #expect(found["history"]?.arrayValue?.map { $0.arrayValue![1] } == [100, 150, 80])
    }

    @Test func `the ClickHouse engine reads our table`() throws {
        let lake = try TestLake()
        _ = try twoCommits(lake)
        let click = try python.run(Scripts.clickHouse, [lake.folder + "/warehouse/cold/trades"])
        #expect(click["rows"]?.arrayValue?[0] == "150" && click["rows"]?.arrayValue?[1] == .string(String((0..<150).reduce(0, +))))
        #expect(click["day"] == "50" && click["nulls"] == .string(String((0..<150).filter { $0 % 7 == 3 }.count)))
    }

    @Test(.enabled(if: Python.duckDB != nil, "needs DuckDB 1.5.5 with its extensions: K2_TEST_DUCKDB_ICEBERG_PYTHON"))
    func `DuckDB reads our table`() throws {
        let lake = try TestLake()
        let (catalog, _, _) = try twoCommits(lake)
        let found = try Python.duckDB!.run(Scripts.duckDB, [try catalog.loadTable(Fixtures.trades).metadataLocation])
        #expect(found["rows"]?.arrayValue?[0] == 150 && found["rows"]?.arrayValue?[1] == .integer((0..<150).reduce(0, +)))
        #expect(found["day"] == 50 && found["nulls"] == .integer((0..<150).filter { $0 % 7 == 3 }.count))
    }

    @Test func `manifests are merged and pyiceberg still finds every row once`() throws {
        let lake = try TestLake()
        let catalog = try lake.catalog()
        try catalog.createNamespace(["cold"], properties: [:])
        var creation = try Fixtures.creation()
        creation.properties["commit.manifest.min-count-to-merge"] = "3"
        let table = try catalog.createTable(Fixtures.trades, creation)
        let loop = CommitLoop(catalog: catalog, store: lake.store, environment: .fixed(seed: 9))
        for number in 0..<5 {
            let file = try ForeignFile(
                python, lake, table: table, name: "m\(number).parquet", start: number * 10, count: 10, day: 20000 + number)
            _ = try loop.append([try file.dataFile(day: Int32(20000 + number))], to: Fixtures.trades)
        }
        let manifests = try TableFiles(metadata: try catalog.loadTable(Fixtures.trades).metadata, store: lake.store).manifests()
        #expect(manifests.count == 1 && manifests[0].existingFiles == 4 && manifests[0].addedFiles == 1 && manifests[0].minSequenceNumber == 1)
        let found = try python.run(Scripts.describe, [lake.catalogPath, "cold.trades"])
        #expect(found["rows"] == 50 && found["distinct"] == 50 && found["day"] == 1)
        #expect(found["history"]?.arrayValue?.map { $0.arrayValue![1] } == [10, 20, 30, 40, 50])
    }

    @Test func `pyiceberg and we commit at the same time and nothing is lost`() throws {
        let lake = try TestLake()
        let (catalog, _, sources) = try twoCommits(lake)
        _ = try catalog.commit(
            [.setProperties(["commit.retry.num-retries": "100", "commit.retry.max-wait-ms": "200"])], requirements: [],
            on: try catalog.loadTable(Fixtures.trades))
        let problems = Problems()
        let (path, warehouse, store, source, interpreter) = (lake.catalogPath, lake.warehouse, lake.store, sources[1].path, python.interpreter)
        DispatchQueue.concurrentPerform(iterations: 2) { worker in
            do {
                if worker == 0 {
                    try Python(interpreter: interpreter).run(Scripts.append, [path, "cold.trades", source, "5"])
                    return
                }
                let loop = CommitLoop(catalog: try SQLCatalog(path: path, warehouse: warehouse, store: store), store: store, maxAttempts: 200)
                for number in 0..<40 {
                    _ = try loop.append(
                        [DataFile(path: "file:///none/\(number).parquet", partition: [.date(10)], recordCount: 1, fileSize: 1)], to: Fixtures.trades)
                    usleep(100_000)
                }
            } catch { problems.add("\(error)") }
        }
        #expect(problems.all == [])
        let metadata = try catalog.loadTable(Fixtures.trades).metadata
        let files = try TableFiles(metadata: metadata, store: lake.store).dataFiles()
        #expect(files.filter { $0.path.hasPrefix("file:///none/") }.count == 40)
        #expect(files.reduce(0) { $0 + $1.recordCount } == 150 + 40 + 5 * 50 && metadata.snapshots.count == 2 + 40 + 5)
    }
}
