import Foundation
import K2Domain
import Testing

@testable import K2Simulator

@Suite struct ServeKrakenTests {
    private static func served(history: Int = 0) throws -> ServedExchange {
        let served = try ServedExchange(.kraken, symbols: ["BTCUSD", "ETHUSD"], history: history)
        served.open(1, "/v2")
        return served
    }

    @Test func statusComesUnasked() throws {
        let served = try Self.served()
        let text = try #require(served.texts[1]?.first)
        #expect(text.hasPrefix(#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":1"#))
        let id = try #require(text.firstMatch(of: /"connection_id":([0-9]+)/)).1
        #expect(UInt64(id) ?? 0 > UInt64(Int64.max))
    }

    @Test func everySymbolIsAcknowledgedAloneAndABadOneFailsAlone() throws {
        let served = try Self.served()
        served.clear()
        served.send(1, #"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","XBT/USD","ETH/USD"]},"req_id":9}"#)
        let texts = served.texts[1] ?? []
        #expect(texts.count == 3 && texts.allSatisfy { $0.hasSuffix(#","req_id":9}"#) })
        #expect(texts[0].hasPrefix(#"{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true,"time_in":"2"#))
        #expect(
            texts[1].hasPrefix(#"{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD","time_in":"#))
        #expect(texts[2].contains(#""symbol":"ETH/USD"},"success":true"#))
        served.send(1, #"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}"#)
        #expect(served.texts[1]?.last?.hasPrefix(#"{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"BTC/USD""#) == true)
        served.send(1, #"{"method":"unsubscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":10}"#)
        #expect(
            served.texts[1]?.last?.hasPrefix(#"{"method":"unsubscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true,"#) == true)
        served.run(1)
        #expect(Set(try served.trades().map(\.symbol)) == ["ETHUSD"])
    }

    @Test func aSnapshotHoldsTheLast50() throws {
        let served = try Self.served(history: 400)
        served.send(1, #"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":true}}"#)
        let trades = try served.trades(snapshots: true)
        let before = try served.truth().filter { $0.kind == "before" }.compactMap(\.trade)
        #expect(before.count == 400)
        for symbol in ["BTCUSD", "ETHUSD"] {
            #expect(trades.filter { $0.symbol == symbol } == Array(before.filter { $0.symbol == symbol }.suffix(50)))
        }
        served.run(2)
        let first = try #require(try served.trades().first { $0.symbol == "BTCUSD" })
        let last = try #require(before.last { $0.symbol == "BTCUSD" })
        #expect(Int(first.id) == (Int(last.id) ?? 0) + 1)
        #expect(before.allSatisfy { $0.time <= first.time })
    }

    @Test func aHeartbeatASecondOnlyWhileNothingElseComes() throws {
        let served = try ServedExchange(.kraken, trades: 300)
        served.subscribeAll()
        served.run(1.4)
        #expect(served.texts[1]?.contains(#"{"channel":"heartbeat"}"#) == false)
        served.run(1)
        served.clear()
        served.run(10)
        #expect((9...11).contains(served.texts[1]?.count ?? 0))
        #expect(Set(served.texts[1] ?? []) == [#"{"channel":"heartbeat"}"#])
    }

    @Test func pingIsAnsweredAndIdleConnectionsEnd() throws {
        let served = try Self.served()
        served.clear()
        served.send(1, #"{"method":"ping","req_id":42}"#)
        #expect(served.texts[1]?.first?.hasPrefix(#"{"method":"pong","req_id":42,"time_in":"#) == true)
        served.run(59, step: 100_000)
        #expect(served.events[1] == nil)
        served.run(2, step: 100_000)
        #expect(served.events[1] == ["close 1000 idle"])
    }

    @Test func messagesHoldSeveralTradesOfOneSymbol() throws {
        let served = try ServedExchange(.kraken, symbols: ["BTCUSD", "ETHUSD"], rate: 2_000)
        served.subscribeAll()
        served.run(3)
        let counts = try served.objects().filter { $0["channel"] as? String == "trade" }.map { object in
            let rows = try #require(object["data"] as? [[String: Any]])
            #expect(Set(rows.compactMap { $0["symbol"] as? String }).count == 1)
            return rows.count
        }
        #expect(counts.max() ?? 0 > 3 && counts.max() ?? 99 <= 50)
    }
}
