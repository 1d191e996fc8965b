import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2StateStore
import Testing

@testable import K2Maintenance

struct TableHealthTests {
    @Test func `it counts what the current snapshot has`() throws {
        let lake = try HistoryLake(properties: ["write.target-file-size-bytes": "100"])
        func health() throws -> TableHealth { try TableHealth(try lake.table, "t", lake.stores()) }
        let empty = try health()
        #expect(empty.rows == 0 && empty.dataFiles == 0 && empty.snapshots == 0 && empty.committedAt == nil && empty.lastRun.isEmpty)
        try lake.append(3)
        var big = try lake.makeFile()
        big.fileSize = 75
        big.recordCount = 10
        try lake.commit { entries, _, made in entries = [made.added(big)] }
        try lake.addDeletes("main")
        try lake.set("b", SnapshotReference(snapshotID: try #require(lake.table.metadata.currentSnapshotID)))
        try lake.state.openIntent(Intent(batchID: "x", table: "t", createdAt: Timestamp(microseconds: 0), files: []))
        let found = try health()
        #expect(found.rows == 13 && found.dataFiles == 4 && found.smallFiles == 3 && found.deleteFiles == 1 && found.manifests == 3)
        #expect(found.snapshots == 3 && found.references == 2 && found.openIntents == 1 && found.openMaintenance == 0 && found.oldestData == nil)
        #expect(found.json["small_files"]?.intValue == 3 && found.json["last_run"] == nil)
        #expect(found.metrics.contains(StepMetric("maintenance_table_delete_files", "Delete files of the table.", 1)))
    }

    @Test func `the last run has the lines of one run, in their order`() throws {
        let lake = try HistoryLake()
        func note(_ id: String, _ verb: String, _ status: String) throws {
            try lake.state.recordMaintenance(
                MaintenanceRun(
                    runID: id, table: "t", verb: verb, startedAt: Timestamp(microseconds: 1), endedAt: Timestamp(microseconds: 2), status: status,
                    error: status == "failed" ? "no" : nil))
        }
        for (id, verb, status) in [("1", "compact", "done"), ("2", "compact", "done"), ("2", "expire", "failed"), ("2", "audit", "done")] { try note(id, verb, status) }
        let health = try TableHealth(try lake.table, "t", lake.stores())
        #expect(health.lastRun.map(\.verb) == ["compact", "expire", "audit"])
        #expect(health.json["last_run"]?["verbs"]?.arrayValue?[1]["error"]?.stringValue == "no" && health.json["last_run"]?["run_id"]?.stringValue == "2")
    }

    @Test func `the oldest data of one of K2's tables is told by the bounds of its files`() throws {
        let lake = try HistoryLake()
        let name = MarketTables.silver.coldName
        let identifier = TableIdentifier(LakeSchema.namespace, name)
        let schema = try LakeSchema(MarketTables.silver)
        let table = try lake.inner.createTable(identifier, schema.creation)
        let field = schema.fieldIDs[try #require(MarketTables.silver.index(of: MarketTables.silver.timeColumn))]
        let files = [1_771_380_000_000_000, 1_771_370_000_000_000].map { time in
            DataFile(
                path: "\(table.metadata.location)/data/\(time)", partition: [.date(20_502)], recordCount: 1, fileSize: 1,
                lowerBounds: [field: withUnsafeBytes(of: Int64(time).littleEndian) { Array($0) }])
        }
        let loop = CommitLoop(catalog: lake.inner, store: lake.memory, environment: lake.clock.environment)
        _ = try loop.append(files, to: identifier)
        let health = try TableHealth(try lake.inner.loadTable(identifier), name, lake.stores())
        #expect(health.oldestData == Timestamp(microseconds: 1_771_370_000_000_000) && health.json["oldest_data"]?.stringValue == "2026-02-17T23:13:20.000000Z")
    }
}
