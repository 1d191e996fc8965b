import K2Exchanges
import K2JSON
import Testing

@testable import K2Capture

private let second = PlanClock.second
private let tick = PlanClock.tick

@Suite struct ConnectionPlanAnswerTests {
    @Test func manySymbolsAreAskedForInOrderAndNotTooFast() {
        var bench = PlanBench(BinanceFeed(), planSymbols(350))
        let link = bench.establish()
        let sends = bench.sends(link)
        #expect(sends.count == 4)
        #expect(zip(sends, sends.dropFirst()).allSatisfy { $1.at - $0.at >= BinanceFeed().limits.messageInterval })
        #expect(bench.subscribed == [planSymbols(350)])
        #expect(bench.plan.isLive)
    }

    @Test func krakenAnswersForEachSymbol() {
        var bench = PlanBench(KrakenFeed(), ["BTC/USD", "ETH/USD", "NO/USD"])
        bench.run(for: tick)
        bench.open(100)
        _ = bench.taken()
        bench.hear(100, .status("online"))
        bench.hear(100, .acknowledged(id: 1, symbol: "ETH/USD"))
        bench.hear(100, .heartbeat)
        #expect(bench.taken() == [])
        bench.hear(100, .refused(id: 1, symbol: "NO/USD", reason: "Currency pair not supported NO/USD"))
        #expect(bench.taken() == [.report("NO/USD: refused: Currency pair not supported NO/USD")])
        #expect(!bench.plan.isLive)
        bench.hear(100, .acknowledged(id: nil, symbol: "BTC/USD"))
        let done = bench.taken()
        #expect(done.contains(.subscribed(["BTC/USD", "ETH/USD"])))
        #expect(bench.plan.isLive && bench.plan.refused == ["NO/USD"])
        // The refused one is asked for again after a pause, alone; the others are left in peace.
        for _ in 0..<61 {
            bench.run(for: second)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.sent(100) == [#"{"method":"subscribe","params":{"channel":"trade","symbol":["NO/USD"],"snapshot":true},"req_id":2}"#])
        bench.hear(100, .acknowledged(id: 2, symbol: "NO/USD"))
        #expect(bench.subscribed == [["NO/USD"]])
        #expect(bench.plan.refused.isEmpty && bench.plan.isLive)
    }

    @Test func coinbaseListsWhatItHas() {
        var bench = PlanBench(CoinbaseFeed(), ["BTC-USD", "ETH-USD", "NO-USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        #expect(
            bench.sent(100) == [
                #"{"type":"subscribe","channel":"heartbeats"}"#,
                #"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD","NO-USD"],"channel":"market_trades"}"#,
            ])
        _ = bench.taken()
        bench.hear(100, .subscriptions([]))
        #expect(bench.taken() == [] && !bench.plan.isLive)
        bench.hear(100, .subscriptions(["ETH-USD", "BTC-USD"]))
        let done = bench.taken()
        #expect(done.contains(.subscribed(["BTC-USD", "ETH-USD"])) && done.contains(.report("not subscribed: NO-USD")))
        #expect(bench.plan.isLive && bench.plan.refused == ["NO-USD"])
        for _ in 0..<61 {
            bench.run(for: second)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.sent(100) == [#"{"type":"subscribe","product_ids":["NO-USD"],"channel":"market_trades"}"#])
        _ = bench.taken()
        bench.hear(100, .subscriptions(["BTC-USD", "ETH-USD", "NO-USD"]))
        #expect(bench.taken() == [.subscribed(["NO-USD"])])
        #expect(bench.plan.refused.isEmpty)
    }

    /// A list that leaves out what an earlier one had: those symbols are not subscribed, and that is not forgotten.
    @Test func aListThatForgetsSymbolsIsBelieved() {
        var bench = PlanBench(CoinbaseFeed(), ["A-USD", "B-USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        bench.hear(100, .subscriptions([]))
        bench.hear(100, .subscriptions(["A-USD", "B-USD"]))
        #expect(bench.plan.isLive)
        _ = bench.taken()
        bench.hear(100, .subscriptions(["A-USD"]))
        #expect(bench.plan.refused == ["B-USD"])
        #expect(bench.taken() == [.report("not subscribed: B-USD")])
        for _ in 0..<61 {
            bench.run(for: second)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.sent(100) == [#"{"type":"subscribe","product_ids":["B-USD"],"channel":"market_trades"}"#])
        bench.hear(100, .subscriptions(["A-USD", "B-USD"]))
        #expect(bench.subscribed == [["B-USD"]])
    }

    /// Lists that come twice, or late, lead to the same end.
    @Test func aRepeatedListDoesNoHarm() {
        var bench = PlanBench(CoinbaseFeed(), (0..<60).map { "S\($0)-USD" })
        let all = bench.plan.symbols
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        #expect(bench.sent(100).count == 3)
        bench.hear(100, .subscriptions([]))
        bench.hear(100, .subscriptions(Array(all[..<50])))
        bench.hear(100, .subscriptions(Array(all[..<50])))
        bench.hear(100, .subscriptions(all))
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        #expect(Set(bench.subscribed.flatMap { $0 }) == Set(all))
    }

    /// One bad symbol spoils a request: each is asked for alone, and only the bad one is left.
    @Test func oneOfManyMayBeRefused() throws {
        var bench = PlanBench(BinanceFeed(), ["AUSDT", "BADUSDT", "CUSDT"])
        bench.run(for: tick)
        bench.open(100)
        bench.hear(100, .refused(id: 1, symbol: nil, reason: "invalid stream"))
        bench.run(for: 2 * second)
        let sent = bench.sent(100)
        #expect(sent.count == 4)
        for text in sent.dropFirst() {
            let id = try #require(JSONValue(parsing: Array(text.utf8))["id"]?.intValue)
            bench.hear(100, text.contains("bad") ? .refused(id: id, symbol: nil, reason: "invalid stream") : .acknowledged(id: id, symbol: nil))
        }
        #expect(bench.plan.isLive && bench.plan.refused == ["BADUSDT"])
        #expect(Set(bench.subscribed.flatMap { $0 }) == ["AUSDT", "CUSDT"])
        let sends = bench.sends(100)
        #expect(zip(sends, sends.dropFirst()).allSatisfy { $1.at - $0.at >= BinanceFeed().limits.messageInterval })
    }

    /// Flat errors carry no number: they mean the oldest request without an answer.
    @Test func anErrorWithoutANumberMeansTheOldestRequest() {
        var bench = PlanBench(BinanceFeed(), planSymbols(150))
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        #expect(bench.sent(100).count == 2)
        bench.hear(100, .refused(id: nil, symbol: nil, reason: "x"))
        bench.hear(100, .acknowledged(id: 2, symbol: nil))
        bench.acknowledgeAll(100, for: 40 * second)
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        #expect(Set(bench.subscribed.flatMap { $0 }) == Set(planSymbols(150)))
        // And one when nothing was asked is only told.
        _ = bench.taken()
        bench.hear(100, .refused(id: nil, symbol: nil, reason: "y"))
        #expect(bench.taken() == [.report("exchange says: y")])
        #expect(bench.plan.refused.isEmpty)
    }

    @Test func aMissingAnswerEndsTheConnection() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.open(100)
        for _ in 0..<9 {
            bench.run(for: second)
            bench.plan.heard(100, now: bench.now)
        }
        #expect(bench.aborted == [])
        for _ in 0..<2 {
            bench.run(for: second)
            bench.plan.heard(100, now: bench.now)
        }
        #expect(bench.aborted == [100])
        // The socket tells its end as well: it counts once.
        bench.end(100)
        #expect(bench.plan.reconnects == 1)
        bench.run(for: second)
        #expect(bench.connects == [100, 101])
    }

    @Test func aLateAnswerCounts() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: 9_900_000)
        bench.hear(100, .acknowledged(id: 1, symbol: nil))
        bench.run(for: 5 * second)
        #expect(bench.aborted == [] && bench.plan.isLive)
    }
}
