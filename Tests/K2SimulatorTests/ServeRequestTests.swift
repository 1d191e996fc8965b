import Foundation
import K2Domain
import Testing

@testable import K2Simulator

/// REST against the stream of the same exchange.
@Suite struct ServeRequestTests {
    private static func served(_ exchange: Exchange, faults: String? = nil, limits: Bool = false, rate: Int = 1_000) throws -> ServedExchange {
        let served = try ServedExchange(exchange, trades: 6_000, faults: faults, every: 100_000, limits: limits)
        served.subscribeAll()
        served.run(40, step: 50_000)
        return served
    }

    /// What was sent of one symbol, ascending.
    private static func sent(_ served: ServedExchange, _ symbol: String) throws -> [WireTrade] {
        try served.sent().filter { $0.symbol == symbol }
    }

    private static func id(_ trade: WireTrade) -> Int { Int(trade.id) ?? -1 }

    @Test(arguments: [nil, "skip,drop"])
    func binanceByID(_ faults: String?) throws {
        let served = try Self.served(.binance, faults: faults)
        let sent = try Self.sent(served, "BTCUSDT")
        var got: [WireTrade] = []
        var next = 0
        while true {
            let page = try served.page("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=\(next)&limit=300", .binanceREST)
            guard let last = page.last else { break }
            got += page
            next = Self.id(last) + 1
        }
        #expect(got.map(\.id) == sent.map(\.id) && got.map(\.price) == sent.map(\.price))
        #expect(zip(got, sent).allSatisfy { $0.time.microseconds == $1.time.microseconds / 1_000 * 1_000 && $0.side == $1.side })
        #expect(try served.page("/api/v3/trades?symbol=BTCUSDT", .binanceREST).map(\.id) == sent.suffix(500).map(\.id))
        #expect(try served.page("/api/v3/historicalTrades?symbol=BTCUSDT&limit=5000", .binanceREST).map(\.id) == sent.suffix(1_000).map(\.id))
        let ticker = try #require(try served.json("/api/v3/ticker/24hr?symbol=BTCUSDT") as? [String: Any])
        #expect(ticker["firstId"] as? Int == 1_000 && ticker["lastId"] as? Int == sent.last.map(Self.id) && ticker["count"] as? Int == sent.count)
        let reply = served.get("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1000&limit=1", headers: [("X-MBX-TIME-UNIT", "MICROSECOND")])
        #expect(String(decoding: reply.body, as: UTF8.self).contains("\"time\":\(sent[0].time.microseconds),"))
        if faults != nil { #expect(try served.truth().contains { $0.kind == "hole" } && sent.count < Self.id(sent[sent.count - 1]) - 999) }
    }

    @Test(arguments: [nil, "skip"])
    func krakenByTime(_ faults: String?) throws {
        let served = try Self.served(.kraken, faults: faults)
        let sent = try Self.sent(served, "BTCUSD")
        var got: [Int: WireTrade] = [:]
        var since = "0"
        while true {
            let target = "/0/public/Trades?pair=XBTUSD&since=\(since)&count=200"
            let page = try served.page(target, .krakenREST)
            if page.isEmpty { break }
            for trade in page { got[Self.id(trade)] = trade }
            let result = try #require((try served.json(target) as? [String: Any])?["result"] as? [String: Any])
            since = try #require(result["last"] as? String)
            // A page may end between trades of one instant.
            since = "\((Int(since) ?? 0) - 1_000)"
            if page.count < 200 { break }
        }
        #expect(got.keys.sorted() == sent.map(Self.id))
        #expect(sent.allSatisfy { got[Self.id($0)]?.time == $0.time && got[Self.id($0)]?.side == $0.side })
        #expect(try served.page("/0/public/Trades?pair=XXBTZUSD&count=7", .krakenREST).map(\.id) == sent.suffix(7).map(\.id))
        let named = try #require((try served.json("/0/public/Trades?pair=BTC%2FUSD&count=1") as? [String: Any])?["result"] as? [String: Any])
        #expect(named.keys.sorted() == ["BTC/USD", "last"])
        let seconds = sent[100].time.microseconds / 1_000_000
        let fromSeconds = try served.page("/0/public/Trades?pair=XBTUSD&since=\(seconds)&count=1", .krakenREST)
        #expect(fromSeconds.first?.id == sent.first { $0.time.microseconds >= seconds * 1_000_000 }?.id)
    }

    @Test(arguments: [nil, "skip"])
    func coinbaseExchangeDownwards(_ faults: String?) throws {
        let served = try Self.served(.coinbase, faults: faults)
        let sent = try Self.sent(served, "BTCUSD")
        var got: [WireTrade] = []
        var target = "/products/BTC-USD/trades?limit=100"
        while true {
            let reply = served.get(target)
            let page = try served.page(target, .coinbaseREST)
            if page.isEmpty { break }
            got += page
            #expect(reply.header("CB-BEFORE") == page.first?.id && reply.header("CB-AFTER") == page.last?.id)
            target = "/products/BTC-USD/trades?limit=100&after=\(reply.header("CB-AFTER") ?? "")"
        }
        #expect(got.map(\.id) == sent.map(\.id).reversed() && got.map(\.time) == sent.map(\.time).reversed())
        let after = Self.id(sent[50])
        #expect(try served.page("/products/BTC-USD/trades?after=\(after)&limit=3", .coinbaseREST).map(\.id) == sent[47..<50].map(\.id).reversed())
        #expect(try served.page("/products/BTC-USD/trades?before=\(after)&limit=3", .coinbaseREST).map(\.id) == sent.suffix(3).map(\.id).reversed())
    }

    @Test func coinbaseAdvancedByWindow() throws {
        let served = try Self.served(.coinbase)
        let sent = try Self.sent(served, "ETHUSD")
        let start = sent[200].time.microseconds / 1_000_000
        let page = try served.page(
            "/api/v3/brokerage/market/products/ETH-USD/ticker?limit=1000&start=\(start)&end=\(start + 3)", .coinbaseAdvancedREST)
        let wanted = sent.filter { (start..<(start + 3)).contains($0.time.microseconds / 1_000_000) }
        #expect(Set(page) == Set(wanted) && page.count == wanted.count && page.first?.id == wanted.last?.id)
        #expect(try served.page("/api/v3/brokerage/market/products/ETH-USD/ticker?limit=4", .coinbaseAdvancedREST).map(\.id) == sent.suffix(4).map(\.id).reversed())
        #expect(served.get("/api/v3/brokerage/market/products/ETH-USD/ticker").status == 400)
    }

    @Test func listsOfInstruments() throws {
        let binance = try ServedExchange(.binance)
        let info = try #require(try binance.json("/api/v3/exchangeInfo") as? [String: Any])
        let rows = try #require(info["symbols"] as? [[String: Any]])
        #expect(rows.count == 12 && rows[0]["baseAsset"] as? String == "BTC" && rows[0]["quoteAsset"] as? String == "USDT")
        let filters = try #require(rows[0]["filters"] as? [[String: Any]])
        #expect(filters[0]["tickSize"] as? String == "0.01000000" && filters[1]["stepSize"] as? String == "0.00001000")
        let two = try #require(try binance.json("/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D") as? [String: Any])
        #expect((two["symbols"] as? [Any])?.count == 2)

        let kraken = try ServedExchange(.kraken)
        let pairs = try #require((try kraken.json("/0/public/AssetPairs") as? [String: Any])?["result"] as? [String: [String: Any]])
        #expect(pairs["XXBTZUSD"]?["wsname"] as? String == "XBT/USD" && pairs["XDGUSD"]?["wsname"] as? String == "XDG/USD")
        #expect(pairs["SOLUSD"]?["base"] as? String == "SOL" && pairs["XETHZUSD"]?["base"] as? String == "XETH")

        let coinbase = try ServedExchange(.coinbase)
        #expect(try (coinbase.json("/products") as? [[String: Any]])?.first?["quote_increment"] as? String == "0.01")
        let products = try #require((try coinbase.json("/api/v3/brokerage/market/products") as? [String: Any])?["products"] as? [[String: Any]])
        #expect(products[0]["alias_to"] as? [String] == ["BTC-USDC"] && products[1]["alias"] as? String == "BTC-USD")
    }

    @Test(arguments: [
        (Exchange.binance, "/api/v3/historicalTrades?symbol=NOPE", 400, #"{"code":-1121,"msg":"Invalid symbol."}"#),
        (
            .binance, "/api/v3/historicalTrades", 400,
            #"{"code":-1102,"msg":"Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."}"#
        ),
        (.kraken, "/0/public/Trades?pair=NOPE", 200, #"{"error":["EQuery:Unknown asset pair"]}"#),
        (.kraken, "/0/public/Nothing", 200, #"{"error":["EGeneral:Unknown method"]}"#),
        (.coinbase, "/products/NO-USD/trades", 404, #"{"message":"NotFound"}"#),
    ])
    func errorsAreThoseOfTheExchange(_ exchange: Exchange, _ target: String, _ status: Int, _ body: String) throws {
        let reply = try ServedExchange(exchange).get(target)
        #expect(reply.status == status && String(decoding: reply.body, as: UTF8.self) == body)
    }

    @Test func limitsAreThoseOfTheExchange() throws {
        let binance = try ServedExchange(.binance, limits: true)
        let replies = (1...241).map { _ in binance.get("/api/v3/historicalTrades?symbol=BTCUSDT") }
        #expect(replies[239].status == 200 && replies[239].header("X-MBX-USED-WEIGHT-1M") == "6000")
        #expect(replies[240].status == 429 && (1...60).contains(Int(replies[240].header("Retry-After") ?? "") ?? 0))
        binance.run(60, step: 1_000_000)
        #expect(binance.get("/api/v3/historicalTrades?symbol=BTCUSDT").header("X-MBX-USED-WEIGHT-1M") == "25")

        let coinbase = try ServedExchange(.coinbase, limits: true)
        let statuses = (1...16).map { _ in coinbase.get("/products").status }
        #expect(statuses == Array(repeating: 200, count: 15) + [429])
        coinbase.run(0.11)
        #expect(coinbase.get("/products").status == 200 && coinbase.get("/products").status == 429)

        let kraken = try ServedExchange(.kraken, limits: true)
        for _ in 1...15 { _ = kraken.get("/0/public/Time") }
        let reply = kraken.get("/0/public/Time")
        #expect(reply.status == 200 && String(decoding: reply.body, as: UTF8.self) == #"{"error":["EAPI:Rate limit exceeded"]}"#)
    }
}
