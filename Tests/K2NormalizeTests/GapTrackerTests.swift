import K2Domain
import K2TestSupport
import Testing

@testable import K2Normalize

/// A tracker of one instrument with a patience of 100; what it says is text, as `open 5-7`.
private struct Dialogue {
    var tracker = GapTracker(patience: 100)

    /// A trade of the id arrives; its own time is ten times its id.
    mutating func trade(_ id: UInt64, at now: Int64) -> [String] {
        tracker.advance(to: Timestamp(microseconds: now))
        tracker.observe(id, time: Timestamp(microseconds: Int64(id) * 10), receivedAt: Timestamp(microseconds: now), instrument: 0)
        return said()
    }

    /// A message without trades of this instrument arrives.
    mutating func time(_ now: Int64) -> [String] {
        tracker.advance(to: Timestamp(microseconds: now))
        return said()
    }

    /// A gap record of the feed arrives.
    mutating func covers(_ range: ClosedRange<UInt64>) -> [String] {
        tracker.cover(range, instrument: 0)
        return said()
    }

    mutating func end() -> [String] {
        tracker.finish()
        return said()
    }

    mutating func said() -> [String] {
        defer { tracker.removeReports() }
        return tracker.reports.map { "\($0.isFilled ? "filled" : "open") \($0.hole.first)-\($0.hole.last)" }
    }
}

@Suite struct GapTrackerTests {
    @Test func contiguousIdsLeaveNoTrace() {
        var feed = Dialogue()
        for id in 1...50 { #expect(feed.trade(UInt64(id), at: Int64(id) * 1_000) == []) }
        #expect(feed.end() == [])
    }

    @Test func theFirstTradeIsNoHole() {
        var feed = Dialogue()
        #expect(feed.trade(1_000_000, at: 0) == [])
        #expect(feed.end() == [])
    }

    @Test func tradesThatOvertookEachOtherLeaveNoTrace() {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.trade(4, at: 10) == [])
        #expect(feed.trade(3, at: 20) == [])
        #expect(feed.trade(2, at: 99) == [])
        #expect(feed.time(10_000) == [])
        #expect(feed.end() == [])
    }

