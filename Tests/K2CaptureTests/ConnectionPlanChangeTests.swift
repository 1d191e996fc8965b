import K2Exchanges
import Testing

@testable import K2Capture

private let second = PlanClock.second
private let tick = PlanClock.tick

@Suite struct ConnectionPlanChangeTests {
    @Test func symbolsMayChangeWithoutAReconnect() throws {
        var bench = PlanBench(KrakenFeed(), ["A/USD", "B/USD"])
        bench.run(for: tick)
        bench.open(100)
        for name in ["A/USD", "B/USD"] { bench.hear(100, .acknowledged(id: 1, symbol: name)) }
        _ = bench.taken()
        bench.now += second
        bench.note(bench.plan.change(to: ["B/USD", "C/USD"], now: bench.now))
        bench.run(for: second)
        #expect(
            bench.sent(100) == [
                #"{"method":"subscribe","params":{"channel":"trade","symbol":["C/USD"],"snapshot":true},"req_id":2}"#,
                #"{"method":"unsubscribe","params":{"channel":"trade","symbol":["A/USD"]},"req_id":3}"#,
            ])
        _ = bench.taken()
        bench.hear(100, .acknowledged(id: 2, symbol: "C/USD"))
        bench.hear(100, .acknowledged(id: 3, symbol: "A/USD"))
        #expect(bench.taken() == [.subscribed(["C/USD"])])
        #expect(bench.plan.symbols == ["B/USD", "C/USD"])
        // Back again.
        bench.note(bench.plan.change(to: ["A/USD"], now: bench.now))
        bench.run(for: second)
        #expect(bench.sent(100).count == 2)
        _ = bench.taken()
        bench.hear(100, .acknowledged(id: 4, symbol: "A/USD"))
        for name in ["B/USD", "C/USD"] { bench.hear(100, .acknowledged(id: 5, symbol: name)) }
        #expect(bench.taken() == [.subscribed(["A/USD"])])
        bench.hear(100, .heartbeat)
        bench.run(for: 8 * second)
        #expect(bench.aborted == [])
    }

    @Test func aChangeReachesBothConnections() {
        var bench = PlanBench(BinanceFeed(), ["AUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: tick)
        bench.open(101)
        bench.run(for: tick)
        bench.note(bench.plan.change(to: ["AUSDT", "BUSDT"], now: bench.now))
        bench.run(for: second)
        #expect(bench.sent(first).last!.contains("busdt") && bench.sent(101).last!.contains("busdt"))
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        bench.run(for: 4 * second)
        // Not before the successor has everything.
        #expect(bench.closed == [])
    }

    @Test func nothingToSubscribeNeedsNoConnection() {
        var bench = PlanBench(BinanceFeed(), [])
        bench.run(for: 5 * second)
        #expect(bench.connects == [])
        bench.note(bench.plan.change(to: ["AUSDT"], now: bench.now))
        bench.run(for: tick)
        #expect(bench.connects == [100])
    }

    @Test func whatIsRemovedBeforeItIsAnsweredIsNotRefused() {
        var bench = PlanBench(CoinbaseFeed(), ["A-USD", "B-USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        bench.note(bench.plan.change(to: ["A-USD"], now: bench.now))
        bench.hear(100, .subscriptions([]))
        bench.hear(100, .subscriptions(["A-USD", "B-USD"]))
        bench.run(for: second)
        bench.hear(100, .subscriptions(["A-USD"]))
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        #expect(bench.subscribed == [["A-USD"]])
    }
}
