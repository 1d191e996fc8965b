import Foundation
import K2Domain
import K2SQL
import K2SQLite
import K2TestSupport
import Testing

@testable import K2StateStore

struct StateMigrationTests {
    private static let firstRelease = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/state-v1.sql")

    private func time(_ microseconds: Int64) -> Timestamp { Timestamp(microseconds: microseconds) }

    @Test func `a file of the first release keeps all it holds`() throws {
        try TestDatabase.with(.sqlite) { place in
            try SQLiteDatabase(path: place.path).run(String(contentsOf: Self.firstRelease, encoding: .utf8))
            let store = try place.open()
            let open = Intent(
                batchID: "open", table: "silver", createdAt: time(1_771_372_800_000_001), files: ["file:///a.parquet", "file:///b.parquet"],
                ranges: [IdentityRange(exchange: "binance", symbol: "BTCUSDT", first: 11, last: 20)],
                keys: [IdentityKey(digest: [UInt8](repeating: 0, count: 15) + [2], value: 7)])
            #expect(try store.openIntents(table: nil) == [open])
            #expect(open.kind == "stream" && open.window == nil)
            let done = RunRecord(
                table: "silver", batchID: "done", startedAt: time(1_771_372_700_000_000), endedAt: time(1_771_372_700_000_002), rows: 10, files: 1, bytes: 999,
                snapshotID: .max, status: "committed")
            #expect(try store.runs(table: nil, limit: 9) == [done])
            #expect(try store.currentLease(table: "silver") == Lease(table: "silver", holder: "host:1:1", expiresAt: time(1_771_372_900_000_000)))
            #expect(try store.watermarks().isEmpty)
            try store.settle(batchID: "open", .committed, run: done)
            #expect(try store.loadedRanges(table: "silver") == [IdentityRange(exchange: "binance", symbol: "BTCUSDT", first: 1, last: 20)])
            #expect(try store.loadedValue(table: "silver", key: [UInt8](repeating: 0, count: 15) + [1]) == 3)
            _ = try place.open()
        }
    }

    @Test func `the first step still makes what the first release made`() throws {
        func layout(_ script: String) throws -> [String] {
            let engine = try SQLiteEngine(path: ":memory:")
            try engine.runScript(script)
            return try engine.read("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'offload_schema' ORDER BY name").map { try $0.text(0) }
        }
        #expect(try layout(StateSchema.steps(.sqlite)[0]) == layout(String(contentsOf: Self.firstRelease, encoding: .utf8)))
    }

    @Test(arguments: SQLKind.available) func `tables of a newer version are refused`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let name = try place.open().engine.name
            try place.open().engine.write("UPDATE offload_schema SET version = 99", [])
            let error = #expect(throws: StateStoreError.self) { _ = try place.open() }
            #expect(error?.code == .newerSchema)
            #expect(error?.message == "\(name): state tables were made by a newer version: expected at most 4, found 99")
        }
    }

    @Test func `a file that is no database is refused`() throws {
        try TestDatabase.with(.sqlite) { place in
            try Data("no database, but long enough to be looked at as one, as this is".utf8).write(to: URL(fileURLWithPath: place.path))
            let error = #expect(throws: StateStoreError.self) { _ = try place.open() }
            #expect(error?.message == "\(place.path): not a database")
        }
    }
}
