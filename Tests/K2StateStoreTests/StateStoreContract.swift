import K2Domain
import K2TestSupport
import Testing

@testable import K2StateStore

/// What every state store must do.
struct StateStoreContract {
    private func withStore(_ engine: SQLKind, _ body: (TestDatabase, any StateStore) throws -> Void) throws {
        try TestDatabase.with(engine) { try body($0, $0.open()) }
    }

    private func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

    private func range(_ first: UInt64, _ last: UInt64, _ symbol: String = "BTCUSDT", _ exchange: String = "binance") -> IdentityRange {
        IdentityRange(exchange: exchange, symbol: symbol, first: first, last: last)
    }

    private func key(_ number: UInt8, _ value: Int64) -> IdentityKey { IdentityKey(digest: [UInt8](repeating: number, count: 16), value: value) }

    private func run(_ table: String, _ batch: String?, _ status: String = "committed") -> RunRecord {
        RunRecord(
            table: table, batchID: batch, startedAt: time(1), endedAt: time(2), rows: 3, files: 1, bytes: 99, snapshotID: .max, status: status,
            error: status == "failed" ? "disk full" : nil)
    }

    @Test(arguments: SQLKind.available) func `an intent is kept until it is settled, and then its identities count`(_ engine: SQLKind) throws {
        try withStore(engine) { place, store in
            let intent = Intent(
                batchID: "b1", table: "silver", createdAt: time(10), files: ["file:///a \"b\".parquet", "é"],
                ranges: [range(6, 9), range(1, 5), range(100, 100), range(UInt64(Int64.max), UInt64(Int64.max), "ETH")], keys: [key(2, 5), key(1, 0), key(2, 7)])
            try store.openIntent(intent)
            // Another process finds it.
            let other = try place.open()
            var expected = intent
            expected.ranges = [range(1, 9), range(100, 100), range(UInt64(Int64.max), UInt64(Int64.max), "ETH")]
            expected.keys = [key(1, 0), key(2, 7)]
            #expect(try other.openIntents(table: "silver") == [expected])
            #expect(try other.openIntents(table: nil).count == 1 && other.openIntents(table: "gold").isEmpty)
            #expect(try store.loadedRanges(table: "silver").isEmpty && store.loadedValue(table: "silver", key: key(1, 0).digest) == nil)
            try store.settle(batchID: "b1", .committed, run: run("silver", "b1"))
            #expect(try store.openIntents(table: nil).isEmpty)
            #expect(try other.loadedRanges(table: "silver") == expected.ranges)
            #expect(try other.loadedValue(table: "silver", key: key(2, 0).digest) == 7)
            #expect(try other.loadedValue(table: "gold", key: key(2, 0).digest) == nil && other.loadedRanges(table: "gold").isEmpty)
            #expect(try store.runs(table: "silver", limit: 10) == [run("silver", "b1")])
        }
    }

    @Test(arguments: SQLKind.available) func `a forgotten intent leaves no identities`(_ engine: SQLKind) throws {
        try withStore(engine) { _, store in
            try store.openIntent(Intent(batchID: "b", table: "t", createdAt: time(1), files: [], ranges: [range(1, 2)], keys: [key(1, 1)]))
            try store.settle(batchID: "b", .forgotten, run: run("t", "b", "forgotten"))
            #expect(try store.loadedRanges(table: "t").isEmpty && store.loadedValue(table: "t", key: key(1, 0).digest) == nil)
            let again = #expect(throws: StateStoreError.self) { try store.settle(batchID: "b", .committed, run: run("t", "b")) }
            #expect(again?.code == .noSuchIntent && again?.message == "batch b: no open intent")
            #expect(try store.runs(table: nil, limit: 10).map(\.status) == ["forgotten"], "the refused one left no trace")
            try store.openIntent(Intent(batchID: "b", table: "t", createdAt: time(1), files: []))
            let twice = #expect(throws: StateStoreError.self) { try store.openIntent(Intent(batchID: "b", table: "t", createdAt: time(1), files: [])) }
            #expect(twice?.code == .intentExists)
        }
    }

