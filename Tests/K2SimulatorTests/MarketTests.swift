import K2Domain
import Testing

@testable import K2Simulator

@Suite struct MarketTests {
    @Test func pricesStayWithinHalfAndTwiceTheirStart() throws {
        let plan = try RecordingPlan(format: .krakenV2, trades: 1, seed: 3, symbols: ["ATOMUSD", "BTCUSD"])
        var market = Market(plan)
        var times = [Int64](repeating: 0, count: 2)
        for _ in 0..<500_000 {
            let trade = market.next()
            let start = plan.instruments[trade.symbol].price
            // An order of seven fills may eat up to twelve ticks beyond the walk.
            #expect(trade.price > start / 2 - 14 && trade.price < start * 2 + 14)
            #expect(trade.quantity >= 1 && trade.time >= times[trade.symbol])
            times[trade.symbol] = trade.time
        }
    }

    @Test func everySymbolTradesAndMovesInManySizes() throws {
        let plan = try RecordingPlan(format: .binanceCombined, trades: 1)
        var market = Market(plan)
        var seen = [Set<Int64>](repeating: [], count: plan.instruments.count)
        var quantities = seen
        for _ in 0..<20_000 {
            let trade = market.next()
            seen[trade.symbol].insert(trade.price)
            quantities[trade.symbol].insert(trade.quantity)
        }
        #expect(seen.allSatisfy { $0.count > 3 } && quantities.allSatisfy { $0.count > 50 })
    }

    @Test func exponentialHasItsMean() {
        var random = RandomSource(seed: 9)
        for mean in [1_000, 32_291_666, 1_937_500_000] as [Int64] {
            let sum = (0..<200_000).reduce(Int64(0)) { sum, _ in sum + random.exponential(mean: mean) }
            #expect(abs(Double(sum) / 200_000 / Double(mean) - 1) < 0.02)
        }
    }

    @Test func belowCoversItsRange() {
        var random = RandomSource(seed: 5)
        let drawn = (0..<10_000).map { _ in random.below(7) }
        #expect(Set(drawn) == Set(0..<7))
        let ones = (0..<100).map { _ in random.below(1) }
        #expect(Set(ones) == [0])
    }

    @Test func streamsOfASeedDiffer() {
        var first = RandomSource(seed: 1, stream: 1)
        var second = RandomSource(seed: 1, stream: 2)
        let (a, b) = (first.next(), second.next())
        #expect(a != b)
    }

    @Test func heldTradesComeBackInTimeAndThenInOrder() throws {
        let plan = try RecordingPlan(format: .krakenV2, trades: 1)
        var market = Market(plan)
        var random = RandomSource(seed: 11)
        for _ in 0..<50 {
            var held = HeldTrades()
            var expected: [(due: Int64, id: Int64)] = []
            for number in 0..<random.below(200) {
                var trade = market.next()
                trade.id = number
                let due = random.below(30)
                held.hold(trade, until: due)
                expected.append((due, number))
            }
            expected.sort { ($0.due, $0.id) < ($1.due, $1.id) }
            for (due, id) in expected {
                #expect(held.nextDue == due)
                let released = held.release()
                #expect(released?.due == due && released?.trade.id == id)
            }
            #expect(held.nextDue == nil)
        }
    }
}
