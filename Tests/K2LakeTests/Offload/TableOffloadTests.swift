import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Rows
import K2StateStore
import Synchronization
import Testing

@testable import K2Lake

/// A lake, a warm store, and one clock for the world outside them.
final class OffloadFixture {
    let lake: LakeFixture
    let warm = MemoryWarm()
    /// µs.
    let clock: Mutex<Int64>
    private let environment: CommitEnvironment
    var options = OffloadOptions()
    var notes: [String] = []

    init(seed: UInt64 = 1) throws {
        let lake = try LakeFixture(seed: seed)
        lake.isGone = { _ in true }
        self.lake = lake
        clock = Mutex(warm.now)
        let inner = lake.environment
        let box = ClockBox()
        environment = CommitEnvironment(nowMS: { box.now / 1_000 }, random16: inner.random16, sleepMS: { _ in })
        self.box = box
        box.now = warm.now
        options.safetyLag = 60_000_000
        options.lookback = 900_000_000
        options.maxRows = 1_000
    }

    private let box: ClockBox

    private final class ClockBox: @unchecked Sendable {
        // Unchecked: tests use one thread.
        var now: Int64 = 0
    }

    /// Real time goes on, and both clocks with it.
    func pass(seconds: Int64) {
        warm.now += seconds * 1_000_000
        box.now += seconds * 1_000_000
    }

    func stores(holder: String = "test:1:1", state: (any StateStore)? = nil) -> LakeStores {
        LakeStores(
            catalog: lake.catalog, objects: lake.objects, state: state ?? lake.state, environment: environment, holder: holder, isGone: lake.isGone)
    }

    @discardableResult
    func run(_ definition: TableDefinition = MarketTables.silver, holder: String = "test:1:1", state: (any StateStore)? = nil) throws -> TableOutcome {
        try TableOffload(definition, from: warm, to: stores(holder: holder, state: state), options: options) { self.notes.append($0) }.run()
    }

    func ids(_ table: String = "silver_trades") throws -> [String] { try lake.rows(table).compactMap { $0["trade_id"]?.text }.sorted() }
}

@Suite struct TableOffloadTests {
    @Test func whatIsNewGoesColdOnce() throws {
        let world = try OffloadFixture()
        try world.warm.insert((1...5).map { Records.trade($0) })
        world.pass(seconds: 30)
        #expect(try world.run().rows == 0, "within the lag")
        world.pass(seconds: 60)
        let first = try world.run()
        #expect(first.rows == 5 && first.commits == 1 && first.position.microseconds == world.warm.now - 60_000_000)
        #expect(try world.run().rows == 0)
        try world.warm.insert((4...8).map { Records.trade($0) })
        world.pass(seconds: 100)
        let second = try world.run()
        #expect(second.rows == 3 && second.duplicates == 2)
        #expect(try world.ids() == (1...8).map { "BINANCE-\($0)" })
        let mark = try #require(try world.lake.state.watermark(table: "silver_trades"))
        #expect(mark.position == second.position && mark.status == "success" && mark.rowCount == 3 && mark.failureCount == 0)
        #expect(try world.lake.table("silver_trades").metadata.currentSnapshot?.summary["k2.watermark"] == "\(mark.position)")
    }

    @Test func rowsThatShareTheMomentOfTheBoundaryArrive() throws {
        let world = try OffloadFixture()
        let moment = world.warm.now
        try world.warm.insert([Records.trade(1)], at: moment)
        world.pass(seconds: 60)
        #expect(try world.run().rows == 1)
        // The same moment: it was read already.
        try world.warm.insert([Records.trade(2)], at: moment)
        try world.warm.insert([Records.trade(3)], at: moment + 1)
        world.pass(seconds: 60)
        let outcome = try world.run()
        #expect(outcome.rows == 2 && outcome.lateRows == 1)
        #expect(try world.ids() == ["BINANCE-1", "BINANCE-2", "BINANCE-3"])
    }

    @Test func manyRowsOfOneMomentAreCut() throws {
        let world = try OffloadFixture()
        world.options.maxRows = 10
        try world.warm.insert((1...100).map { Records.trade($0) })
        world.pass(seconds: 61)
        let outcome = try world.run()
        #expect(outcome.rows == 100 && outcome.commits > 9)
        #expect(world.warm.largestRead < 30)
        #expect(try world.ids().count == 100 && Set(try world.ids()).count == 100)
    }

