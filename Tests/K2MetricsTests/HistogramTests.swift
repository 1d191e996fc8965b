import CMallocCounter
import K2Metrics
import K2TestSupport
import Testing

@Suite struct HistogramTests {
    @Test func aBoundBelongsToItsBucket() {
        var histogram = Histogram(bounds: [1, 2])
        for value in [-1, 1, 1.0000001, 2, 2.5, .infinity] { histogram.observe(value) }
        #expect(histogram.counts == [2, 2, 2] && histogram.count == 6 && histogram.sum == .infinity)
    }

    @Test func whatIsNoNumberIsIgnored() {
        var histogram = Histogram(bounds: Histogram.latencyBounds)
        histogram.observe(.nan)
        #expect(histogram == Histogram(bounds: Histogram.latencyBounds))
    }

    @Test func bucketsHoldWhatTheirBoundsSay() {
        var random = Seeded.start()
        let bounds = Array(Set((0..<10).map { _ in Double(random.int(-50...50)) })).sorted()
        let values = (0..<1_000).map { _ in Double(random.int(-120...120)) / 2 }
        var histogram = Histogram(bounds: bounds)
        for value in values { histogram.observe(value) }
        let upper = bounds + [.infinity]
        let lower = [-.infinity] + bounds
        for index in upper.indices {
            #expect(histogram.counts[index] == values.count { $0 > lower[index] && $0 <= upper[index] })
        }
        #expect(histogram.count == 1_000 && histogram.sum == values.reduce(0, +))
    }

    @Test(.enabled(if: malloc_counter_works()))
    func observingAllocatesNothing() {
        var histogram = Histogram(bounds: Histogram.latencyBounds)
        malloc_counter_start()
        for number in 0..<1_000 { histogram.observe(Double(number) / 100) }
        #expect(malloc_counter_stop() == 0)
        #expect(histogram.count == 1_000)
    }
}
