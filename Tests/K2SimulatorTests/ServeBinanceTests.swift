import Foundation
import K2Domain
import Testing

@testable import K2Simulator

@Suite struct ServeBinanceTests {
    private static func served(_ target: String = "/ws", life: Int64? = nil) throws -> ServedExchange {
        let served = try ServedExchange(.binance, symbols: ["BTCUSDT", "ETHUSDT"], life: life)
        served.open(1, target)
        return served
    }

    @Test func requestsAreAnsweredWithTheirID() throws {
        let served = try Self.served()
        served.send(1, #"{"method":"SUBSCRIBE","params":["btcusdt@trade","nopeusdt@trade"],"id":-7}"#)
        served.send(1, #"{"method":"LIST_SUBSCRIPTIONS","id":"a1"}"#)
        served.run(1.5)
        served.send(1, #"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":null}"#)
        served.send(1, #"{"method":"GET_PROPERTY","params":["combined"],"id":3}"#)
        #expect(
            served.texts[1] == [
                #"{"result":null,"id":-7}"#, #"{"result":["btcusdt@trade","nopeusdt@trade"],"id":"a1"}"#, #"{"result":null,"id":null}"#,
                #"{"result":false,"id":3}"#,
            ])
    }

    @Test func wrongRequestsAreErrors() throws {
        let served = try Self.served()
        served.send(1, "hello")
        served.send(1, #"{"method":"SUBSCRIBE","params":["btcusdt"],"id":2}"#)
        served.run(1.5)
        served.send(1, #"{"method":"SUBSCRIBE","params":"btcusdt@trade","id":2}"#)
        served.send(1, #"{"method":"DANCE","id":3}"#)
        let texts = served.texts[1] ?? []
        #expect(texts.count == 4 && texts[0].hasPrefix(#"{"code":3,"msg":"Invalid JSON"#))
        #expect(texts[1] == #"{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":2}"#)
        #expect(texts[2...].allSatisfy { $0.hasPrefix(#"{"error":{"code":2,"msg":"Invalid request: "#) })
    }

    @Test func aThousandAndTwentyFourStreamsAndNoMore() throws {
        let names = (0..<1_024).map { "s\($0)usdt@trade" }
        let served = try Self.served("/stream?streams=" + names.joined(separator: "/"))
        served.send(1, #"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#)
        #expect(served.texts[1] == [#"{"error":{"code":2,"msg":"Invalid request: too many streams"},"id":1}"#])
    }

    @Test func unknownAndUpperCaseSymbolsStaySilent() throws {
        let served = try Self.served("/stream?streams=BTCUSDT@trade/nope@trade/btcusdt@aggTrade")
        #expect(served.get("/control/open").status == 200)
        served.run(5)
        #expect(served.texts[1] == nil && served.exchange.counts.trades > 500)
    }

    @Test func theWrapperAndTheUnitAreThoseOfTheURL() throws {
        let wrapped = try Self.served("/stream?streams=btcusdt@trade&timeUnit=microsecond")
        let plain = try Self.served("/ws/btcusdt@trade")
        for served in [wrapped, plain] { served.run(3) }
        let wrappedTexts = wrapped.texts[1] ?? []
        #expect(wrappedTexts.count > 10 && wrappedTexts.allSatisfy { $0.hasPrefix(#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1"#) })
        #expect(try wrapped.objects().allSatisfy { ((($0["data"] as? [String: Any])?["T"] as? Int) ?? 0) > 1_700_000_000_000_000 })
        let rows = try plain.objects()
        #expect(rows.count == wrappedTexts.count)
        #expect(rows.allSatisfy { ($0["T"] as? Int ?? 0) < 2_000_000_000_000 && ($0["E"] as? Int ?? 0) >= ($0["T"] as? Int ?? 1) })
        plain.send(1, #"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#)
        plain.clear()
        plain.run(1)
        #expect(plain.texts[1]?.allSatisfy { $0.hasPrefix(#"{"stream":"btcusdt@trade","data":"#) } == true)
    }

    @Test func fiveMessagesASecondAreTooManyWithASixth() throws {
        let served = try Self.served()
        for id in 1...5 { served.send(1, #"{"method":"LIST_SUBSCRIPTIONS","id":\#(id)}"#) }
        served.run(1.01)
        for _ in 1...3 { served.exchange.heardPing(1, at: served.now) }
        for _ in 1...2 { served.exchange.heardPong(1, at: served.now) }
        served.run(0.5)
        #expect(served.events[1] == nil)
        served.send(1, #"{"method":"LIST_SUBSCRIPTIONS","id":6}"#)
        served.run(0.1)
        #expect(served.events[1] == ["close 1008 Too many requests"] && served.texts[1]?.count == 5)
    }

    @Test func pingsEvery20SecondsAndDropsWithoutPong() throws {
        let served = try Self.served("/ws/btcusdt@trade")
        served.run(70, step: 100_000)
        #expect(served.events[1] == ["ping", "ping", "ping"])
        served.answersPings = false
        served.clear()
        served.run(69.9, step: 100_000)
        #expect(served.events[1] == ["ping", "ping", "ping"])
        served.run(0.2, step: 100_000)
        #expect(served.events[1]?.last == "drop" && served.exchange.counts.connections == 0)
    }

    @Test func livesForADayOrAsToldTo() throws {
        let short = try Self.served("/ws/btcusdt@trade", life: 3_000_000)
        short.run(2.9)
        #expect(short.events[1] == nil)
        short.run(0.2)
        #expect(short.events[1] == ["close 1001 connection lifetime"])
        let day = try ServedExchange(.binance, trades: 10)
        day.open(1, "/ws/nope@trade")
        day.run(86_390, step: 10_000_000)
        #expect(day.events[1]?.contains { $0 != "ping" } == false)
        day.run(20, step: 10_000_000)
        #expect(day.events[1]?.contains("close 1001 connection lifetime") == true)
    }
}
