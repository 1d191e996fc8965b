import Foundation
import K2Domain
import Testing

@testable import K2Simulator

@Suite struct ServeCoinbaseTests {
    private static func served(history: Int = 0) throws -> ServedExchange {
        let served = try ServedExchange(.coinbase, symbols: ["BTC-USD", "ETH-USD"], history: history)
        served.open(1, "/")
        return served
    }

    private static func subscriptions(_ served: ServedExchange) throws -> [[String: [String]]] {
        try served.objects().filter { $0["channel"] as? String == "subscriptions" }.compactMap {
            (($0["events"] as? [[String: Any]])?.first?["subscriptions"] as? [String: [String]])
        }
    }

    @Test func acknowledgementsListAllSubscriptions() throws {
        let served = try Self.served()
        served.send(1, #"{"type":"subscribe","product_ids":["ETH-USD","FOO-USD"],"channel":"market_trades"}"#)
        served.send(1, #"{"type":"subscribe","channel":"heartbeats"}"#)
        served.send(1, #"{"type":"subscribe","product_ids":["BTC-USDC"],"channel":"market_trades"}"#)
        served.send(1, #"{"type":"unsubscribe","product_ids":["ETH-USD","BTC-USD"],"channel":"market_trades"}"#)
        served.send(1, #"{"type":"unsubscribe","channel":"heartbeats"}"#)
        #expect(
            try Self.subscriptions(served) == [
                ["market_trades": ["ETH-USD"]], ["heartbeats": ["heartbeats"], "market_trades": ["ETH-USD"]],
                ["heartbeats": ["heartbeats"], "market_trades": ["BTC-USD", "ETH-USD"]], ["heartbeats": ["heartbeats"]], [:],
            ])
        served.send(1, #"{"type":"subscribe","channel":"matches"}"#)
        #expect(served.texts[1]?.last == #"{"type":"error","message":"failure to subscribe"}"#)
    }

    @Test func aSubscriptionWithinFiveSeconds() throws {
        let served = try Self.served()
        served.run(4.9)
        #expect(served.events[1] == nil)
        served.run(0.2)
        #expect(served.events[1] == ["close 1008 no subscription within 5 seconds"])
    }

    @Test func theSnapshotComesNewestFirstAndBeforeTheAcknowledgement() throws {
        let served = try Self.served(history: 500)
        served.send(1, #"{"type":"subscribe","product_ids":["ETH-USD"],"channel":"market_trades"}"#)
        let channels = try served.objects().map { $0["channel"] as? String }
        #expect(channels == ["market_trades", "subscriptions"])
        let ids = try served.trades(snapshots: true).compactMap { Int($0.id) }
        #expect(ids.count == 100 && ids == ids.sorted(by: >))
    }

    @Test func allMessagesOfTheConnectionAreCounted() throws {
        let served = try ServedExchange(.coinbase, rate: 500)
        served.subscribeAll()
        served.run(5)
        let numbers = try served.objects().compactMap { $0["sequence_num"] as? Int }
        #expect(numbers == Array(0..<numbers.count) && numbers.count > 20)
        let heartbeats = try served.objects().filter { $0["channel"] as? String == "heartbeats" }
        let counters = heartbeats.compactMap { (($0["events"] as? [[String: Any]])?.first?["heartbeat_counter"] as? Int) }
        #expect((4...5).contains(counters.count) && counters == Array(counters[0]..<(counters[0] + counters.count)))
        served.subscribeAll(2)
        #expect(try served.objects(2).first?["sequence_num"] as? Int == 0)
    }

    @Test func tradesAreBatchedOverAQuarterOfASecond() throws {
        let served = try ServedExchange(.coinbase, symbols: ["BTC-USD"], rate: 100)
        served.subscribeAll()
        served.run(10)
        let messages = try served.objects().filter { $0["channel"] as? String == "market_trades" }
        #expect((36...41).contains(messages.count))
        for text in served.texts[1] ?? [] where text.contains("market_trades\",\"timestamp") {
            let ids = text.matches(of: /"trade_id":"([0-9]+)"/).compactMap { Int($0.1) }
            #expect(ids == ids.sorted(by: >))
        }
    }

    @Test func withoutHeartbeatsASilentConnectionEnds() throws {
        let served = try ServedExchange(.coinbase, symbols: ["BTC-USD", "ATOM-USD"], rate: 1, trades: 1)
        served.open(1, "/")
        served.send(1, #"{"type":"subscribe","product_ids":["ATOM-USD"],"channel":"market_trades"}"#)
        served.subscribeAll(2)
        served.run(59, step: 100_000)
        #expect(served.events[1] == nil)
        served.run(40, step: 100_000)
        #expect(served.events[1] == ["close 1000 no updates"])
        #expect(served.events[2] == nil)
    }
}
