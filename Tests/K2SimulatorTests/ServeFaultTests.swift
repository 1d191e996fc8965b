import Foundation
import K2Domain
import Testing

@testable import K2Simulator

@Suite struct ServeFaultTests {
    private static func served(_ exchange: Exchange, _ faults: String? = nil, rate: Int = 300, trades: Int? = nil) throws -> ServedExchange {
        let served = try ServedExchange(exchange, rate: rate, trades: trades, faults: faults)
        served.subscribeAll()
        return served
    }

    private static func ids(_ trades: [WireTrade], _ symbol: String) -> [Int] { trades.filter { $0.symbol == symbol }.compactMap { Int($0.id) } }

    /// The page that starts at `id`, or as near as the exchange lets us ask.
    private static func page(_ served: ServedExchange, _ symbol: String, around trade: WireTrade) throws -> [WireTrade] {
        let id = Int(trade.id) ?? 0
        switch served.plan.exchange {
        case .binance: return try served.page("/api/v3/historicalTrades?symbol=\(symbol)&fromId=\(id - 5)&limit=1000", .binanceREST)
        case .kraken:
            let since = trade.time.microseconds * 1_000 - 1_000_000_000
            let pair = symbol == "BTCUSD" ? "XBTUSD" : symbol == "DOGEUSD" ? "XDGUSD" : symbol
            return try served.page("/0/public/Trades?pair=\(pair)&since=\(since)", .krakenREST)
        case .coinbase: return try served.page("/products/\(symbol.dropLast(3))-USD/trades?after=\(id + 900)", .coinbaseREST)
        }
    }

