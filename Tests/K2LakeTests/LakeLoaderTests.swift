import K2Domain
import K2Iceberg
import K2JSON
import K2NDJSON
import K2StateStore
import Testing

@testable import K2Lake

struct LakeLoaderTests {
    @Test func `counts what it does with each line`() throws {
        let lake = try LakeFixture()
        let outcome = try lake.load([
            Records.trade(1), Records.trade(1), Records.bronze(1), Records.gap(1, 2), Records.candle("A", 0, ["is_final": "false"]), #"{"kind":"raw"}"#,
            #"{"kind":"trade"}"#, "{", "", "[1,2]", "\u{feff}{}",
        ])
        #expect(outcome.stats == LoadStats(lines: 11, duplicates: 1, running: 1, skipped: 1, rejected: 5))
        #expect(outcome.refused.map(\.line) == [6, 7, 8, 9, 10])
        #expect(outcome.reports.map(\.table) == ["bronze_trades_binance", "silver_trades", "feed_gaps"])
    }

    @Test func `only the tables asked for are filled and leased`() throws {
        let lake = try LakeFixture()
        let lines = [Records.trade(1), Records.bronze(1), Records.candle("A", 0)]
        let outcome = try lake.load(lines, only: ["silver_trades"])
        #expect(outcome.reports.map(\.table) == ["silver_trades"] && outcome.stats.skipped == 2)
        #expect(try lake.inner.tables(in: LakeSchema.namespace).map(\.name) == ["silver_trades"])
        #expect(try lake.load(lines).reports.map(\.table).sorted() == ["bronze_trades_binance", "gold_ohlcv_1m"])
    }

    @Test func `a table is leased from its first row to the end`() throws {
        let lake = try LakeFixture()
        var first = LakeLoader(lake.stores(holder: "test:1:1"), only: nil)
        try first.add(Array(Records.trade(1).utf8).span)
        let error = #expect(throws: LakeError.self) { try lake.load([Records.trade(2)], holder: "test:2:1") }
        #expect(error?.code == .held && error?.message.contains("test:1:1") == true)
        // Other tables are free.
        #expect(try lake.load([Records.bronze(2)], holder: "test:2:1").rows("bronze_trades_binance") == 1)
        _ = try first.commit()
        try first.close()
        #expect(try lake.load([Records.trade(2)], holder: "test:2:1").rows("silver_trades") == 1)
    }

    @Test func `the lease of a holder that is gone is taken over`() throws {
        let lake = try LakeFixture()
        var dead = LakeLoader(lake.stores(holder: "test:1:1"), only: nil)
        try dead.add(Array(Records.trade(1).utf8).span)
        lake.isGone = { $0 == "test:1:1" }
        #expect(try lake.load([Records.trade(2)], holder: "test:2:1").rows("silver_trades") == 1)
        // The one believed dead cannot commit any more.
        let error = #expect(throws: LakeError.self) { _ = try dead.commit() }
        #expect(error?.code == .busy)
        #expect(try lake.load([Records.trade(1), Records.trade(2)], holder: "test:3:1").rows("silver_trades") == 1)
    }

    @Test func `no rows, no table and no commit`() throws {
        let lake = try LakeFixture()
        #expect(try lake.load([]).reports.isEmpty)
        #expect(try lake.load([#"{"kind":"raw"}"#, Records.candle("A", 0, ["is_final": "false"])]).reports.isEmpty)
        #expect(try lake.load([Records.trade(1, ["price": "\"x\""])]).reports.isEmpty)
        #expect(try lake.inner.tables(in: LakeSchema.namespace).isEmpty)
    }

    /// Rows refused half way are held until the next commit: they must count as bytes, or a stream of them fills the memory.
    @Test func `refused rows do not pile up`() throws {
        let lake = try LakeFixture()
        var loader = LakeLoader(lake.stores(), only: nil)
        for id in 0..<1000 {
            #expect(throws: RecordError.self) { try loader.add(Array(Records.trade(id, ["is_valid": "7"]).utf8).span) }
        }
        #expect(loader.waitingRows > 0 && loader.waitingBytes > 50_000)
        #expect(try loader.commit().isEmpty)
        #expect(loader.waitingRows == 0 && loader.waitingBytes < 1_000)
        try loader.close()
    }

    @Test func `a table of another shape is refused`() throws {
        let lake = try LakeFixture()
        let schema = try LakeSchema(MarketTables.silver)
        var creation = schema.creation
        let extra = try NestedField(99, "extra", .string, required: true)
        creation.schema = try Schema(fields: schema.schema.fields + [extra])
        try lake.inner.createNamespace(LakeSchema.namespace, properties: [:])
        _ = try lake.inner.createTable(schema.identifier, creation)
        let error = #expect(throws: LakeError.self) { try lake.load([Records.trade(1)]) }
        #expect(error?.code == .configuration)
        #expect(error?.message == "silver_trades: column extra of the table may not be null, and is not known here")
        #expect(try lake.rows("silver_trades").isEmpty)
        #expect(try lake.orphans().isEmpty)
        #expect(try lake.state.openIntents(table: nil).isEmpty)
        #expect(try lake.load([Records.bronze(1)]).rows("bronze_trades_binance") == 1)
    }

    @Test func `status tells rows, files, snapshots, open intents and the last run`() throws {
        let lake = try LakeFixture()
        #expect(try lake.stores().status().isEmpty)
        _ = try lake.load([Records.trade(1), Records.trade(2, at: 0), Records.gap(1, 2)], commitEvery: 2)
        let status = try lake.stores().status()
        #expect(status.map(\.table) == ["silver_trades", "feed_gaps"])
        #expect(status[0].rows == 2 && status[0].files == 2 && status[0].snapshots == 1 && status[0].openIntents == 0)
        #expect(status[0].lastRun?.status == "committed" && status[0].lastRun?.rows == 2 && status[0].bytes > 0)
        let current = try lake.table("silver_trades").metadata.currentSnapshotID
        #expect(status[0].snapshotID == current && status[0].committedAt != nil)
        try lake.state.openIntent(Intent(batchID: "b", table: "silver_trades", createdAt: Records.start, files: []))
        #expect(try lake.stores().status()[0].openIntents == 1)
    }
}
