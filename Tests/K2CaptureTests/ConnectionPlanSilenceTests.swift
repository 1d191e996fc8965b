import K2Exchanges
import Testing

@testable import K2Capture

private let second = PlanClock.second
private let tick = PlanClock.tick

@Suite struct ConnectionPlanSilenceTests {
    @Test func silenceIsAskedAboutThenEnded() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let link = bench.establish()
        let heard = bench.now
        bench.plan.heard(link, now: heard)
        _ = bench.taken()
        let silence = BinanceFeed().limits.silence
        bench.run(until: heard + silence / 2)
        #expect(bench.taken() == [])
        bench.run(until: heard + silence)
        #expect(bench.taken() == [.ping(link: link)])
        bench.run(for: 2 * tick)
        #expect(bench.aborted == [link])
        #expect(!bench.plan.isLive)
    }

    @Test func anAnswerToAPingIsLife() {
        var bench = PlanBench(KrakenFeed(), ["BTC/USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.hear(100, .acknowledged(id: 1, symbol: "BTC/USD"))
        _ = bench.taken()
        for round in 0..<5 {
            bench.run(for: 6 * second)
            #expect(bench.taken() == [.send(link: 100, #"{"method":"ping","req_id":\#(round + 2)}"#)])
            bench.hear(100, .heartbeat)
        }
        #expect(bench.aborted == [])
    }
}
