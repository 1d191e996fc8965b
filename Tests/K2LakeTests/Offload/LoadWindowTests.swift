import K2Domain
import K2StateStore
import Testing

@testable import K2Lake

@Suite struct LoadWindowTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

    private func mark(_ position: Int64, server: Int64? = nil, local: Int64? = nil) -> Watermark {
        var mark = Watermark(table: "t", position: time(position), status: "success", updatedAt: time(0))
        mark.serverClock = server.map(time)
        mark.localClock = local.map(time)
        return mark
    }

    private func choose(_ mark: Watermark?, server: Int64, local: Int64 = 0) -> LoadWindow {
        LoadWindow.choose(mark, server: time(server), local: time(local), safetyLag: 60_000_000, lookback: 900_000_000)
    }

    @Test func theFirstRunTakesEverythingThatIsOldEnough() {
        let window = choose(nil, server: 10_000)
        #expect(window.new?.after == time(0) && window.new?.through == time(9_940) && window.late == nil && !window.hasClockSteppedBack)
    }

    @Test func theNextOneGoesOnAndLooksBack() {
        let window = choose(mark(9_940, server: 10_000, local: 5), server: 10_900, local: 905)
        #expect(window.new?.after == time(9_940) && window.new?.through == time(10_840))
        #expect(window.late?.after == time(9_040) && window.late?.through == time(9_940))
    }

    @Test func nothingIsDueWithinTheLag() {
        let window = choose(mark(9_940, server: 10_000, local: 0), server: 10_000)
        #expect(window.new == nil && window.late?.through == time(9_940))
    }

    @Test func afterAStepBackEverythingSinceTheLastRunIsLookedAt() {
        // An hour back, 900 s after the last run: what came since then bears times from 6 400 on.
        let window = choose(mark(9_940, server: 10_000, local: 0), server: 7_300, local: 900)
        #expect(window.hasClockSteppedBack && window.new == nil)
        #expect(window.late?.after == time(6_400 - 900) && window.late?.through == LoadWindow.end)
    }

    @Test func behindAWatermarkInTheFutureEachRunLooksFromTheLastOnesClock() {
        let window = choose(mark(9_940, server: 7_300, local: 900), server: 8_200, local: 1_800)
        #expect(!window.hasClockSteppedBack && window.new == nil)
        #expect(window.late?.after == time(7_300 - 900) && window.late?.through == LoadWindow.end)
    }

    @Test func whenOurOwnClockWentBackTooADayIsLookedAt() {
        let window = choose(mark(200_000, server: 200_060, local: 200_060), server: 196_000, local: 196_000)
        #expect(window.late?.after == time(196_000 - 86_400 - 900) && window.late?.through == LoadWindow.end)
    }

    @Test func timesDoNotGoBelowZero() {
        #expect(choose(mark(100, server: 160, local: 0), server: 1_000).late?.after == time(0))
        #expect(choose(nil, server: 30).new == nil)
    }
}