    @Test func aHoleIsReportedWhenItWaitedLongEnough() {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.trade(4, at: 10) == [])
        #expect(feed.time(109) == [])
        #expect(feed.time(110) == ["open 2-3"])
        #expect(feed.time(500) == [])
        #expect(feed.end() == [])
    }

    @Test func aHoleIsReportedAtTheEnd() {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.trade(3, at: 10) == [])
        #expect(feed.trade(7, at: 11) == [])
        #expect(feed.end() == ["open 2-2", "open 4-6"])
        #expect(feed.end() == [])
    }

    @Test func lateTradesThatFillAReportedHoleSaySo() {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.trade(4, at: 10) == [])
        #expect(feed.trade(5, at: 200) == ["open 2-3"])
        #expect(feed.trade(3, at: 300) == [])
        #expect(feed.trade(3, at: 301) == [])
        #expect(feed.trade(2, at: 400) == ["filled 2-3"])
        #expect(feed.trade(2, at: 500) == [])
        #expect(feed.end() == [])
    }

    @Test func aPartlyFilledHoleIsReportedInPartsWithTheirTimes() throws {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.trade(9, at: 10) == [])
        #expect(feed.trade(5, at: 20) == [])
        feed.tracker.advance(to: Timestamp(microseconds: 200))
        let holes = feed.tracker.reports.map(\.hole)
        #expect(holes == [
            Hole(first: 2, last: 4, afterTime: Timestamp(microseconds: 10), beforeTime: Timestamp(microseconds: 50), detectedAt: Timestamp(microseconds: 10)),
            Hole(first: 6, last: 8, afterTime: Timestamp(microseconds: 50), beforeTime: Timestamp(microseconds: 90), detectedAt: Timestamp(microseconds: 10)),
        ])
    }

    @Test func fillingFromEitherEndMovesTheEnd() {
        var feed = Dialogue()
        _ = feed.trade(1, at: 0)
        _ = feed.trade(6, at: 10)
        _ = feed.trade(2, at: 20)
        _ = feed.trade(5, at: 30)
        #expect(feed.time(200) == ["open 3-4"])
    }

    @Test func aGapRecordAheadOfTheTradesCoversTheirHole() {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.covers(2...5) == [])
        #expect(feed.trade(6, at: 10) == [])
        #expect(feed.end() == [])
    }

    @Test func aGapRecordAfterTheTradesTakesTheWaitingHole() {
        var feed = Dialogue()
        #expect(feed.trade(1, at: 0) == [])
        #expect(feed.trade(6, at: 10) == [])
        #expect(feed.covers(2...5) == [])
        #expect(feed.time(1_000) == [])
        #expect(feed.end() == [])
    }

    @Test func whatAGapRecordLeavesOutIsReported() {
        var feed = Dialogue()
        _ = feed.trade(1, at: 0)
        _ = feed.covers(4...5)
        _ = feed.trade(8, at: 10)
        #expect(feed.end() == ["open 2-3", "open 6-7"])
    }

    @Test func aGapRecordForAReportedHoleTakesItOver() {
        var feed = Dialogue()
        _ = feed.trade(1, at: 0)
        _ = feed.trade(4, at: 10)
        #expect(feed.time(500) == ["open 2-3"])
        #expect(feed.covers(2...3) == [])
        // The feed reports on it from here on: no filled record of ours.
        #expect(feed.trade(2, at: 600) == [])
        #expect(feed.trade(3, at: 601) == [])
    }

    @Test func idsThatStartAgainAreNoHole() {
        var feed = Dialogue()
        _ = feed.trade(1_000, at: 0)
        #expect(feed.trade(1, at: 10) == [])
        #expect(feed.trade(2, at: 20) == [])
        #expect(feed.end() == [])
    }

    @Test func instrumentsDoNotMix() {
        var tracker = GapTracker(patience: 0)
        for (id, instrument) in [(1, 0), (100, 7), (2, 0), (101, 7), (3, 0)] as [(UInt64, Int)] {
            tracker.observe(id, time: Timestamp(microseconds: 0), receivedAt: Timestamp(microseconds: 0), instrument: instrument)
        }
        tracker.finish()
        #expect(tracker.reports.isEmpty)
    }

    @Test func theLargestIdsDoNotOverflow() {
        var feed = Dialogue()
        let last = UInt64(Int64.max)
        feed.tracker.observe(0, time: Timestamp(microseconds: 0), receivedAt: Timestamp(microseconds: 0), instrument: 0)
        feed.tracker.observe(last, time: Timestamp(microseconds: 0), receivedAt: Timestamp(microseconds: 0), instrument: 0)
        _ = feed.covers(1...UInt64(Int64.max))
        #expect(feed.end() == [])
    }

    @Test func memoryIsBounded() {
        var feed = Dialogue()
        var reported = 0
        for id in 1...10_000 as ClosedRange<UInt64> { reported += feed.trade(id * 2, at: 0).count }
        // Every second id is missing: all but the last of these holes had to be reported at once.
        #expect(reported == 9_999 - GapTracker.maxPending)
        #expect(feed.end().count == GapTracker.maxPending)
    }

    /// Whatever the order of arrival: open minus filled is what never came.
    @Test func openMinusFilledIsWhatNeverCame() {
        var random = Seeded.start()
        for _ in 0..<300 {
            let missing = Set((0..<random.int(0...10)).map { _ in UInt64(random.int(2...99)) })
            var arrivals = (1...100 as ClosedRange<UInt64>).filter { !missing.contains($0) }
            for _ in 0..<random.int(0...30) { arrivals.swapAt(random.int(1...(arrivals.count - 1)), random.int(1...(arrivals.count - 1))) }
            var tracker = GapTracker(patience: Int64(random.int(0...50)))
            for (index, id) in arrivals.enumerated() {
                let now = Timestamp(microseconds: Int64(index))
                tracker.advance(to: now)
                tracker.observe(id, time: now, receivedAt: now, instrument: 0)
            }
            tracker.finish()
            var open: Set<UInt64> = []
            for report in tracker.reports {
                for id in report.hole.first...report.hole.last {
                    if report.isFilled {
                        #expect(open.remove(id) != nil, "filled without being open: \(id)")
                    } else {
                        #expect(open.insert(id).inserted, "open twice: \(id)")
                    }
                }
            }
            // A hole that was partly filled after its report stays open as a whole.
            #expect(open.isSuperset(of: missing))
            let holes = tracker.reports.filter { !$0.isFilled }.map(\.hole)
            for id in open.subtracting(missing) {
                #expect(holes.contains { $0.first <= id && id <= $0.last && !missing.isDisjoint(with: Set($0.first...$0.last)) }, "\(id) had come")
            }
        }
    }
}
