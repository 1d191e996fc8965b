import K2Lake
import K2ObjectStore
import K2TestSupport
import Testing

@testable import K2Iceberg
@testable import K2Maintenance

/// Verbs that are asked to stop, wherever they are.
struct StopTests {
    private func lake() throws -> HistoryLake {
        var random = Seeded(17)
        let lake = try HistoryLake(seed: 17)
        try lake.makeHistory(&random, commits: 12)
        lake.clock.advance(100 * HistoryLake.hour)
        return lake
    }

    /// Runs until it is asked for the `count`th time whether to stop. Returns how often it was asked in all.
    private func run(_ lake: HistoryLake, stopAt count: Int, _ body: (TableWork) throws -> StepOutcome) throws -> Int {
        var asked = 0
        let work = lake.work(isStopped: {
            asked += 1
            return asked >= count
        })
        do { _ = try body(work) } catch let error as LakeError where error.code == .stopped {
            #expect(error.message.hasPrefix("t: stopped") && asked == count, "the first answer is enough")
        }
        return asked
    }

    @Test func `an expiry deletes nothing that is needed, and the next one goes on`() throws {
        func expire(_ work: TableWork) throws -> StepOutcome { try Expiry(work, ExpireOptions(olderThan: 0, retainLast: 1)).run() }
        let total = try run(lake(), stopAt: .max, expire)
        #expect(total > 5)
        for count in 1...total {
            let lake = try lake()
            let (before, stored) = (try lake.contents(), try lake.stored())
            #expect(try run(lake, stopAt: count, expire) == count)
            for snapshot in try lake.table.metadata.snapshots { #expect(try lake.contents(of: snapshot.snapshotID) == before[snapshot.snapshotID], "stopped at \(count)") }
            if try lake.table.metadata.snapshots.count == before.count { #expect(try lake.stored() == stored, "stopped at \(count): nothing is deleted without a commit") }
            #expect(try lake.stored().isSuperset(of: lake.reachable()), "stopped at \(count)")
            _ = try run(lake, stopAt: .max, expire)
            #expect(try expire(lake.work()).status == .nothing)
        }
    }

    @Test func `a search for orphans leaves no half of a plan, and the same plan of moves goes on`() throws {
        func strays(_ lake: HistoryLake) throws -> HistoryLake {
            for name in ["a", "b", "c"] { try lake.memory.put([1], to: "\(lake.table.metadata.location)/data/\(name).parquet") }
            lake.clock.advance(1_000)
            return lake
        }
        let output = PlanLines()
        func search(_ work: TableWork) throws -> StepOutcome { try OrphanSearch(work, olderThan: 0, locations: CatalogLocations(), output: output).run() }
        let asked = try run(strays(lake()), stopAt: .max, search)
        #expect(asked > 1)
        let clean = try OrphanPlan.read(output.bytes)
        #expect(clean.first?.files.count == 3)
        for count in 1...asked {
            let (lake, output) = (try strays(lake()), PlanLines())
            #expect(try run(lake, stopAt: count) { try OrphanSearch($0, olderThan: 0, locations: CatalogLocations(), output: output).run() } == count)
            #expect(output.bytes.isEmpty, "stopped at \(count)")
        }
        func planned(_ lake: HistoryLake) throws -> OrphanPlan {
            let output = PlanLines()
            _ = try OrphanSearch(lake.work(), olderThan: 0, locations: CatalogLocations(), output: output).run()
            return try #require(try OrphanPlan.read(output.bytes).first)
        }
        let first = try strays(lake())
        let plan = try planned(first)
        let total = try run(first, stopAt: .max) { try QuarantineMove($0, plan, locations: CatalogLocations()).run() }
        #expect(total > 3)
        for count in 1...total {
            let lake = try strays(lake())
            let plan = try planned(lake)
            let contents = try lake.contents()
            #expect(try run(lake, stopAt: count) { try QuarantineMove($0, plan, locations: CatalogLocations()).run() } == count)
            _ = try QuarantineMove(lake.work(), plan, locations: CatalogLocations()).run()
            #expect(try lake.contents() == contents && planned(lake).files.isEmpty, "stopped at \(count)")
        }
    }
}
