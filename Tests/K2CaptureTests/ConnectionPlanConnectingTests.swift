import K2Exchanges
import Testing

@testable import K2Capture

private let second = PlanClock.second
private let tick = PlanClock.tick

@Suite struct ConnectionPlanConnectingTests {
    @Test func connectsOnceAndSubscribes() throws {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT", "ETHUSDT"])
        bench.run(for: second)
        #expect(bench.taken() == [.connect(link: 100)])
        #expect(bench.plan.owns(100) && !bench.plan.owns(101) && !bench.plan.isLive)
        bench.open(100)
        #expect(bench.taken() == [.send(link: 100, #"{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}"#)])
        #expect(!bench.plan.isLive)
        bench.hear(100, .acknowledged(id: 1, symbol: nil))
        #expect(bench.taken() == [.subscribed(["BTCUSDT", "ETHUSDT"])])
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        // Once more is nothing new.
        bench.hear(100, .acknowledged(id: 1, symbol: nil))
        #expect(bench.taken() == [])
    }

    @Test func waitsUntilItMayConnect() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(until: second, mayConnect: false)
        #expect(bench.connects == [])
        // Neither may a change of symbols connect.
        bench.note(bench.plan.change(to: ["BTCUSDT", "ETHUSDT"], now: bench.now))
        #expect(bench.connects == [])
        bench.run(for: tick)
        #expect(bench.connects == [100])
    }

    @Test func aStrangersConnectionIsAborted() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.open(999)
        #expect(bench.aborted == [999])
        bench.end(999)
        bench.hear(999, .acknowledged(id: 1, symbol: nil))
        #expect(bench.plan.owns(100) && bench.connects == [100])
    }

    @Test func delaysGrowWhileItCannotConnect() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        var waits: [Int64] = []
        for _ in 0..<12 {
            let before = bench.now
            while bench.connects.isEmpty { bench.run(for: tick) }
            waits.append(bench.now - before)
            bench.end(bench.connects[0])
            _ = bench.taken()
        }
        let range = BinanceFeed().limits.retryDelay
        for (index, wait) in waits.dropFirst().enumerated() {
            let ceiling = min(range.lowerBound << Int64(index), range.upperBound)
            #expect(wait >= ceiling / 2 && wait <= ceiling + 2 * tick, "try \(index): \(wait)")
        }
        #expect(bench.plan.reconnects == 12)
    }

    @Test func retryAfterIsKept() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.end(100, retryAfter: 120 * second)
        _ = bench.taken()
        bench.run(until: 120 * second)
        #expect(bench.connects == [])
        bench.run(for: second)
        #expect(bench.connects == [101])
    }

    @Test func nobodyWaitsForeverBecauseAServerSaysSo() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.end(100, retryAfter: .max)
        _ = bench.taken()
        bench.now += 86_399 * second
        bench.run(for: tick)
        #expect(bench.connects == [])
        bench.run(for: second)
        #expect(bench.connects == [101])
    }

    @Test func aConnectionThatLivedStartsAfresh() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        for _ in 0..<6 {
            while bench.connects.isEmpty { bench.run(for: tick) }
            bench.end(bench.connects[0])
            _ = bench.taken()
        }
        while bench.connects.isEmpty { bench.run(for: tick) }
        let link = bench.connects[0]
        bench.open(link)
        bench.hear(link, .acknowledged(id: 1, symbol: nil))
        for _ in 0..<40 {
            bench.run(for: second)
            bench.plan.heard(link, now: bench.now)
        }
        _ = bench.taken()
        bench.end(link)
        let before = bench.now
        while bench.connects.isEmpty { bench.run(for: tick) }
        #expect(bench.now - before <= 600_000)
    }
}