    @Test func wideRowsAreCutWhereMemoryEnds() throws {
        for maxBytes in [1, 2_000, 20_000] {
            let world = try OffloadFixture()
            world.options.maxRows = 1_000_000
            world.options.maxBytes = maxBytes
            let wide = String(repeating: "x", count: 500)
            try world.warm.insert((1...100).map { Records.trade($0, ["trade_conditions": "[\"\(wide)\($0)\"]"]) })
            try world.warm.insert((50...60).map { Records.trade($0, ["origin": "\"rest\""]) })
            world.pass(seconds: 61)
            let outcome = try world.run()
            #expect(outcome.rows == 100 && outcome.commits >= min(100 * 500 / maxBytes, 14), "\(maxBytes): \(outcome)")
            #expect(try world.ids() == (1...100).map { "BINANCE-\($0)" }.sorted())
            #expect(try world.lake.rows("silver_trades").count { $0["origin"] == .text("rest") } == 11, "the newer of two rows counts")
            #expect(try world.lake.state.watermark(table: "silver_trades")?.position == outcome.position)
            #expect(try world.run().rows == 0)
        }
    }

    @Test func progressIsToldRowByRow() throws {
        let world = try OffloadFixture()
        try world.warm.insert((1...40).map { Records.trade($0) })
        world.pass(seconds: 61)
        var told: [OffloadProgress] = []
        try TableOffload(MarketTables.silver, from: world.warm, to: world.stores(), options: world.options, progress: { told.append($0) }, note: { _ in }).run()
        #expect(told.last == OffloadProgress(rows: 40, total: 40) && told.count > 3)
        #expect(zip(told, told.dropFirst()).allSatisfy { $0.rows < $1.rows })
    }

    @Test func ofRowsThatStandTwiceTheLastOneCounts() throws {
        let world = try OffloadFixture()
        try world.warm.insert([Records.trade(1, ["origin": "\"stream\""]), Records.trade(2), Records.trade(1, ["origin": "\"rest\""])])
        world.pass(seconds: 61)
        #expect(try world.run().rows == 2)
        #expect(try world.lake.rows("silver_trades").first { $0["trade_id"] == .text("BINANCE-1") }?["origin"] == .text("rest"))
    }

    @Test func onlyFinalCandlesAndOneOfEachWindow() throws {
        let world = try OffloadFixture()
        let gold = MarketTables.gold(.oneMinute)
        try world.warm.insert([
            Records.candle("A/B", 0, revision: 0), Records.candle("A/B", 60_000_000, revision: 0, ["is_final": "false"]),
            Records.candle("A/B", 120_000_000, revision: 0), Records.candle("A/B", 120_000_000, revision: 2, close: "7"),
        ])
        world.pass(seconds: 61)
        #expect(try world.run(gold).rows == 2)
        try world.warm.insert([Records.candle("A/B", 0, revision: 1, close: "8"), Records.candle("A/B", 60_000_000, revision: 0)])
        world.pass(seconds: 61)
        #expect(try world.run(gold).rows == 2)
        let rows = try world.lake.rows("gold_ohlcv_1m")
        #expect(rows.compactMap { $0["window_start"]?.integer }.sorted() == [0, 60_000_000, 120_000_000])
        #expect(rows.compactMap { $0["revision"]?.integer }.sorted() == [0, 1, 2])
    }

    @Test func aColumnThatClickHouseLacksIsAnErrorAndOneThatItHasMoreIsSaid() throws {
        let world = try OffloadFixture()
        world.warm.extraColumns = ["mood"]
        try world.run()
        #expect(world.notes == ["silver_trades: not taken along, only ClickHouse has column mood"])
        world.warm.missingColumns = ["side"]
        let error = #expect(throws: LakeError.self) { try world.run() }
        #expect(error?.message == "silver_trades: column side is missing in ClickHouse's silver_trades")
        #expect(try world.lake.state.watermark(table: "silver_trades")?.failureCount == 1)
    }

