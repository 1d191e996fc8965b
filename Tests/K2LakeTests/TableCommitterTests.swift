import K2Domain
import K2Iceberg
import K2ObjectStore
import K2StateStore
import Testing

@testable import K2Lake

struct TableCommitterTests {
    private func code(_ body: () throws -> Void) -> LakeError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? LakeError)?.code ?? { Issue.record("not a LakeError: \(error)"); return nil }()
        }
    }

    /// After any failure: a run with all input leaves each row once, and nothing lies about.
    private func expectWhole(_ lake: LakeFixture, _ lines: [String], trades: Int, candles: Int, _ note: String) throws {
        lake.memory.clearFaults()
        lake.catalog.commitFaults = []
        lake.catalog.failingLoads = 0
        _ = try lake.load(lines, holder: "test:2:1")
        let ids = try lake.rows("silver_trades").compactMap { $0["source_sequence"]?.integer }
        #expect(ids.count == trades && Set(ids).count == trades, "\(note): trades")
        let windows = try lake.rows("gold_ohlcv_1m").compactMap { $0["window_start"]?.integer }
        #expect(windows.count == candles && Set(windows).count == candles, "\(note): candles")
        #expect(try lake.rows("gold_ohlcv_1m").allSatisfy { $0["revision"] == .integer(1) }, "\(note): revisions")
        #expect(try lake.state.openIntents(table: nil).isEmpty, "\(note): open intents")
        #expect(try lake.orphans() == [], "\(note): orphans")
        #expect(try lake.load(lines).reports.isEmpty, "\(note): again")
    }

    private static let trades = (1...6).map { Records.trade($0) }
    private static let old = (0..<4).map { Records.candle("BTC/USDT", Int64($0) * 60_000_000, revision: 0) }
    private static let new = (0..<4).map { Records.candle("BTC/USDT", Int64($0) * 60_000_000, revision: 1, close: "6") }

    /// A lake that holds half of the trades and the candles' first revisions.
    private func halfLoaded() throws -> LakeFixture {
        let lake = try LakeFixture()
        lake.isGone = { _ in true }
        _ = try lake.load(Array(Self.trades.prefix(3)) + Self.old)
        return lake
    }

    /// Each step of the kinds that come a few times; of reads and writes, which come in dozens, some by chance.
    @Test(arguments: MemoryStore.Operation.allCases, [MemoryStore.Fault.Moment.before, .after])
    func `a store that fails at any step loses and doubles nothing`(_ operation: MemoryStore.Operation, _ moment: MemoryStore.Fault.Moment) throws {
        let lines = Self.trades + Self.new
        // As many steps as a whole run takes; each of them fails once.
        let healthy = try halfLoaded()
        let before = healthy.memory.log.count
        _ = try healthy.load(lines)
        let steps = healthy.memory.log[before...].count { $0.hasPrefix("\(operation) ") }
        var random = LakeRandom.start("\(operation) \(moment)")
        for step in (0..<steps).shuffled(using: &random).prefix(12) {
            let lake = try halfLoaded()
            lake.memory.inject(.init(operation, skip: step, moment: moment))
            let found = code { _ = try lake.load(lines) }
            #expect(found == .failed || found == nil || found == .outcomeUnknown, "step \(step): \(found as Any)")
            try expectWhole(lake, lines, trades: 6, candles: 4, "\(operation) \(moment) \(step)")
        }
    }

    @Test func `a store that stays broken leaves an intent that the next run settles`() throws {
        let lake = try halfLoaded()
        for operation in [MemoryStore.Operation.putIfAbsent, .put, .delete] {
            lake.memory.inject(.init(operation, locationContains: "silver", count: 1_000))
        }
        #expect(code { _ = try lake.load(Self.trades) } == .failed)
        #expect(try lake.state.openIntents(table: "silver_trades").count == 1)
        #expect(try lake.orphans().count == 1)
        lake.memory.clearFaults()
        let outcome = try lake.load(Self.trades + Self.new)
        #expect(outcome.notices.count == 1 && outcome.notices[0].hasPrefix("silver_trades: batch ") && outcome.notices[0].hasSuffix("its files are removed"))
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "broken store")
    }

    @Test func `conflicts are overcome`() throws {
        let lake = try halfLoaded()
        lake.catalog.commitFaults = Array(repeating: .conflict, count: 9)
        #expect(try lake.load(Self.trades).rows("silver_trades") == 3)
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "conflicts")
    }

    @Test func `too many conflicts: try again later`() throws {
        let lake = try halfLoaded()
        lake.catalog.commitFaults = Array(repeating: .conflict, count: 10)
        #expect(code { _ = try lake.load(Self.trades) } == .busy)
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "conflicts")
    }

    @Test func `a commit of unknown outcome that was made is found`() throws {
        let lake = try halfLoaded()
        lake.catalog.commitFaults = [.unknownMade]
        #expect(try lake.load(Self.trades).rows("silver_trades") == 3)
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "made")
    }

    @Test(arguments: [true, false])
    func `an outcome that stays unknown is settled by the next run`(_ wasMade: Bool) throws {
        let lake = try halfLoaded()
        lake.catalog.commitFaults = [wasMade ? .unknownMade : .unknownNotMade]
        // The read back fails too: loads so far are those of the commit itself.
        lake.catalog.beforeCommit = { lake.catalog.failingLoads = 5 }
        #expect(code { _ = try lake.load(Self.trades) } == .outcomeUnknown)
        lake.catalog.beforeCommit = {}
        lake.catalog.failingLoads = 0
        let intents = try lake.state.openIntents(table: "silver_trades")
        #expect(intents.count == 1)
        #expect(try lake.objects.exists(intents[0].files[0]))
        let lines = lake.stores().reconcile().lines
        #expect(lines.count == 1 && lines[0].contains(wasMade ? "had been committed in snapshot" : "was not committed"))
        #expect(try lake.objects.exists(intents[0].files[0]) == wasMade)
        #expect(try lake.load(Self.trades).rows("silver_trades") == (wasMade ? 0 : 3))
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "unknown")
    }

    @Test func `the next load settles what was committed before it reads what the table has`() throws {
        let lake = try halfLoaded()
        lake.catalog.commitFaults = [.unknownMade]
        lake.catalog.beforeCommit = { lake.catalog.failingLoads = 5 }
        #expect(code { _ = try lake.load(Self.trades) } == .outcomeUnknown)
        lake.catalog.beforeCommit = {}
        lake.catalog.failingLoads = 0
        // Its batch is another one: the rows that are there must be known, not the batch.
        #expect(try lake.load(Self.trades + [Records.trade(7)]).rows("silver_trades") == 1)
        try expectWhole(lake, Self.trades + [Records.trade(7)] + Self.new, trades: 7, candles: 4, "settled first")
    }

    @Test func `a commit refused for good is taken back`() throws {
        let lake = try halfLoaded()
        lake.catalog.commitFaults = [.failure]
        #expect(code { _ = try lake.load(Self.trades) } != nil)
        #expect(try lake.state.openIntents(table: nil).isEmpty)
        #expect(try lake.orphans().isEmpty)
        let run = try #require(try lake.state.runs(table: "silver_trades", limit: 1).first)
        #expect(run.status == "failed" && run.error == "injected failure")
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "refused")
    }

    /// Another writer removes a file that the revision is about to replace.
    @Test func `a replacement that another writer outdated is planned anew or left for later`() throws {
        let lake = try halfLoaded()
        let loop = CommitLoop(catalog: lake.inner, store: lake.objects, environment: lake.environment)
        lake.catalog.beforeCommit = {
            lake.catalog.beforeCommit = {}
            let file = try lake.dataFiles("gold_ohlcv_1m")[0]
            var copy = file
            copy.path += ".compacted.parquet"
            try lake.objects.put(try lake.objects.get(file.path), to: copy.path)
            _ = try loop.overwrite(removing: [file.path], adding: [copy], in: TableIdentifier(["cold"], "gold_ohlcv_1m"))
        }
        let found = code { _ = try lake.load(Self.new) }
        #expect(found == nil || found == .busy)
        try expectWhole(lake, Self.trades + Self.new, trades: 6, candles: 4, "compacted")
    }

    @Test func `a lake whose state was lost is not damaged by loading the same batch`() throws {
        let lake = try LakeFixture()
        _ = try lake.load(Self.trades)
        let before = try lake.rows("silver_trades")
        let fresh = try SQLStateStore(path: ":memory:")
        let stores = LakeStores(
            catalog: lake.catalog, objects: lake.objects, state: fresh, environment: lake.environment, holder: "test:9:9", isGone: { _ in false })
        var loader = LakeLoader(stores, only: nil)
        // The same identities with other contents: the batch id is the same, the file would not be.
        for id in 1...6 { try loader.add(Array(Records.trade(id, ["currency": "\"\(String(repeating: "X", count: 99))\""]).utf8).span) }
        let reports = try loader.commit()
        try loader.close()
        #expect(reports.reduce(0) { $0 + $1.rows } == 0)
        #expect(try lake.rows("silver_trades") == before)
        #expect(try fresh.openIntents(table: nil).isEmpty)
        #expect(try fresh.loadedRanges(table: "silver_trades").map { $0.first...$0.last } == [1...6])
    }

    @Test func `reconcile leaves the batch of a running process alone`() throws {
        let lake = try LakeFixture()
        var reconciled: [LakeError]?
        lake.catalog.beforeCommit = {
            lake.catalog.beforeCommit = {}
            reconciled = lake.stores(holder: "other:2:2").reconcile().failures
        }
        let outcome = try lake.load(Self.trades)
        #expect(outcome.rows("silver_trades") == 6)
        #expect(try lake.rows("silver_trades").count == 6, "its files are there")
        #expect(reconciled?.map(\.code) == [.held])
        #expect(lake.stores().reconcile().lines.isEmpty)
    }
}
