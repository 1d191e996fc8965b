import K2Domain
import K2Rows
import Testing

@testable import K2Lake

@Suite struct BatchPlanTests {
    /// The window of each batch; parts of one moment count once.
    private func windows(_ batches: [OffloadBatch]) -> [(after: Int64, through: Int64, parts: Int)] {
        var result: [(after: Int64, through: Int64, parts: Int)] = []
        for batch in batches {
            guard case .loaded(let after, let through) = batch.selection.span else { continue }
            if let part = batch.selection.part, part.index > 0 {
                result[result.count - 1].parts += 1
            } else {
                result.append((after.microseconds, through.microseconds, 1))
            }
        }
        return result
    }

    @Test func randomLoadsAreCutIntoBoundedBatches() throws {
        var random = LakeRandom.start()
        for _ in 0..<60 {
            let warm = MemoryWarm()
            let end: Int64 = random.pick([1_000, 1_000_000, 50_000_000_000])
            var id = 0
            for _ in 0..<random.below(30) {
                let moment = 1 + Int64.random(in: 0..<end, using: &random)
                let lines = (0..<1 + random.below(random.pick([3, 40]))).map { _ in id += 1; return Records.trade(id) }
                try warm.insert(lines, at: moment)
            }
            let limit = 1 + random.below(25)
            let plan = BatchPlan(table: MarketTables.silver, source: warm, maxRows: limit)
            let batches = try plan.batches(after: Timestamp(microseconds: 0), through: Timestamp(microseconds: end))
            #expect(batches.isEmpty == (id == 0))
            var found: [Int] = []
            for batch in batches {
                let count = try warm.count(of: MarketTables.silver, batch.selection)
                found.append(count)
                if batch.selection.part == nil { #expect(count <= limit) }
            }
            #expect(found.reduce(0, +) == id)
            var last: Int64 = 0
            for window in windows(batches) {
                #expect(window.after >= last && window.through > window.after)
                last = window.through
            }
            let reached = batches.compactMap(\.reaches)
            #expect(reached == reached.sorted() && (batches.isEmpty || reached.last == Timestamp(microseconds: end)))
        }
    }

    @Test func ofWideRowsABatchHasFewer() throws {
        let warm = MemoryWarm()
        for number in 1...100 { try warm.insert([Records.trade(number)], at: Int64(number) * 1_000) }
        let width = try #require(try warm.rowBytes(of: MarketTables.silver))
        let batches = try BatchPlan(table: MarketTables.silver, source: warm, maxRows: 1_000_000, maxBytes: width * 30)
            .batches(after: Timestamp(microseconds: 0), through: Timestamp(microseconds: 100_000))
        #expect(batches.count >= 4 && batches.allSatisfy { $0.rows <= 30 } && batches.reduce(0) { $0 + $1.rows } == 100)
    }

    @Test func aWindowOfFewRowsIsOneBatch() throws {
        let warm = MemoryWarm()
        try warm.insert((1...10).map { Records.trade($0) }, at: 500)
        let batches = try BatchPlan(table: MarketTables.silver, source: warm, maxRows: 10)
            .batches(after: Timestamp(microseconds: 499), through: Timestamp(microseconds: 9_999))
        #expect(batches == [
            OffloadBatch(
                selection: WarmSelection(.loaded(after: Timestamp(microseconds: 499), through: Timestamp(microseconds: 9_999))),
                reaches: Timestamp(microseconds: 9_999), rows: 10)
        ])
    }
}