    @Test(arguments: Exchange.allCases)
    func aGapIsOnREST(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 900)
        served.run(1)
        served.fire("gap=20")
        served.run(6)
        let missing = Set(try served.sent()).subtracting(try served.trades())
        #expect(missing.count == 20)
        for trade in missing {
            #expect(try Self.page(served, trade.symbol, around: trade).contains { $0.id == trade.id && $0.price == trade.price || $0.id == trade.id })
        }
        if exchange == .coinbase {
            let numbers = try served.objects().compactMap { $0["sequence_num"] as? Int }
            #expect(zip(numbers, numbers.dropFirst()).contains { $1 == $0 + 2 }, "the lost message was counted")
        }
    }

    @Test(arguments: Exchange.allCases)
    func skippedIDsExistNowhere(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 900)
        served.run(1)
        for _ in 1...4 { served.fire("skip=3") }
        served.run(6)
        let holes = try served.truth().filter { $0.kind == "hole" }
        #expect(!holes.isEmpty && holes.map { $0.last - $0.id + 1 }.reduce(0, +) % 3 == 0)
        #expect(try Set(served.sent()) == Set(served.trades()))
        for hole in holes {
            let ids = Self.ids(try served.trades(), hole.symbol)
            #expect(ids.contains(hole.id - 1) && ids.contains(hole.last + 1))
            let next = try #require(try served.trades().first { $0.symbol == hole.symbol && $0.id == "\(hole.last + 1)" })
            let page = try Self.page(served, hole.symbol, around: next).compactMap { Int($0.id) }
            #expect(page.contains(hole.id - 1) && page.contains(hole.last + 1) && !page.contains { (hole.id...hole.last).contains($0) })
        }
    }

    @Test(arguments: Exchange.allCases)
    func lostTradesAreNeitherSentNorOnREST(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 900)
        served.run(1)
        served.fire("lost=4")
        served.run(6)
        let lost = try served.truth().filter { $0.kind == "lost" }.compactMap(\.trade)
        #expect(lost.count == 4)
        let trades = try served.trades()
        #expect(try Set(trades) == Set(served.sent()) && trades.count == 896)
        for trade in lost {
            let page = try Self.page(served, trade.symbol, around: trade).compactMap { Int($0.id) }
            #expect(!page.contains { $0 <= Int(trade.id) ?? 0 }, "the history ends above")
        }
    }

    @Test(arguments: Exchange.allCases)
    func duplicatesComeTwice(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 900)
        served.run(1)
        served.fire("duplicates=7")
        served.run(9)
        let trades = try served.trades()
        #expect(try trades.count == 907 && Set(trades) == Set(served.sent()) && Set(trades).count == 900)
    }

    @Test(arguments: Exchange.allCases)
    func lateTradesComeLate(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 900)
        served.run(1)
        for _ in 1...3 { served.fire("late=2s") }
        served.run(1.5)
        #expect(try Set(served.sent()).subtracting(served.trades()).count > 0)
        served.run(6)
        #expect(served.isFinished)
        let trades = try served.trades()
        #expect(try trades.count == 900 && Set(trades) == Set(served.sent()))
        let symbols = Set(trades.map(\.symbol))
        #expect(symbols.contains { Self.ids(trades, $0) != Self.ids(trades, $0).sorted() })
    }

    @Test(arguments: Exchange.allCases)
    func reorderedMessagesChangePlaces(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 900)
        served.run(0.6)
        served.fire("reorder=4")
        served.run(7)
        let trades = try served.trades()
        #expect(try trades.count == 900 && Set(trades) == Set(served.sent()))
        if exchange == .coinbase {
            let numbers = try served.objects().compactMap { $0["sequence_num"] as? Int }
            #expect(numbers != numbers.sorted() && numbers.sorted() == Array(0..<numbers.count))
        } else {
            let times = trades.map(\.time)
            #expect(times != times.sorted())
        }
    }

    @Test(arguments: Exchange.allCases, ["drop", "freeze=2s", "half-open", "slow=3s", "shutdown=1s"])
    func connectionsSuffer(_ exchange: Exchange, _ fault: String) throws {
        let served = try Self.served(exchange)
        served.subscribeAll(2)
        served.run(1)
        served.clear()
        served.fire(fault)
        served.run(5)
        let hit = served.events.keys.filter { served.events[$0]?.contains { $0 != "ping" } == true }
        #expect(hit.count == 1)
        let events = served.events[hit.first ?? 0] ?? []
        let healthy = hit.first == 1 ? 2 : 1
        let texts = served.texts[hit.first ?? 0] ?? []
        #expect(served.texts[healthy]?.count ?? 0 > 10)
        switch fault {
        case "drop": #expect(events == ["drop"] && texts.isEmpty)
        case "freeze=2s": #expect(events == ["freeze", "drop"] && texts.isEmpty)
        case "half-open": #expect(events == ["half-open"] && texts.isEmpty)
        case "slow=3s": #expect(events == ["slow 3000000"] && texts.count > 10)
        default:
            #expect(events == ["drop"] && texts.count < served.texts[healthy]?.count ?? 0)
            switch exchange {
            case .binance: #expect(texts[0].hasPrefix(#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1"#))
            case .kraken: #expect(texts[0].contains(#""system":"maintenance""#))
            case .coinbase: break
            }
        }
    }

    @Test(arguments: Exchange.allCases)
    func oddMessagesAndFramesComeBetweenTheOthers(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, trades: 1_200)
        served.run(1)
        for _ in 1...8 { served.fire("garbage&bad-frame&error-frame") }
        served.fire("huge=100000&fragments=3")
        served.run(8)
        let texts = served.texts[1] ?? []
        #expect(texts.contains { $0.utf8.count == 100_000 })
        #expect(texts.contains { $0.contains("failure to subscribe") || $0.contains("\"error\"") })
        #expect(texts.contains { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) == nil })
        let events = served.events[1] ?? []
        #expect(events.filter { $0 == "fragments" }.count == 3 && events.filter { $0.hasPrefix("raw ") }.count > 8)
        let trades = try served.trades()
        #expect(try trades.count == 1_200 && Set(trades) == Set(served.sent()))
    }

    @Test func refusedSymbolsAreRefusedInTheExchangesWay() throws {
        let binance = try Self.served(.binance, "refuse=ETHUSDT")
        binance.run(3)
        #expect(try !(binance.trades().contains { $0.symbol == "ETHUSDT" }) && (binance.sent()).contains { $0.symbol == "ETHUSDT" })
        let kraken = try Self.served(.kraken, "refuse=ETHUSD")
        #expect(kraken.texts[1]?.contains { $0.hasPrefix(#"{"error":"Currency pair not supported ETH/USD""#) } == true)
        let coinbase = try Self.served(.coinbase, "refuse=ETH-USD,refuse=DOGE-USD")
        let last = try #require(coinbase.texts[1]?.last)
        #expect(last.contains("BTC-USD") && !last.contains("ETH-USD") && !last.contains("DOGE-USD"))
    }

    @Test(arguments: Exchange.allCases)
    func acknowledgementsMayBeLate(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, "late-ack=2s")
        if exchange == .binance { served.send(1, #"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":77}"#) }
        func hasAck() -> Bool {
            served.texts[1]?.contains { $0.contains("\"id\":77") || $0.contains("\"success\":true") || $0.contains("\"subscriptions\"") } == true
        }
        served.run(1.9)
        #expect(try !hasAck() && !(served.trades().isEmpty))
        served.run(0.2)
        #expect(hasAck())
    }

    @Test func connectionsMayAge() throws {
        let served = try Self.served(.kraken, "age=4s")
        served.run(3.9)
        #expect(served.events[1] == nil)
        served.run(0.2)
        #expect(served.events[1] == ["close 1001 connection lifetime"])
    }

    @Test(arguments: Exchange.allCases)
    func restMayLag(_ exchange: Exchange) throws {
        let served = try Self.served(exchange, "rest-lag=2s")
        served.run(5)
        let newest: WireTrade? =
            switch exchange {
            case .binance: try served.page("/api/v3/historicalTrades?symbol=BTCUSDT&limit=1", .binanceREST).last
            case .kraken: try served.page("/0/public/Trades?pair=XBTUSD&count=1", .krakenREST).last
            case .coinbase: try served.page("/products/BTC-USD/trades?limit=1", .coinbaseREST).first
            }
        let age = served.now - (try #require(newest)).time.microseconds
        #expect(age >= 2_000_000 && age < 2_300_000)
    }

    @Test func requestsFailAndTheNextOnesWait() throws {
        let served = try Self.served(.binance)
        let target = "/api/v3/historicalTrades?symbol=BTCUSDT"
        served.fire("http-429=3s")
        var reply = served.get(target)
        #expect(reply.status == 429 && reply.header("Retry-After") == "3")
        served.run(2)
        #expect(served.get(target).status == 429)
        served.run(1.1)
        #expect(served.get(target).status == 200)
        served.fire("http-418")
        reply = served.get(target)
        #expect(reply.status == 418 && reply.header("Retry-After") == "2" && String(decoding: reply.body, as: UTF8.self).contains("IP banned until"))
        served.run(2.1)
        served.fire("http-5xx=503&http-slow=1s")
        #expect(served.get(target).status == 503)
        #expect(served.get(target).delivery == .late(microseconds: 1_000_000))
        served.fire("http-drop&http-drop&http-drop&http-drop&http-drop&http-drop")
        let deliveries = (1...6).map { _ in served.get(target).delivery }
        #expect(deliveries.contains(.drop) && !deliveries.contains(.whole) && deliveries.contains { $0 != .drop })
        #expect(served.get(target).delivery == .whole)
    }

    @Test func connectingIsRefusedForAWhile() throws {
        let served = try Self.served(.kraken)
        served.fire("refuse-connect=3s")
        let refusal = try #require(served.refusal("/v2"))
        #expect([503, 429].contains(refusal.status) && refusal.header("Retry-After") == "3")
        served.run(1.5)
        #expect(served.refusal("/v2")?.header("Retry-After") == "2")
        served.run(1.6)
        #expect(served.refusal("/v2") == nil)
    }

    @Test func faultsComeByThemselvesAtTheirMeanDistanceAndEnd() throws {
        let served = try Self.served(.binance, "gap=1,late,error-frame", trades: 9_000)
        served.run(30)
        let fired = served.counts.values.reduce(0, +)
        #expect((40...80).contains(fired) && Set(served.counts.keys) == ["gap", "late", "error-frame"])
        served.run(10)
        #expect(served.counts.values.reduce(0, +) - fired <= 1)
    }

    @Test func aFaultWaitsForAConnection() throws {
        let served = try ServedExchange(.binance)
        served.fire("drop")
        served.open(1, "/ws")
        #expect(served.get("/control/open").status == 200)
        served.run(1)
        #expect(served.events[1] == nil)
        served.send(1, #"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#)
        served.run(0.1)
        #expect(served.events[1] == ["drop"])
    }

    @Test func controlRequestsAreAnsweredAndCounted() throws {
        let served = try Self.served(.binance)
        served.fire("drop&gap=3&gap=4")
        let stats = try #require(try served.json("/control/stats") as? [String: Any])
        #expect(stats["faults"] as? [String: Int] == ["drop": 1, "gap": 2] && stats["open"] as? Bool == true && stats["requests"] as? Int == 0)
        #expect(served.get("/control/faults?fire").status == 400)
        #expect(served.get("/control/nothing").status == 404)
    }

    /// Whatever goes wrong, what is true stays true: everything sent was made, and REST has all that is not lost.
    @Test(arguments: Exchange.allCases, [1, 2, 3] as [UInt64])
    func allFaultsAtOnce(_ exchange: Exchange, _ seed: UInt64) throws {
        let all = ServeFault.Kind.allCases.filter { $0 != .refuse && $0 != .lost }.map { $0 == .huge ? "huge=50000" : $0.rawValue }
            .joined(separator: ",")
        let served = try ServedExchange(exchange, seed: seed, rate: 500, trades: 1_500, faults: all, every: 50_000)
        for connection in 1...12 {
            served.subscribeAll(connection, snapshot: true)
            served.run(0.4)
        }
        let sent = Set(try served.sent())
        #expect(sent.count == 1_500)
        for connection in 1...12 {
            #expect(try Set(served.trades(connection)).isSubset(of: sent) && Set(served.trades(connection, snapshots: true)).isSubset(of: sent))
        }
    }
}
