import K2Domain
import K2StateStore
import K2TestSupport
import Testing

/// What every state store must do for tables that are offloaded by windows.
struct WindowContract {
    private func time(_ microseconds: Int64) -> Timestamp { Timestamp(microseconds: microseconds) }

    private func watermark(_ table: String, _ position: Int64) -> Watermark { Watermark(table: table, position: time(position), status: "success", updatedAt: time(9)) }

    private let full = Watermark(
        table: "silver", position: Timestamp(microseconds: 1_771_372_800_023_596), maxSequence: .max, rowCount: 12_345, status: "failed",
        lastSuccess: Timestamp(microseconds: 1_771_372_800_000_001), lastDuration: 1_234_567, failureCount: 3, lastError: "no 'space'\nleft",
        serverClock: Timestamp(microseconds: 1_771_372_799_999_999), localClock: Timestamp(microseconds: 1), updatedAt: Timestamp(microseconds: -1))

    @Test(arguments: SQLKind.available) func `a watermark comes back as it was set`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let (store, other) = try (place.open(), place.open())
            #expect(try store.watermark(table: "silver") == nil && store.watermarks().isEmpty)
            try store.setWatermark(full)
            #expect(try other.watermark(table: "silver") == full)
            let bare = watermark("Bronze", 0)
            try other.setWatermark(bare)
            #expect(try store.watermarks() == [bare, full], "sorted by the bytes of their names")
            try store.setWatermark(bare)
            #expect(try other.watermarks() == [bare, full])
        }
    }

    @Test(arguments: SQLKind.available) func `a watermark goes back only when that is asked for`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let store = try place.open()
            try store.setWatermark(watermark("t", 100))
            try store.setWatermark(watermark("t", 100))
            let refused = #expect(throws: StateStoreError.self) { try store.setWatermark(watermark("t", 99)) }
            #expect(refused?.code == .rewind && refused?.isRetryable == false)
            #expect(refused?.message == "table t: watermark: 1970-01-01T00:00:00.000099Z lies before the stored 1970-01-01T00:00:00.000100Z")
            #expect(try store.watermark(table: "t")?.position == time(100))
            try store.setWatermark(watermark("t", 99), allowingRewind: true)
            #expect(try store.watermark(table: "t")?.position == time(99))
        }
    }

    @Test(arguments: SQLKind.available) func `an intent and its watermark are settled together or not at all`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let store = try place.open()
            let window = OffloadWindow(from: time(5), to: time(1_771_372_800_023_596))
            let intent = Intent(batchID: "b", table: "t", createdAt: time(3), files: ["f"], kind: "window", window: window)
            var run = RunRecord(
                table: "t", batchID: "b", startedAt: time(1_771_372_800_023_596), endedAt: time(1_771_372_800_023_597), status: "committed",
                windowFrom: window.from, windowTo: window.to, kind: "window")
            try store.openIntent(intent)
            #expect(try store.openIntents(table: "t") == [intent])
            try store.setWatermark(watermark("t", 6))
            #expect(throws: StateStoreError.self) { try store.settle(batchID: "b", .committed, run: run, watermark: watermark("t", 5)) }
            #expect(try store.openIntents(table: "t") == [intent] && store.runs(table: nil, limit: 9).isEmpty && store.watermark(table: "t") == watermark("t", 6))
            try store.settle(batchID: "b", .committed, run: run, watermark: watermark("t", 7))
            #expect(try store.openIntents(table: "t").isEmpty && store.watermark(table: "t") == watermark("t", 7))
            #expect(try store.runs(table: "t", limit: 9) == [run])
            run.windowFrom = nil
            run.windowTo = nil
            run.kind = "stream"
            run.error = "zero \u{0} byte"
            try store.record(run)
            #expect(try store.runs(table: "t", limit: 1)[0].error == "zero \u{fffd} byte")
            let reversed = Intent(batchID: "c", table: "t", createdAt: time(3), files: [], kind: "backfill", window: OffloadWindow(from: time(2), to: time(1)))
            #expect(#expect(throws: StateStoreError.self) { try store.openIntent(reversed) }?.code == .invalidValue)
        }
    }

    /// Times that TIMESTAMPTZ and Int64 share, and durations that a DOUBLE holds.
    @Test(arguments: SQLKind.available) func `times are exact to the microsecond`(_ engine: SQLKind) throws {
        var random = Seeded.start()
        try TestDatabase.with(engine) { place in
            let store = try place.open()
            var item = full
            for value in [0, 1, -1, 253_402_300_799_999_999, -62_135_596_800_000_000, .max, -210_866_803_200_000_000] + (0..<40).map({ _ in Int64(bitPattern: random.anyWidth()) >> 9 }) {
                item.position = time(value)
                item.updatedAt = time(value)
                item.lastDuration = abs(value >> 11)
                try store.setWatermark(item, allowingRewind: true)
                #expect(try store.watermark(table: "silver") == item, "seed \(random.seed)")
            }
        }
    }

    @Test(arguments: SQLKind.available) func `any number of keys is looked up at once`(_ engine: SQLKind) throws {
        try TestDatabase.with(engine) { place in
            let store = try place.open()
            let count: UInt32 = 100_000
            func key(_ number: UInt32) -> [UInt8] { [UInt8](repeating: 0xab, count: 12) + withUnsafeBytes(of: number.bigEndian) { Array($0) } }
            let held = (0..<count / 2).map { IdentityKey(digest: key($0 * 2), value: Int64($0)) }
            try store.openIntent(Intent(batchID: "b", table: "t", createdAt: time(0), files: [], keys: held))
            #expect(try store.openIntents(table: "t")[0].keys == held)
            try store.settle(batchID: "b", .committed, run: RunRecord(table: "t", startedAt: time(0), endedAt: time(0), status: "committed"))
            let found = try store.loadedValues(table: "t", keys: (0..<count).map(key))
            #expect(found == Dictionary(uniqueKeysWithValues: held.map { ($0.digest, $0.value) }))
            #expect(try store.loadedValues(table: "u", keys: [key(0)]).isEmpty && store.loadedValues(table: "t", keys: []).isEmpty)
            #expect(try store.loadedValues(table: "t", keys: [key(2), key(2), key(1), []]) == [key(2): 1])
            #expect(try store.loadedValue(table: "t", key: key(4)) == 2)
        }
    }
}