    @Test func aStateStoreThatWasLostIsMadeAgainFromTheLake() throws {
        let world = try OffloadFixture()
        try world.warm.insert((1...5).map { Records.trade($0) } + [Records.anonymousTrade("a")])
        world.pass(seconds: 61)
        try world.run()
        let fresh = try SQLStateStore(path: ":memory:")
        try world.warm.insert((4...7).map { Records.trade($0) } + [Records.anonymousTrade("a"), Records.anonymousTrade("b")])
        world.pass(seconds: 61)
        #expect(try world.run(state: fresh).rows == 3)
        #expect(try world.ids().count == 9 && Set(try world.ids()).count == 9)
    }

    @Test func aStateStoreThatWasLostIsMadeAgainAlsoWhenTheFirstRunsFail() throws {
        for step in 0..<12 {
            let world = try OffloadFixture()
            try world.warm.insert((1...5).map { Records.trade($0) })
            world.pass(seconds: 61)
            try world.run()
            let fresh = try SQLStateStore(path: ":memory:")
            try world.warm.insert((4...7).map { Records.trade($0) })
            world.pass(seconds: 61)
            var left = step
            world.warm.beforeAsking = {
                left -= 1
                if left < 0 { throw WarmSourceError("injected", isRetryable: true) }
            }
            do { try world.run(state: fresh) } catch is LakeError {}
            world.warm.beforeAsking = {}
            try world.run(state: fresh)
            #expect(try world.ids() == (1...7).map { "BINANCE-\($0)" }, "question \(step)")
        }
    }

    @Test func aStateStoreOutOfABackupCatchesUp() throws {
        let world = try OffloadFixture()
        let old = try SQLStateStore(path: ":memory:")
        try world.warm.insert((1...5).map { Records.trade($0) })
        world.pass(seconds: 61)
        try world.run(state: old)
        try world.warm.insert((6...9).map { Records.trade($0) })
        world.pass(seconds: 61)
        #expect(try world.run().rows == 4)
        try world.warm.insert((9...10).map { Records.trade($0) })
        world.pass(seconds: 61)
        #expect(try world.run(state: old).rows == 1)
        #expect(try world.ids().count == 10 && Set(try world.ids()).count == 10)
        #expect(world.notes.contains { $0.contains("did not know what this table holds") })
    }

    @Test func aTableThatWasDroppedIsFilledAnew() throws {
        let world = try OffloadFixture()
        try world.warm.insert((1...5).map { Records.trade($0) } + [Records.anonymousTrade("a")])
        world.pass(seconds: 61)
        try world.run()
        try world.lake.inner.dropTable(TableIdentifier(["cold"], "silver_trades"))
        world.pass(seconds: 61)
        #expect(try world.run().rows == 6)
        #expect(world.notes.contains { $0.contains("the table is gone") })
        #expect(try world.run().rows == 0)
        #expect(try world.ids().count == 6 && Set(try world.ids()).count == 6)
    }

    /// As when the state store stays and the catalog is another one: that table's rows count, and no file of the first is touched.
    @Test func anotherTableUnderTheNameIsNoticed() throws {
        let world = try OffloadFixture()
        try world.warm.insert((1...5).map { Records.trade($0) })
        world.pass(seconds: 61)
        try world.run()
        let other = try OffloadFixture(seed: 2)
        try other.warm.insert((3...7).map { Records.trade($0) })
        other.pass(seconds: 61)
        try other.run()
        let live = try world.lake.dataFiles("silver_trades").map(\.path)
        let stale = Intent(batchID: "stale", table: "silver_trades", createdAt: Records.start, files: live)
        try world.lake.state.openIntent(stale)
        try other.warm.insert((1...9).map { Records.trade($0) })
        other.pass(seconds: 120)
        #expect(try other.run(state: world.lake.state).rows == 4)
        #expect(other.notes.contains { $0.contains("the table is another one") })
        #expect(try other.ids() == (1...9).map { "BINANCE-\($0)" })
        #expect(try world.ids().count == 5, "the first table's files stay")
        #expect(try world.lake.state.openIntents(table: nil).isEmpty)
        // And back again.
        try world.warm.insert((1...9).map { Records.trade($0) })
        world.pass(seconds: 300)
        #expect(try world.run().rows == 4)
        #expect(try world.ids() == (1...9).map { "BINANCE-\($0)" })
    }

