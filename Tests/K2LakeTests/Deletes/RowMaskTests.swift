import Testing

@testable import K2Lake

struct RowMaskTests {
    @Test func `rows that are taken away are gone, once`() {
        var mask = RowMask(count: 130)
        for row in [0, 63, 64, 129, 129, 130, -1] { mask.remove(row) }
        #expect(mask.liveCount == 126 && !mask.isLive(63) && mask.isLive(65) && !mask.isLive(129))
        #expect(mask.liveCount(in: 60..<66) == 4 && mask.liveCount(in: 0..<130) == 126 && mask.liveCount(in: 5..<5) == 0)
    }

    @Test func `runs are the live rows in order`() {
        var random = LakeRandom.start()
        for _ in 0..<50 {
            let count = random.below(300) + 1
            var mask = RowMask(count: count)
            var live = Set(0..<count)
            for _ in 0..<random.below(count) {
                let row = random.below(count)
                mask.remove(row)
                live.remove(row)
            }
            let (low, high) = (random.below(count), count - random.below(count / 2 + 1))
            var runs: [Range<Int>] = []
            mask.forEachRun(in: low..<max(low, high)) { runs.append($0) }
            #expect(runs.flatMap { Array($0) } == live.filter { (low..<max(low, high)).contains($0) }.sorted(), "seed \(random.seed)")
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "seed \(random.seed)")
            var other = RowMask(count: count)
            for row in 0..<count where row % 3 == 0 { other.remove(row) }
            mask.formIntersection(other)
            #expect(mask.liveCount == live.filter { $0 % 3 != 0 }.count, "seed \(random.seed)")
        }
    }
}
