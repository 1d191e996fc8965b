import K2Domain
import K2TestSupport
import Testing

@testable import K2OHLCV

@Suite struct CandleFoldPropertyTests {
    /// Folds trades of several series, closes all, and collects what was printed.
    private func fold(
        _ trades: [(series: Int, trade: CandleTrade)], lateness: Int64 = 10 * second, keep: Int64 = 10_000 * hour, updates: Bool = false,
        missed: (Int, CandleTrade, FoldOutcome) -> Void = { _, _, _ in }
    ) -> (printed: Printed, events: [CandleEvent]) {
        var fold = CandleFold(lateness: lateness, keep: keep, emitsUpdates: updates, series: 3)
        for (series, trade) in trades {
            let outcome = fold.add(trade, to: series)
            if outcome != .counted { missed(series, trade, outcome) }
        }
        fold.closeAll()
        var printed = Printed()
        for event in fold.events { printed.take(event) }
        return (printed, fold.events)
    }

    private func threeSeries(_ random: inout Seeded, _ count: Int) -> [(series: Int, trade: CandleTrade)] {
        let starts = [dayStart + Int64(random.int(0...86_400)) * second, -5 * hour, 253_402_200_000 * second]
        return (0..<3).flatMap { series in random.trades(count, from: starts[series]).map { (series, $0) } }
    }

    @Test func anyOrderWithinTheLatenessGivesTheCandlesOfTheSortedOrder() {
        var random = Seeded.start()
        for _ in 0..<10 {
            let sorted = threeSeries(&random, 200)
            let lateness = Int64(random.int(1...300)) * second
            let arrivals = sorted.map { ($0.trade.time.microseconds + Int64(random.int(0...Int(lateness - 1))), $0) }
            let shuffled = arrivals.shuffled(using: &random).sorted { $0.0 < $1.0 }.map(\.1)
            let one = fold(sorted, lateness: lateness)
            let other = fold(shuffled, lateness: lateness)
            #expect(one.printed.fault == nil && other.printed.fault == nil, "seed \(random.seed)")
            #expect(one.printed.summaries == Oracle.candles(sorted, CandleInterval.allCases), "seed \(random.seed)")
            for series in 0..<3 {
                // Not only the same candles: in the same order, each once.
                #expect(
                    one.events.filter { $0.series == series }.map { "\($0)" } == other.events.filter { $0.series == series }.map { "\($0)" },
                    "seed \(random.seed)")
            }
        }
    }

    @Test func lastRevisionIsThatOfAllTradesInWhateverOrderTheyCome() {
        var random = Seeded.start()
        for round in 0..<10 {
            let sorted = threeSeries(&random, 150)
            var arrivals = round % 3 == 0 ? sorted.shuffled(using: &random) : sorted
            for _ in 0..<40 { arrivals.swapAt(random.int(0...(sorted.count - 1)), random.int(0...(sorted.count - 1))) }
            for _ in 0..<40 { arrivals.insert(random.pick(sorted), at: random.int(0...sorted.count)) }
            var duplicates = 0
            let result = fold(arrivals, updates: round % 2 == 0) { _, _, outcome in
                #expect(outcome == .duplicate, "seed \(random.seed)")
                duplicates += 1
            }
            #expect(duplicates == 40, "seed \(random.seed)")
            #expect(result.printed.fault == nil, "seed \(random.seed)")
            #expect(result.printed.summaries == Oracle.candles(sorted, CandleInterval.allCases), "seed \(random.seed)")
        }
    }

    @Test func forgottenWindowsAreNeverIssuedAnew() {
        var random = Seeded.start()
        for _ in 0..<10 {
            var arrivals = threeSeries(&random, 200)
            for _ in 0..<150 { arrivals.swapAt(random.int(0...(arrivals.count - 1)), random.int(0...(arrivals.count - 1))) }
            var missing: [CandleInterval: Set<String>] = [:]
            let result = fold(arrivals, keep: Int64(random.int(0...30)) * minute) { series, trade, outcome in
                guard case .tooLate(let intervals) = outcome else {
                    Issue.record("\(outcome), seed \(random.seed)")
                    return
                }
                for interval in intervals { missing[interval, default: []].insert("\(series) \(trade.sequence!)") }
            }
            var expected: [WindowKey: CandleSummary] = [:]
            for interval in CandleInterval.allCases {
                let counted = arrivals.filter { !(missing[interval]?.contains("\($0.series) \($0.trade.sequence!)") ?? false) }
                expected.merge(Oracle.candles(counted, [interval])) { first, _ in first }
            }
            #expect(result.printed.fault == nil, "seed \(random.seed)")
            #expect(result.printed.summaries == expected, "seed \(random.seed)")
        }
    }

    @Test func updatesChangeNothingElse() {
        var random = Seeded.start()
        let trades = threeSeries(&random, 300)
        let plain = fold(trades)
        let chatty = fold(trades, updates: true)
        #expect(plain.printed.updates == 0 && chatty.printed.updates > 0)
        #expect(plain.events.map { "\($0)" } == chatty.events.filter(\.candle.isFinal).map { "\($0)" }, "seed \(random.seed)")
    }

    @Test func candleDoesNotDependOnTheOrderOfItsTrades() {
        var random = Seeded.start()
        for round in 0..<200 {
            let trades = (0..<random.int(1...12)).map { index in
                random.trade(dayStart + Int64(random.int(0...3)), round % 2 == 0 ? UInt64(index) : nil)
            }
            var texts: Set<String> = []
            for _ in 0..<4 {
                let order = trades.shuffled(using: &random)
                var candle = Candle(windowStart: Timestamp(microseconds: dayStart), trade: order[0])
                for trade in order.dropFirst() { #expect(candle.add(trade) == true) }
                #expect(CandleSummary(candle) == CandleSummary(trades), "seed \(random.seed)")
                texts.insert("\(candle)")
            }
            #expect(texts.count == 1, "seed \(random.seed)")
        }
    }
}
