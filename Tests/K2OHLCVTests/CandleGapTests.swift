import K2Domain
import Testing

@testable import K2OHLCV

@Suite struct CandleGapTests {
    private func gap(_ ids: ClosedRange<UInt64>, _ after: Int64, _ before: Int64) -> KnownGap {
        KnownGap(
            ids: ids, afterTime: Timestamp(microseconds: dayStart + after * second),
            beforeTime: Timestamp(microseconds: dayStart + before * second))
    }

    /// Trades 10, 20, 30 at 0:00:00, 0:01:00, 0:02:00.
    private func threeMinutes() -> CandleFold {
        var fold = CandleFold([.oneMinute], lateness: 0)
        for number in 0..<3 { _ = fold.add(trade(dayStart + Int64(number) * minute, UInt64(10 * number + 10)), to: 0) }
        return fold
    }

    @Test func gapKnownBeforeTheEndMarksTheCandle() {
        var fold = CandleFold([.oneMinute], lateness: 0)
        _ = fold.add(trade(dayStart, 10), to: 0)
        fold.openGap(gap(11...19, 0, 10), in: 0)
        #expect(fold.events.isEmpty)
        _ = fold.add(trade(dayStart + minute, 20), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r0!"])
        fold.closeAll()
        #expect(fold.takeEvents().map(\.short) == ["1m@60 n1 r0"])
    }

    @Test func gapKnownAfterwardsIssuesTheCandleAgain() {
        var fold = threeMinutes()
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r0", "1m@60 n1 r0"])
        fold.openGap(gap(11...19, 0, 60), in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r1!", "1m@60 n1 r1!"])
    }

    @Test func gapTouchesTheWindowsOfBothItsEnds() {
        // After the last trade at 59.999999 s and before the one at 60 s, trades of either minute may be missing.
        var fold = threeMinutes()
        fold.events.removeAll()
        fold.openGap(
            KnownGap(
                ids: 11...12, afterTime: Timestamp(microseconds: dayStart + minute - 1),
                beforeTime: Timestamp(microseconds: dayStart + minute)), in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r1!", "1m@60 n1 r1!"])
    }

    @Test func gapThatBeginsAtTheEndOfAWindowDoesNotTouchIt() {
        var fold = threeMinutes()
        fold.events.removeAll()
        fold.openGap(gap(21...22, 60, 61), in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@60 n1 r1!"])
    }

    @Test func filledGapClearsTheMark() {
        var fold = threeMinutes()
        fold.openGap(gap(11...12, 0, 10), in: 0)
        fold.events.removeAll()
        fold.closeGap(11...12, in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r2"])
        #expect(fold.series[0].gaps.isEmpty)
    }

    @Test func gapFilledInPartsIsClearWhenTheLastPartIs() {
        var fold = threeMinutes()
        fold.openGap(gap(11...19, 0, 10), in: 0)
        fold.events.removeAll()
        fold.closeGap(14...15, in: 0)
        fold.closeGap(11...13, in: 0)
        fold.closeGap(0...9, in: 0)
        #expect(fold.events.isEmpty)
        fold.closeGap(16...400, in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r2"])
    }

    @Test func twoGapsInAWindowBothHaveToBeFilled() {
        var fold = threeMinutes()
        fold.openGap(gap(11...12, 0, 10), in: 0)
        fold.openGap(gap(14...15, 20, 30), in: 0)
        #expect(fold.takeEvents().map(\.short).suffix(1) == ["1m@0 n1 r1!"])
        fold.closeGap(11...12, in: 0)
        #expect(fold.events.isEmpty)
        fold.closeGap(14...15, in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r2"])
    }

    @Test func repeatedRecordsChangeNothing() {
        var fold = threeMinutes()
        fold.openGap(gap(11...12, 0, 10), in: 0)
        fold.events.removeAll()
        fold.openGap(gap(11...12, 0, 10), in: 0)
        #expect(fold.events.isEmpty)
        fold.closeGap(11...12, in: 0)
        #expect(fold.takeEvents().count == 1)
        fold.closeGap(11...12, in: 0)
        fold.openGap(gap(11...12, 0, 10), in: 0)
        fold.closeGap(11...12, in: 0)
        #expect(fold.events.isEmpty)
        #expect(fold.series[0].gaps.isEmpty)
    }

    @Test func onlyFilledIdsOfAReplayedGapStayFilled() {
        var fold = threeMinutes()
        fold.closeGap(11...12, in: 0)
        fold.events.removeAll()
        fold.openGap(gap(11...13, 0, 10), in: 0)
        #expect(fold.series[0].gaps.map(\.ids) == [13...13])
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r1!"])
    }

    @Test func gapsAreForgottenWithTheirWindows() {
        var fold = CandleFold([.oneMinute], lateness: 0, keep: minute)
        for number in 0..<200 {
            _ = fold.add(trade(dayStart + Int64(number) * minute, UInt64(number * 10)), to: 0)
            fold.openGap(gap(UInt64(number * 10 + 1)...UInt64(number * 10 + 1), Int64(number) * 60, Int64(number) * 60 + 1), in: 0)
        }
        #expect(fold.series[0].gaps.count <= 6)
        #expect(fold.events.allSatisfy { $0.candle.hasGap })
        // One that comes when its windows are gone is not kept.
        let held = fold.series[0].gaps.count
        fold.openGap(gap(5...5, 0, 1), in: 0)
        #expect(fold.series[0].gaps.count == held)
    }

    @Test func gapsAreBoundedAndNoneLosesItsMark() {
        var fold = CandleFold([.oneMinute], lateness: 0, keep: 1_000 * hour)
        let count = Series.maxGaps + 200
        for number in 0..<count {
            _ = fold.add(trade(dayStart + Int64(number) * minute, UInt64(number * 10)), to: 0)
            fold.openGap(gap(UInt64(number * 10 + 1)...UInt64(number * 10 + 1), Int64(number) * 60, Int64(number) * 60 + 1), in: 0)
        }
        #expect(fold.series[0].gaps.count == Series.maxGaps)
        fold.events.removeAll()
        _ = fold.add(trade(dayStart + 2, 5), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n2 r1!"])
    }

    @Test func lateTradeKeepsTheMarkUntilTheGapIsFilled() {
        var fold = threeMinutes()
        fold.openGap(gap(11...12, 0, 10), in: 0)
        fold.events.removeAll()
        _ = fold.add(trade(dayStart + 1, 11), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n2 r2!"])
        _ = fold.add(trade(dayStart + 2, 12), to: 0)
        fold.closeGap(11...12, in: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n3 r3!", "1m@0 n3 r4"])
    }
}