    @Test(arguments: SQLKind.available, 0..<20 as Range<UInt64>)
    func `stored ranges equal the set of all ids, whatever the order of batches`(_ engine: SQLKind, _ seed: UInt64) throws {
        try withStore(engine) { _, store in
            var state = seed &* 2 &+ 1
            func random(_ limit: UInt64) -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return (state >> 33) % limit
            }
            var ids: [String: Set<UInt64>] = [:]
            for batch in 0..<25 {
                var ranges: [IdentityRange] = []
                for _ in 0..<(1 + random(4)) {
                    let symbol = ["A", "B"][Int(random(2))]
                    let first = random(200)
                    let last = first + random(12)
                    ranges.append(range(first, last, symbol))
                    ids[symbol, default: []].formUnion(first...last)
                }
                try store.openIntent(Intent(batchID: "b\(batch)", table: "t", createdAt: time(Int64(batch)), files: [], ranges: ranges))
                try store.settle(batchID: "b\(batch)", .committed, run: run("t", "b\(batch)"))
            }
            let expected = ids.flatMap { symbol, set in set.map { range($0, $0, symbol) } }.coalesced
            #expect(try store.loadedRanges(table: "t") == expected, "seed \(seed)")
        }
    }

    @Test(arguments: SQLKind.available) func `ranges at the ends of what can be stored join`(_ engine: SQLKind) throws {
        try withStore(engine) { _, store in
            let top = UInt64(Int64.max)
            for (number, item) in [range(top, top), range(0, 0), range(top - 1, top - 1), range(1, top - 2)].enumerated() {
                try store.openIntent(Intent(batchID: "\(number)", table: "t", createdAt: time(0), files: [], ranges: [item]))
                try store.settle(batchID: "\(number)", .committed, run: run("t", nil))
            }
            #expect(try store.loadedRanges(table: "t") == [range(0, top)])
            let big = Intent(batchID: "x", table: "t", createdAt: time(0), files: [], ranges: [range(1, top + 1)])
            #expect(#expect(throws: StateStoreError.self) { try store.openIntent(big) }?.message == "binance BTCUSDT: id 9223372036854775808 is above 9223372036854775807")
            let reversed = Intent(batchID: "x", table: "t", createdAt: time(0), files: [], ranges: [range(2, 1)])
            #expect(#expect(throws: StateStoreError.self) { try store.openIntent(reversed) }?.code == .invalidValue)
            let short = Intent(batchID: "x", table: "t", createdAt: time(0), files: [], keys: [IdentityKey(digest: [1], value: 0)])
            #expect(#expect(throws: StateStoreError.self) { try store.openIntent(short) }?.code == .invalidValue)
        }
    }

    @Test(arguments: SQLKind.available) func `a key keeps its largest value`(_ engine: SQLKind) throws {
        try withStore(engine) { _, store in
            for (number, value) in [Int64(3), 5, 4].enumerated() {
                try store.openIntent(Intent(batchID: "\(number)", table: "t", createdAt: time(0), files: [], keys: [key(9, value)]))
                try store.settle(batchID: "\(number)", .committed, run: run("t", nil))
            }
            #expect(try store.loadedValue(table: "t", key: key(9, 0).digest) == 5)
        }
    }

    @Test(arguments: SQLKind.available) func `a lease has one holder until it runs out`(_ engine: SQLKind) throws {
        try withStore(engine) { place, store in
            let other = try place.open()
            #expect(try store.takeLease(table: "t", holder: "a", ttl: 60_000_000, now: time(0)).expiresAt == time(60))
            let held = #expect(throws: StateStoreError.self) { try other.takeLease(table: "t", holder: "b", ttl: 60_000_000, now: time(59)) }
            #expect(held?.code == .leaseHeld && held?.isRetryable == true)
            #expect(held?.message == "table t: lease is held by a until 1970-01-01T00:01:00.000000Z")
            try other.takeLease(table: "u", holder: "b", ttl: 1, now: time(59))
            #expect(try store.renewLease(table: "t", holder: "a", ttl: 60_000_000, now: time(50)).expiresAt == time(110))
            try other.releaseLease(table: "t", holder: "b")
            #expect(throws: StateStoreError.self) { try other.takeLease(table: "t", holder: "b", ttl: 1, now: time(109)) }
            try other.takeLease(table: "t", holder: "b", ttl: 60_000_000, now: time(110))
            #expect(#expect(throws: StateStoreError.self) { try store.renewLease(table: "t", holder: "a", ttl: 1, now: time(111)) }?.code == .leaseLost)
            try other.releaseLease(table: "t", holder: "b")
            try store.takeLease(table: "t", holder: "a", ttl: 1, now: time(0))
            #expect(#expect(throws: StateStoreError.self) { try store.takeLease(table: "t", holder: "a", ttl: 0, now: time(0)) }?.code == .invalidValue)
            #expect(#expect(throws: StateStoreError.self) { try store.takeLease(table: "t", holder: "a", ttl: .max, now: time(1)) }?.code == .invalidValue)
        }
    }

    @Test(arguments: SQLKind.available) func `history is newest first and by table`(_ engine: SQLKind) throws {
        try withStore(engine) { _, store in
            for number in 0..<5 { try store.record(run(number % 2 == 0 ? "a" : "b", "\(number)", number == 4 ? "failed" : "empty")) }
            #expect(try store.runs(table: nil, limit: 3).map(\.batchID) == ["4", "3", "2"])
            #expect(try store.runs(table: "b", limit: 10).map(\.batchID) == ["3", "1"])
            #expect(try store.runs(table: "a", limit: 1)[0].error == "disk full")
        }
    }
}
