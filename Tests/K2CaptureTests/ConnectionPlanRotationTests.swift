import K2Exchanges
import Testing

@testable import K2Capture

private let second = PlanClock.second
private let tick = PlanClock.tick

@Suite struct ConnectionPlanRotationTests {
    @Test func anOldConnectionIsReplacedWithoutAHole() {
        var policy = ConnectionPlan.Policy()
        policy.maxAge = 100 * second
        policy.silence = 1_000 * second
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"], policy: policy)
        let first = bench.establish()
        #expect(bench.plan.isLive)
        _ = bench.taken()
        bench.run(for: 99 * second)
        #expect(bench.connects == [101])
        #expect(bench.plan.owns(first) && bench.plan.owns(101) && bench.plan.rotations == 1)
        bench.run(for: 5 * second)
        bench.open(101)
        #expect(bench.closed == [] && bench.sent(101).count == 1)
        bench.run(for: 5 * second)
        let readyAt = bench.now
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        #expect(bench.subscribed == [["BTCUSDT"]])
        bench.run(for: policy.overlap - 2 * tick)
        #expect(bench.closed == [])
        bench.run(for: 4 * tick)
        #expect(bench.closed == [first])
        #expect(bench.log.last { $0.action == .close(link: first) }!.at >= readyAt + policy.overlap)
        #expect(bench.plan.owns(first) && bench.plan.isLive)
        bench.end(first)
        #expect(!bench.plan.owns(first) && bench.plan.isLive && bench.plan.reconnects == 0)
        bench.run(for: 50 * second)
        #expect(bench.connects == [101] && bench.aborted == [])
    }

    @Test func binanceIsRotatedBeforeItsDayIsOver() throws {
        let limits = BinanceFeed().limits
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        _ = bench.establish()
        let age = try #require(limits.maxAge)
        while bench.now < age + 60 * second {
            bench.run(for: tick)
            bench.now += 20 * second
            bench.plan.heard(100, now: bench.now)
        }
        #expect(bench.connects == [100, 101])
    }

    @Test func aSuccessorThatFailsIsTriedAgainAndTheOldOneStays() {
        var bench = PlanBench(KrakenFeed(), ["BTC/USD"], policy: .init())
        bench.run(for: tick)
        bench.open(100)
        bench.hear(100, .acknowledged(id: 1, symbol: "BTC/USD"))
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        var failed = 0
        while failed < 5 {
            bench.run(for: 500_000)
            bench.hear(100, .heartbeat)
            if let link = bench.connects.last, link != 100 {
                bench.end(link)
                failed += 1
                _ = bench.taken()
            }
            #expect(bench.plan.isLive)
        }
        #expect(bench.closed == [] && bench.aborted == [] && bench.plan.reconnects == 0)
        #expect(bench.plan.rotations == 5)
        // Delays grow.
        let before = bench.now
        while bench.connects.isEmpty {
            bench.run(for: 500_000)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.now - before >= 8 * second)
    }

    @Test func theOldOneMayDieWhileTheNewOneOpens() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: second)
        #expect(bench.connects == [first, 101])
        bench.end(first)
        #expect(!bench.plan.isLive && bench.plan.owns(101))
        _ = bench.taken()
        bench.open(101)
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        #expect(bench.plan.isLive)
        #expect(bench.subscribed == [["BTCUSDT"]])
        bench.run(for: 10 * second)
        #expect(bench.connects == [] && bench.closed == [])
    }

    @Test func theOldOneMayDieWhileBothRun() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: tick)
        bench.open(101)
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        bench.run(for: second)
        _ = bench.taken()
        bench.end(first)
        #expect(bench.plan.isLive && bench.plan.owns(101))
        bench.run(for: 10 * second)
        #expect(bench.connects == [] && bench.closed == [] && bench.subscribed == [])
    }

    @Test func bothMayDie() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: tick)
        bench.end(first)
        bench.end(101)
        #expect(!bench.plan.isLive)
        bench.run(for: 5 * second)
        #expect(bench.connects == [first, 101, 102])
    }

    @Test func aShutdownNoticeReplacesTheConnection() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.hear(first, .shutdown)
        bench.hear(first, .shutdown)
        bench.run(for: tick)
        #expect(bench.connects == [first, 101])
        bench.hear(first, .shutdown)
        bench.open(101)
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        bench.run(for: 3 * second)
        #expect(bench.closed == [first])
        // The old one says it again before it is closed: that is no reason to replace the new one.
        _ = bench.taken()
        bench.hear(first, .shutdown)
        bench.run(for: 30 * second)
        #expect(bench.connects == [])
    }

    @Test func rotationsThatAreNotUrgentHaveAPause() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        _ = bench.establish()
        func rotate(_ isUrgent: Bool) -> Bool {
            let actions = bench.plan.rotate(because: "x", isUrgent: isUrgent, now: bench.now)
            bench.note(actions)
            return !actions.isEmpty
        }
        #expect(rotate(false))
        #expect(!rotate(true))
        bench.run(for: tick)
        let link = bench.connects.last!
        bench.open(link)
        bench.acknowledgeAll(link, for: 5 * second)
        #expect(bench.closed == [100])
        #expect(!rotate(false))
        #expect(rotate(true))
    }
}
