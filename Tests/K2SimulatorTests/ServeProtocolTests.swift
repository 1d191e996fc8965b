import Foundation
import K2Domain
import Testing

@testable import K2Simulator

/// What holds for every exchange that is served.
@Suite struct ServeProtocolTests {
    @Test(arguments: Exchange.allCases)
    func sendsEveryTradeOnceAndInOrder(_ exchange: Exchange) throws {
        let served = try ServedExchange(exchange, trades: 1_000)
        served.subscribeAll()
        served.run(10)
        let sent = try served.sent()
        #expect(sent.count == 1_000 && served.isFinished)
        let trades = try served.trades()
        #expect(trades.count == 1_000 && Set(trades) == Set(sent))
        for (symbol, group) in Dictionary(grouping: trades, by: \.symbol) {
            let ids = group.compactMap { Int($0.id) }
            #expect(ids.sorted() == Array(1_000..<(1_000 + ids.count)), "\(symbol)")
            if exchange != .coinbase { #expect(ids == ids.sorted(), "\(symbol)") }
        }
    }

    @Test(arguments: Exchange.allCases)
    func equalPlansAndCallsGiveEqualBytes(_ exchange: Exchange) throws {
        func texts(_ seed: UInt64) throws -> [Int: [String]] {
            let served = try ServedExchange(
                exchange, seed: seed, rate: 500, history: 100,
                faults: "drop,gap,skip,lost,late,duplicates,reorder,error-frame,garbage,fragments", every: 200_000)
            for connection in 1...12 { served.subscribeAll(connection, snapshot: true) }
            served.run(4)
            return served.texts
        }
        let first = try texts(3)
        let again = try texts(3)
        #expect(first == again)
        let other = try texts(4)
        #expect(first != other)
    }

    /// With a start the trades are the same whenever and however the calls come.
    @Test(arguments: Exchange.allCases)
    func theTradesDependOnThePlanOnly(_ exchange: Exchange) throws {
        func truth(_ step: Int64, _ wait: Double) throws -> String {
            let served = try ServedExchange(
                exchange, trades: 800, start: Timestamp("2026-02-18T00:00:00Z"), faults: "skip,gap,lost,late,duplicates", every: 100_000)
            served.run(wait)
            served.subscribeAll()
            served.run(8, step: step)
            return served.truthText
        }
        let first = try truth(10_000, 0)
        let (often, rarely) = (try truth(3_000, 1), try truth(700_000, 20))
        #expect(first == often && first == rarely)
        #expect(first.contains("\"hole\"") && first.contains("\"lost\""))
        #expect(first.contains("\"time\":\"2026-02-18T00:00:0"))
    }

    @Test(arguments: Exchange.allCases)
    func theMarketOpensWhenAllIsAskedForOrTwoSecondsAfterTheFirst(_ exchange: Exchange) throws {
        let all = try ServedExchange(exchange)
        all.run(5)
        #expect(!all.exchange.counts.isOpen)
        all.subscribeAll()
        #expect(all.exchange.counts.isOpen)

        let some = try ServedExchange(exchange)
        switch exchange {
        case .binance: some.open(1, "/ws/btcusdt@trade")
        case .kraken:
            some.open(1, "/v2")
            some.send(1, #"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}"#)
        case .coinbase:
            some.open(1, "/")
            some.send(1, #"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}"#)
        }
        some.run(1.9)
        #expect(!some.exchange.counts.isOpen)
        some.run(0.2)
        #expect(some.exchange.counts.isOpen)
        some.run(2)
        #expect(Set(try some.trades().map(\.symbol)).count == 1)
    }

    @Test func anEndlessRateFillsStepsAndWaitsForReaders() throws {
        let served = try ServedExchange(.binance, rate: nil)
        #expect(served.get("/control/open").status == 200)
        served.run(0.1)
        #expect(served.exchange.counts.trades == 0)
        served.subscribeAll()
        served.now += 10_000
        #expect(served.advance())
        let made = served.exchange.counts.trades
        #expect(made > 1_000)
        #expect(!served.advance(isHeldBack: true))
        #expect(served.exchange.counts.trades == made)
        served.exchange.takeActions { _, bytes in #expect(bytes.count < 300_000) }
    }

    @Test func unknownPathsAreNoWebSockets() throws {
        for (exchange, good) in [(Exchange.binance, ["/ws", "/stream?streams=a@trade"]), (.kraken, ["/v2"]), (.coinbase, ["/", ""])] {
            let served = try ServedExchange(exchange)
            for target in good { #expect(served.refusal(target) == nil) }
            #expect(served.refusal("/nothing")?.status == 404)
        }
    }

    @Test func wrongPlansAreRefusedWithTheirOption() {
        func reason(_ body: () throws -> ServePlan) -> String {
            do { return "\(try body().seed)" } catch { return "\(error)" }
        }
        #expect(reason { try ServePlan(exchange: .kraken, rate: 0) } == "--rate: expected 1 to 1000000, found 0")
        #expect(reason { try ServePlan(exchange: .kraken, trades: 0) } == "--trades: expected 1 to 1000000000, found 0")
        #expect(
            reason { try ServePlan(exchange: .kraken, faults: [try ServeFault("refuse=NOPE")]) }
                == "--faults: refuse=NOPE: no symbol of this exchange is called so")
        #expect(reason { try ServePlan(exchange: .kraken, faults: [try ServeFault("fire")]) }.hasPrefix("--faults: expected some of drop, freeze, half-open"))
        #expect(
            reason { try ServePlan(exchange: .kraken, faults: [try ServeFault("late=5")]) }
                == "--faults: late: expected a time such as 500ms or 5s, found \"5\"")
        #expect(reason { try ServePlan(exchange: .kraken, faults: [try ServeFault("drop=1")]) } == "--faults: drop takes no argument, found \"1\"")
        #expect(reason { try ServePlan(exchange: .kraken, faults: [try ServeFault("gap=0")]) }.hasPrefix("--faults: gap: expected a number from 1 to"))
        #expect(reason { try ServePlan(exchange: .kraken, symbols: ["FOO"]) }.hasPrefix("--symbols: expected some of BTCUSD"))
    }

    @Test func faultsAreReadWithTheirArguments() throws {
        #expect(
            try ServeFault.list("drop,gap=20,late=5s,refuse=BTC-USD,http-5xx=503,age=1500ms")
                == [
                    ServeFault(.drop), ServeFault(.gap, value: 20), ServeFault(.late, value: 5_000_000), ServeFault(.refuse, symbol: "BTC-USD"),
                    ServeFault(.http5xx, value: 503), ServeFault(.age, value: 1_500_000),
                ])
        #expect(throws: SimulationError.self) { try ServeFault.list("drop,,gap") }
        #expect(throws: SimulationError.self) { try ServeFault.list("refuse") }
    }
}
