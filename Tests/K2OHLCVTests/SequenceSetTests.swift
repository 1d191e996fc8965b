import K2Domain
import K2TestSupport
import Testing

@testable import K2OHLCV

@Suite struct SequenceSetTests {
    @Test func behavesLikeASet() {
        var random = Seeded.start()
        for _ in 0..<15 {
            var set = SequenceSet()
            var plain: Set<UInt64> = []
            for _ in 0..<300 {
                let value = UInt64(random.int(0...200))
                switch random.int(0...9) {
                case 0:
                    let range = value...(value + UInt64(random.int(0...12)))
                    set.insert(contentsOf: range)
                    plain.formUnion(range)
                case 1:
                    let range = value...(value + UInt64(random.int(0...40)))
                    #expect(set.absent(from: range).flatMap { Array($0) } == range.filter { !plain.contains($0) }, "seed \(random.seed)")
                default: #expect(set.insert(value) == plain.insert(value).inserted, "seed \(random.seed)")
                }
                let apart = zip(set.ranges, set.ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound }
                #expect(apart, "ranges touch, seed \(random.seed)")
            }
            #expect(Set(set.ranges.flatMap { Array($0) }) == plain, "seed \(random.seed)")
            #expect((0...220).allSatisfy { set.contains($0) == plain.contains($0) }, "seed \(random.seed)")
        }
    }

    @Test func bothEndsOfTheNumbersAreOrdinary() {
        var set = SequenceSet()
        #expect(set.insert(.max) == true)
        #expect(set.insert(0) == true)
        #expect(set.insert(.max) == false)
        #expect(set.insert(.max - 1) == true)
        #expect(set.insert(1) == true)
        #expect(set.ranges == [0...1, (.max - 1)...(.max)])
        #expect(set.absent(from: 0...(.max)) == [2...(.max - 2)])
        set.insert(contentsOf: 0...(.max))
        #expect(set.ranges == [0...(.max)])
        #expect(set.absent(from: 5...(.max)) == [])
    }

    @Test func aboveItsLimitItForgetsGapsButNoValue() {
        var random = Seeded.start()
        var set = SequenceSet(maxRanges: 16)
        var plain: Set<UInt64> = []
        for _ in 0..<600 {
            let value = UInt64(random.int(0...5_000))
            let isNew = set.insert(value)
            if plain.contains(value) { #expect(!isNew, "\(value) was new twice, seed \(random.seed)") }
            plain.insert(value)
            #expect(set.ranges.count <= 16)
        }
        #expect(plain.allSatisfy { set.contains($0) }, "seed \(random.seed)")
    }

    @Test func aboveItsLimitTheHighestGapsAreKept() {
        var set = SequenceSet(maxRanges: 4)
        for value in [10, 20, 30, 40, 50] as [UInt64] { #expect(set.insert(value) == true) }
        #expect(set.ranges == [10...20, 30...30, 40...40, 50...50])
        #expect(set.insert(15) == false)
        #expect(set.insert(45) == true)
        #expect(set.ranges == [10...30, 40...40, 45...45, 50...50])
    }
}

@Suite struct DigestWindowTests {
    @Test func remembersTheLastOnes() {
        var window = DigestWindow(capacity: 3)
        for digest in [1, 2, 3] as [UInt128] { #expect(window.insert(digest) == true) }
        #expect(window.insert(1) == false)
        #expect(window.insert(4) == true)
        #expect(window.digests == [2, 3, 4])
        #expect(window.insert(1) == true)
        #expect(window.insert(4) == false)
        #expect(window.digests == [3, 4, 1])
    }

    @Test func behavesLikeAListOfTheLastOnes() {
        var random = Seeded.start()
        var window = DigestWindow(capacity: 50)
        var plain: [UInt128] = []
        for _ in 0..<800 {
            let digest = UInt128(random.int(0...120))
            let isNew = !plain.contains(digest)
            #expect(window.insert(digest) == isNew, "seed \(random.seed)")
            if isNew { plain = Array((plain + [digest]).suffix(50)) }
        }
        #expect(window.digests == plain, "seed \(random.seed)")
    }
}

@Suite struct UnnumberedTradesTests {
    private func entry(_ digest: UInt128, _ time: Int64) -> UnnumberedTrades.Entry {
        UnnumberedTrades.Entry(digest: digest, series: 0, time: Timestamp(microseconds: time))
    }

    @Test func givesOutWhatItForgets() {
        var trades = UnnumberedTrades(capacity: 2)
        #expect(trades.insert(entry(1, 10)) == nil)
        #expect(trades.insert(entry(2, 20)) == nil)
        #expect(trades.insert(entry(3, 15)) == entry(1, 10))
        #expect(trades.contains(2) && trades.contains(3) && !trades.contains(1))
        #expect(trades.insert(entry(4, 40)) == entry(2, 20))
        #expect(trades.entries == [entry(3, 15), entry(4, 40)])
    }
}