    @Test func makingTheStateAnewMayFailAnywhere() throws {
        for step in 0..<14 {
            let world = try OffloadFixture()
            try world.warm.insert((1...5).map { Records.trade($0) })
            world.pass(seconds: 61)
            try world.run()
            let other = try OffloadFixture(seed: 2)
            try other.warm.insert((3...7).map { Records.trade($0) })
            other.pass(seconds: 61)
            try other.run()
            other.lake.memory.inject(.init(.get, skip: step, moment: .before))
            do { try other.run(state: world.lake.state) } catch is LakeError {}
            other.lake.memory.clearFaults()
            try other.warm.insert((1...9).map { Records.trade($0) })
            other.pass(seconds: 120)
            #expect(try other.run(state: world.lake.state).rows == 4, "get \(step)")
            #expect(try other.ids() == (1...9).map { "BINANCE-\($0)" })
        }
    }

    @Test func aTableReplacedDuringARunGetsNothingOfIt() throws {
        let world = try half(7)
        var commits = 0
        world.warm.beforeAsking = {
            commits += 1
            if commits == 8 { try world.lake.inner.dropTable(TableIdentifier(["cold"], "silver_trades")) }
        }
        do { try world.run() } catch let error as LakeError { #expect(error.code == .busy || error.code == .failed) }
        world.warm.beforeAsking = {}
        world.pass(seconds: 1)
        try world.run(holder: "test:2:2")
        #expect(try world.ids() == (1...60).map { "BINANCE-\($0)" }.sorted())
        #expect(try world.lake.state.openIntents(table: nil).isEmpty)
    }

    @Test func aRunThatWasTakenForDeadCommitsNothingMore() throws {
        let world = try half(7)
        var isFirst = true
        world.lake.catalog.beforeCommit = {
            guard isFirst else { return }
            isFirst = false
            // Its lease ran out while it was standing still.
            try world.run(holder: "test:9:9")
        }
        do { try world.run() } catch is LakeError {}
        #expect(!isFirst)
        world.lake.catalog.beforeCommit = {}
        try expectWhole(world, "zombie")
    }

    @Test func rowsStampedAheadOfTheClockAreNotLeftBehind() throws {
        let world = try OffloadFixture()
        try world.warm.insert([Records.trade(1)])
        world.pass(seconds: 61)
        try world.run()
        world.pass(seconds: 100)
        try world.warm.insert([Records.trade(2)], at: world.warm.now + 3_600_000_000)
        world.pass(seconds: 100)
        #expect(try world.run().rows == 1)
        world.pass(seconds: 4_000)
        #expect(try world.run().rows == 0)
        #expect(try world.ids() == ["BINANCE-1", "BINANCE-2"])
    }

    @Test func randomLoadsWithLateRowsAndClockStepsArriveOnce() throws {
        var random = LakeRandom.start()
        for _ in 0..<25 {
            let world = try OffloadFixture(seed: random.next())
            world.options.maxRows = 1 + random.below(40)
            var known: Set<String> = []
            for _ in 0..<12 {
                for _ in 0..<random.below(4) {
                    let ids = (0..<random.below(12)).map { _ in 1 + random.below(120) }
                    let lines = ids.map { random.chance(15) ? Records.anonymousTrade("\($0)") : Records.trade($0) }
                    // Some become visible long after their stamp.
                    try world.warm.insert(lines, at: random.chance(25) ? world.warm.now - Int64(random.below(800)) * 1_000_000 : nil)
                    for line in lines { known.insert(line.contains("KRAKEN") ? String(line.firstRange(of: "V1-").map { line[$0.upperBound...].prefix { $0 != "\"" } }!) + "k" : String(line.firstRange(of: "BINANCE-").map { line[$0.upperBound...].prefix { $0 != "\"" } }!)) }
                    world.pass(seconds: Int64(random.below(200)))
                }
                if random.chance(15) { world.warm.now -= Int64(random.below(7_200)) * 1_000_000 }
                if random.chance(10) { world.warm.now += Int64(random.below(3_600)) * 1_000_000 }
                world.pass(seconds: Int64(random.below(900)))
                try world.run()
            }
            // Wherever the clocks are by now, twice the lag is enough.
            for _ in 0..<2 {
                world.pass(seconds: 120)
                try world.run()
            }
            let ids = try world.ids()
            #expect(ids.count == known.count && Set(ids).count == known.count)
        }
    }

    // MARK: Faults

    private static let early = (1...30).map { Records.trade($0) }
    private static let later = (20...60).map { Records.trade($0) }

    private func half(_ seed: UInt64) throws -> OffloadFixture {
        let world = try OffloadFixture(seed: seed)
        world.options.maxRows = 15
        try world.warm.insert(Self.early)
        world.pass(seconds: 61)
        try world.run()
        for start in stride(from: 0, to: Self.later.count, by: 8) {
            try world.warm.insert(Array(Self.later[start..<min(start + 8, Self.later.count)]))
            world.pass(seconds: 1)
        }
        world.pass(seconds: 61)
        return world
    }

    private func expectWhole(_ world: OffloadFixture, _ note: Comment) throws {
        world.lake.memory.clearFaults()
        world.lake.catalog.commitFaults = []
        world.lake.catalog.failingLoads = 0
        world.warm.beforeAsking = {}
        world.pass(seconds: 1)
        try world.run(holder: "test:2:2")
        #expect(try world.ids() == (1...60).map { "BINANCE-\($0)" }.sorted(), note)
        #expect(try world.lake.state.openIntents(table: nil).isEmpty, note)
        #expect(try world.lake.orphans() == [], note)
        #expect(try world.run(holder: "test:3:3").rows == 0, note)
    }

    struct Injected: Error {}

    @Test func theWarmStoreFailsAtAnyQuestion() throws {
        for step in 0..<60 {
            let world = try half(7)
            var left = step
            world.warm.beforeAsking = {
                left -= 1
                if left < 0 { throw WarmSourceError("injected", isRetryable: true) }
            }
            do { try world.run() } catch let error as LakeError { #expect(error.code == .busy) }
            try expectWhole(world, "question \(step)")
        }
    }

    @Test(arguments: MemoryStore.Operation.allCases, [MemoryStore.Fault.Moment.before, .after])
    func theObjectStoreFailsAtAnyStep(_ operation: MemoryStore.Operation, _ moment: MemoryStore.Fault.Moment) throws {
        let healthy = try half(7)
        let before = healthy.lake.memory.log.count
        try healthy.run()
        let steps = healthy.lake.memory.log[before...].count { $0.hasPrefix("\(operation) ") }
        for step in 0..<min(steps, 25) {
            let world = try half(7)
            world.lake.memory.inject(.init(operation, skip: step, moment: moment))
            do { try world.run() } catch is LakeError {}
            try expectWhole(world, "\(operation) \(step) \(moment)")
        }
    }

    @Test(arguments: [FaultyCatalog.Fault.conflict, .unknownMade, .unknownNotMade, .failure], 0..<4)
    func theCatalogFailsAtACommit(_ fault: FaultyCatalog.Fault, _ passing: Int) throws {
        let world = try half(7)
        var commits = 0
        world.lake.catalog.beforeCommit = {
            if commits == passing { world.lake.catalog.commitFaults = [fault] }
            commits += 1
        }
        do { try world.run() } catch is LakeError {}
        world.lake.catalog.beforeCommit = {}
        try expectWhole(world, "\(fault) at commit \(passing)")
    }

    // MARK: Backfill

    @Test func whatTheLakeLostComesBackAndNothingElse() throws {
        let world = try OffloadFixture()
        let day: Int64 = 86_400_000_000
        let lines = (0..<40).map { Records.trade($0 + 1, at: Records.start.microseconds + Int64($0 % 4) * day + Int64($0) * 1_000_000) }
        try world.warm.insert(lines)
        world.pass(seconds: 61)
        try world.run()
        let lost = try #require(try world.lake.dataFiles("silver_trades").first)
        for _ in 0..<2 {
            // Losing the same rows twice brings them back twice.
            let loop = CommitLoop(catalog: world.lake.inner, store: world.lake.objects, environment: world.lake.environment)
            let victim = try #require(try world.lake.dataFiles("silver_trades").first { $0.partition == lost.partition })
            _ = try loop.overwrite(removing: [victim.path], adding: [], in: TableIdentifier(["cold"], "silver_trades"))
            #expect(try world.ids().count == 30)
            #expect(try world.run().rows == 0, "the watermark is past them")
            let backfill = Backfill(MarketTables.silver, from: world.warm, to: world.stores(), options: world.options) { _ in }
            let outcome = try backfill.run(from: Records.start, to: Timestamp(microseconds: Records.start.microseconds + 4 * day))
            #expect(outcome.rows == 10 && outcome.duplicates == 30)
            #expect(try world.ids().count == 40 && Set(try world.ids()).count == 40)
        }
    }
}
