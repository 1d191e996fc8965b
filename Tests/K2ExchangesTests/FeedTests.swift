import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import Testing

extension ExchangeFeed {
    fileprivate func reads<T>(_ text: String, _ body: (borrowing JSONDocument, Span<UInt8>) -> T) throws -> T {
        var document = JSONDocument()
        let bytes = Array(text.utf8)
        try document.parse(bytes.span)
        return body(document, bytes.span)
    }

    fileprivate func reply(_ text: String) throws -> FeedReply { try reads(text) { reply($0, $1) } }
    fileprivate func messageNumber(_ text: String) throws -> UInt64? { try reads(text) { messageNumber($0, $1) } }
    fileprivate func cursor(_ text: String) throws -> UInt64? { try reads(text) { cursor(0, $0, $1) } }
    fileprivate func refusal(_ status: Int, _ body: String?) throws -> RESTRefusal {
        refusal(status: status, body: try body.map { try JSONValue(parsing: Array($0.utf8)) })
    }
    fileprivate func instruments(_ text: String) throws -> [ListedInstrument] { try readInstruments(JSONValue(parsing: Array(text.utf8))) }
}

private func names(_ count: Int) -> [String] { (0..<count).map { "S\($0)" } }

@Suite struct FeedTests {
    static let feeds: [any ExchangeFeed] = Exchange.allCases.map { ExchangeRegistry.feed(for: $0) }

    @Test func theRegistryHasEveryExchange() {
        for exchange in Exchange.allCases { #expect(ExchangeRegistry.feed(for: exchange).exchange == exchange) }
    }

    @Test(arguments: Exchange.allCases)
    func requestsAreCutIntoChunks(exchange: Exchange) throws {
        let feed = ExchangeRegistry.feed(for: exchange)
        let size = feed.limits.symbolsPerRequest
        #expect(feed.subscribe([], id: 1).isEmpty)
        for count in [1, size - 1, size, size + 1, 2 * size, 2 * size + 1] {
            for requests in [feed.subscribe(names(count), id: 7), feed.unsubscribe(names(count), id: 7)] {
                #expect(requests.count == (count + size - 1) / size)
                #expect(requests.flatMap(\.symbols) == names(count))
                #expect(requests.allSatisfy { $0.symbols.count <= size && !$0.symbols.isEmpty })
                for (index, request) in requests.enumerated() where request.id != nil { #expect(request.id == 7 + index) }
                for request in requests { _ = try JSONValue(parsing: Array(request.text.utf8)) }
            }
        }
        #expect(feed.subscribe(names(3), id: 1).allSatisfy { !$0.unsubscribes })
        #expect(feed.unsubscribe(names(3), id: 1).allSatisfy { $0.unsubscribes })
    }

    /// What the documents allow; 5 messages a second on Binance, 8 on Coinbase, 150 connections in 10 minutes on
    /// Kraken, 300 in 5 minutes on Binance, 24 hours a connection.
    @Test func limitsAreInsideThoseOfTheExchanges() throws {
        let binance = BinanceFeed().limits
        #expect(1_000_000 / binance.messageInterval < 5)
        #expect(binance.symbolsPerConnection <= 1024)
        #expect(binance.attempts < 300 && binance.attemptWindow >= 300_000_000)
        let age = try #require(binance.maxAge)
        #expect(age < 24 * 3_600_000_000)
        // historicalTrades weighs 25 of 6000 a minute.
        #expect(60_000_000 / binance.requestInterval * 25 + Int64(binance.requestBurst) * 25 <= 6_000)
        #expect(binance.silence > 60_000_000 / 3)
        #expect(1_000_000 / KrakenFeed().limits.requestInterval <= 1)
        #expect(KrakenFeed().limits.attempts < 150)
        #expect(1_000_000 / CoinbaseFeed().limits.messageInterval < 8)
        #expect(1_000_000 / CoinbaseFeed().limits.requestInterval < 10)
        for feed in Self.feeds { #expect(feed.limits.symbolsPerRequest <= feed.limits.symbolsPerConnection) }
    }
}

@Suite struct BinanceFeedTests {
    let feed = BinanceFeed()

    @Test func saysWhatTheDocumentsSay() {
        #expect(
            feed.subscribe(["BTCUSDT", "ETHUSDT"], id: 1)
                == [FeedRequest(#"{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}"#, id: 1, symbols: ["BTCUSDT", "ETHUSDT"])])
        #expect(
            feed.unsubscribe(["BTCUSDT"], id: 9)
                == [FeedRequest(#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":9}"#, id: 9, symbols: ["BTCUSDT"], unsubscribes: true)])
        #expect(feed.subscribe(["币安人生USDT"], id: 1)[0].text == #"{"method":"SUBSCRIBE","params":["币安人生usdt@trade"],"id":1}"#)
        #expect(feed.greeting(id: 1).isEmpty)
        #expect(feed.ping(id: 1) == nil)
        #expect(feed.newestTrades("BTCUSDT").target == "/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000")
        #expect(feed.instrumentList.target == "/api/v3/exchangeInfo")
    }

    @Test func understandsAnswers() throws {
        #expect(try feed.reply(#"{"result":null,"id":1}"#) == .acknowledged(id: 1, symbol: nil))
        #expect(try feed.reply(#"{"result":["btcusdt@aggTrade"],"id":3}"#) == .acknowledged(id: 3, symbol: nil))
        #expect(
            try feed.reply(#"{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"}"#)
                == .refused(id: nil, symbol: nil, reason: "Invalid request: request ID must be an unsigned integer"))
        #expect(
            try feed.reply(#"{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":2}"#)
                == .refused(id: 2, symbol: nil, reason: "Invalid request: invalid stream"))
        #expect(try feed.reply(#"{"error":{"code":2},"id":2}"#) == .refused(id: 2, symbol: nil, reason: "error"))
        #expect(try feed.reply(#"{"code":3,"msg":"Invalid JSON: \"x\"","id":null}"#) == .refused(id: nil, symbol: nil, reason: "Invalid JSON: \"x\""))
    }

    @Test func hearsThatItIsShutDown() throws {
        #expect(try feed.reply(#"{"e":"serverShutdown","E":1770123456789}"#) == .shutdown)
        #expect(try feed.reply(#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#) == .shutdown)
    }

    @Test(arguments: [
        "{}", "[]", "7", "\"x\"", "null", #"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}"#, #"{"e":"executionReport"}"#, #"{"id":1}"#,
        #"{"e":7,"stream":[]}"#,
    ])
    func letsOtherMessagesPass(message: String) throws {
        #expect(try feed.reply(message) == .other)
        #expect(try feed.messageNumber(message) == nil)
    }

    @Test func readsItsInstruments() throws {
        let found = try feed.instruments(
            """
            {"timezone":"UTC","symbols":[
            {"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","baseAssetPrecision":8,"quoteAsset":"BTC","quotePrecision":8,"filters":[]},
            {"symbol":"LUNAUSDT","status":"BREAK","baseAsset":"LUNA","quoteAsset":"USDT"},
            {"symbol":"OLDUSDT","status":"HALT","baseAsset":"OLD","quoteAsset":"USDT"},
            {"symbol":"NEWUSDT","status":"CANCEL_ONLY","baseAsset":"NEW","quoteAsset":"USDT"},
            {"symbol":"ODDUSDT","status":"NOBODY_KNOWS","baseAsset":"ODD","quoteAsset":"USDT"},
            {"symbol":"BROKEN","status":"TRADING","baseAsset":"BROKEN"},7]}
            """)
        #expect(found.map(\.streamName) == ["ETHBTC", "LUNAUSDT", "OLDUSDT", "NEWUSDT", "ODDUSDT"])
        #expect(found[0].base == "ETH" && found[0].quote == "BTC" && found[0].restName == "ETHBTC" && found[0].spellings == ["ETHBTC"])
        #expect(found.map(\.isTrading) == [true, false, true, true, true])
        #expect(throws: InstrumentListError.self) { try feed.instruments(#"{"code":-1003,"msg":"Too many requests"}"#) }
        #expect(throws: InstrumentListError.self) { try feed.instruments("[]") }
        #expect(throws: InstrumentListError.self) { try feed.instruments(#"{"symbols":{}}"#) }
    }

    @Test func refusalsSayWhetherToComeBack() throws {
        #expect(try feed.refusal(429, #"{"code":-1003,"msg":"Too much request weight used"}"#) == .tooMany)
        #expect(try feed.refusal(418, nil) == .tooMany)
        #expect(try feed.refusal(403, nil) == .tooMany)
        #expect(try feed.refusal(400, #"{"code":-1121,"msg":"Invalid symbol."}"#) == .never("Invalid symbol."))
        #expect(try feed.refusal(404, nil) == .never("HTTP 404"))
        #expect(try feed.refusal(408, nil) == .unavailable("HTTP 408"))
        #expect(try feed.refusal(500, #"{"code":-1000,"msg":"An unknown error occurred"}"#) == .unavailable("An unknown error occurred"))
        #expect(try feed.refusal(503, nil) == .unavailable("HTTP 503"))
        #expect(try feed.refusal(200, "{}") == .unavailable("HTTP 200"))
        #expect(try feed.refusal(200, "[]") == .unavailable("HTTP 200"))
        #expect(try feed.refusal(302, nil) == .unavailable("HTTP 302"))
    }
}

@Suite struct KrakenFeedTests {
    let feed = KrakenFeed()

    @Test func saysWhatTheDocumentsSay() {
        #expect(
            feed.subscribe(["BTC/USD", "ETH/USD"], id: 1) == [
                FeedRequest(
                    #"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":true},"req_id":1}"#, id: 1,
                    symbols: ["BTC/USD", "ETH/USD"])
            ])
        #expect(
            feed.unsubscribe(["BTC/USD"], id: 2) == [
                FeedRequest(
                    #"{"method":"unsubscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":2}"#, id: 2, symbols: ["BTC/USD"], unsubscribes: true)
            ])
        #expect(feed.ping(id: 42) == FeedRequest(#"{"method":"ping","req_id":42}"#, id: 42))
        #expect(feed.greeting(id: 1).isEmpty)
        #expect(feed.newestTrades("XBTUSD").target == "/0/public/Trades?pair=XBTUSD&count=1000")
    }

    @Test func understandsAnswers() throws {
        #expect(
            try feed.reply(
                #"{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true,"time_in":"2026-09-25T17:48:24.745996Z","time_out":"2026-09-25T17:48:24.746032Z"}"#
            ) == .acknowledged(id: nil, symbol: "BTC/USD"))
        #expect(
            try feed.reply(
                #"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD","snapshot":true,"warnings":["x"]},"success":true,"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z","req_id":1}"#
            ) == .acknowledged(id: 1, symbol: "BTC/USD"))
        #expect(
            try feed.reply(#"{"method":"unsubscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true,"req_id":4}"#)
                == .acknowledged(id: 4, symbol: "BTC/USD"))
        #expect(
            try feed.reply(
                #"{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD","time_in":"2026-09-25T17:48:54.701041Z","time_out":"2026-09-25T17:48:54.701062Z"}"#
            ) == .refused(id: nil, symbol: "XBT/USD", reason: "Currency pair not supported XBT/USD"))
        #expect(
            try feed.reply(
                #"{"error":"Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com","method":"subscribe","success":false,"time_in":"2026-09-25T17:58:17.423598Z","time_out":"2026-09-25T17:58:17.423624Z"}"#
            ) == .refused(id: nil, symbol: nil, reason: "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"))
        #expect(try feed.reply(#"{"error":"Exceeded msg rate","req_id":7}"#) == .refused(id: 7, symbol: nil, reason: "Exceeded msg rate"))
        #expect(try feed.reply(#"{"method":"subscribe","success":false,"req_id":7}"#) == .refused(id: 7, symbol: nil, reason: "refused"))
    }

    @Test func hearsThatItLives() throws {
        #expect(try feed.reply(#"{"channel":"heartbeat"}"#) == .heartbeat)
        #expect(
            try feed.reply(#"{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z","time_out":"2023-09-25T09:05:00.123500Z"}"#) == .heartbeat)
    }

    @Test func aConnectionNumberBeyond63BitsIsNoTrouble() throws {
        #expect(
            try feed.reply(
                #"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":18125794168470749634,"upcoming_maintenance":[],"emergency":[]}]}"#
            ) == .status("online"))
        #expect(
            try feed.reply(#"{"channel":"status","type":"update","data":[{"connection_id":18446744073709551615,"system":"maintenance"}]}"#)
                == .status("maintenance"))
        for data in ["[]", "{}", "7", "[7]", "[{}]", #"[{"system":7}]"#] {
            #expect(try feed.reply(#"{"channel":"status","data":\#(data)}"#) == .status("unknown"), "\(data)")
        }
        #expect(try feed.reply(#"{"channel":"status"}"#) == .status("unknown"))
        #expect(try feed.reply(#"{"method":"subscribe","success":true,"req_id":18446744073709551615}"#) == .acknowledged(id: nil, symbol: nil))
    }

    @Test(arguments: ["{}", "[]", "7", #"{"channel":"ohlc","data":[]}"#, #"{"method":"add_order"}"#, #"{"event":"heartbeat"}"#])
    func letsOtherMessagesPass(message: String) throws {
        #expect(try feed.reply(message) == .other)
        #expect(try feed.messageNumber(message) == nil)
    }

    @Test func readsItsInstruments() throws {
        let found = try feed.instruments(
            #"""
            {"error":[],"result":{
            "XDGUSD":{"altname":"XDGUSD","wsname":"XDG\/USD","aclass_base":"currency","base":"XXDG","quote":"ZUSD"},
            "XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT\/USD","base":"XXBT","quote":"ZUSD","status":"online"},
            "XXBTZUSD.d":{"altname":"XBTUSD.d","base":"XXBT","quote":"ZUSD"},
            "XXDGXXBT":{"altname":"XDGXBT","wsname":"XDG\/XBT","base":"XXDG","quote":"XXBT","status":"cancel_only"},
            "AAPLxUSD":{"altname":"AAPLxUSD","wsname":"AAPLx/USD","aclass_base":"tokenized_asset","base":"AAPLx","quote":"ZUSD","status":"delisted"},
            "ODD":{"altname":"ODD","wsname":"ODD"}}}
            """#)
        #expect(found.map(\.streamName) == ["DOGE/USD", "BTC/USD", "DOGE/BTC", "AAPLx/USD"])
        #expect(found.map(\.restName) == ["XDGUSD", "XBTUSD", "XDGXBT", "AAPLxUSD"])
        #expect(found[1].spellings == ["BTC/USD", "XBT/USD", "XXBTZUSD", "XBTUSD"])
        #expect(found[1].base == "BTC" && found[1].quote == "USD")
        #expect(found.map(\.isTrading) == [true, true, true, false])
        #expect(throws: InstrumentListError.self) { try feed.instruments(#"{"error":["EService:Unavailable"]}"#) }
    }

    @Test func readsTheCursor() throws {
        #expect(try feed.cursor(#"{"error":[],"result":{"XXBTZUSD":[],"last":"1762820035982277754"}}"#) == 1_762_820_035_982_277_754)
        #expect(try feed.cursor(#"{"error":[],"result":{"last":1688671969993150842,"XXBTZUSD":[]}}"#) == 1_688_671_969_993_150_842)
        #expect(try feed.cursor(#"{"error":[],"result":{"XXBTZUSD":[],"last":"0"}}"#) == 0)
        for other in ["[]", "{}", #"{"result":[]}"#, #"{"result":{}}"#, #"{"result":{"last":"x"}}"#, #"{"result":{"last":"99999999999999999999"}}"#] {
            #expect(try feed.cursor(other) == nil, "\(other)")
        }
    }

    @Test func refusalsComeWithStatus200() throws {
        #expect(try feed.refusal(200, #"{"error":["EQuery:Unknown asset pair"]}"#) == .never("EQuery:Unknown asset pair"))
        #expect(try feed.refusal(200, #"{"error":["EGeneral:Invalid arguments"]}"#) == .never("EGeneral:Invalid arguments"))
        #expect(try feed.refusal(200, #"{"error":["EAPI:Rate limit exceeded"]}"#) == .tooMany)
        #expect(try feed.refusal(200, #"{"error":["EService: Throttled: 1762820035"]}"#) == .tooMany)
        #expect(try feed.refusal(200, #"{"error":["EGeneral:Too many requests"]}"#) == .tooMany)
        #expect(try feed.refusal(200, #"{"error":["EService:Unavailable"]}"#) == .unavailable("EService:Unavailable"))
        #expect(try feed.refusal(200, #"{"error":["EGeneral:Internal error"]}"#) == .unavailable("EGeneral:Internal error"))
        #expect(try feed.refusal(200, #"{"error":[]}"#) == .unavailable("HTTP 200"))
        #expect(try feed.refusal(520, nil) == .unavailable("HTTP 520"))
        #expect(try feed.refusal(429, nil) == .tooMany)
        #expect(try feed.refusal(404, nil) == .never("HTTP 404"))
    }
}

@Suite struct CoinbaseFeedTests {
    let feed = CoinbaseFeed()

    @Test func saysWhatTheDocumentsSay() {
        #expect(feed.greeting(id: 1) == [FeedRequest(#"{"type":"subscribe","channel":"heartbeats"}"#)])
        #expect(
            feed.subscribe(["ETH-USD", "BTC-USD"], id: 1)
                == [FeedRequest(#"{"type":"subscribe","product_ids":["ETH-USD","BTC-USD"],"channel":"market_trades"}"#, symbols: ["ETH-USD", "BTC-USD"])])
        #expect(
            feed.unsubscribe(["ETH-USD"], id: 1) == [
                FeedRequest(#"{"type":"unsubscribe","product_ids":["ETH-USD"],"channel":"market_trades"}"#, symbols: ["ETH-USD"], unsubscribes: true)
            ])
        #expect(feed.newestTrades("BTC-USD").target == "/products/BTC-USD/trades?limit=1000")
    }

    @Test func understandsAnswers() throws {
        #expect(
            try feed.reply(
                #"{"channel":"subscriptions","client_id":"","timestamp":"2026-04-07T14:30:00.000000Z","sequence_num":0,"events":[{"subscriptions":{"level2":["BTC-USD"],"market_trades":["BTC-USD","ETH-USD"]}}]}"#
            ) == .subscriptions(["BTC-USD", "ETH-USD"]))
        #expect(
            try feed.reply(
                #"{"channel":"subscriptions","timestamp":"2026-06-14T05:35:45.540672514Z","sequence_num":17,"events":[{"subscriptions":{}}]}"#)
                == .subscriptions([]))
        #expect(
            try feed.reply(#"{"channel":"subscriptions","sequence_num":1,"events":[{"subscriptions":{"heartbeats":["heartbeats"]}}]}"#)
                == .subscriptions([]))
        for events in ["[]", "{}", "7", "[7]", "[{}]", #"[{"subscriptions":[]}]"#, #"[{"subscriptions":{"market_trades":"BTC-USD"}}]"#] {
            #expect(try feed.reply(#"{"channel":"subscriptions","events":\#(events)}"#) == .subscriptions([]), "\(events)")
        }
        #expect(
            try feed.reply(#"{"channel":"subscriptions","events":[{"subscriptions":{"market_trades":["A-B",7,["x"],"C-D"]}}]}"#)
                == .subscriptions(["A-B", "C-D"]))
        #expect(try feed.reply(#"{"type":"error","message":"failure to subscribe"}"#) == .refused(id: nil, symbol: nil, reason: "failure to subscribe"))
        #expect(
            try feed.reply(#"{"type":"error","message":"Failed to subscribe","reason":"GIBBERISH-USD is not a valid product"}"#)
                == .refused(id: nil, symbol: nil, reason: "GIBBERISH-USD is not a valid product"))
        #expect(try feed.reply(#"{"type":"error"}"#) == .refused(id: nil, symbol: nil, reason: "error"))
    }

    @Test func heartbeatsAreCountedAsMessages() throws {
        let heartbeat =
            #"{"channel":"heartbeats","client_id":"","timestamp":"2026-09-30T02:37:15.057895263Z","sequence_num":3,"events":[{"current_time":"2026-09-30 02:37:15.057778606 +0000 UTC m=+21697.195984854","heartbeat_counter":21697}]}"#
        #expect(try feed.reply(heartbeat) == .heartbeat)
        #expect(try feed.messageNumber(heartbeat) == 3)
        #expect(try feed.messageNumber(#"{"channel":"market_trades","sequence_num":0,"events":[]}"#) == 0)
        #expect(try feed.messageNumber(#"{"sequence_num":9223372036854775807}"#) == 9_223_372_036_854_775_807)
        for other in ["[]", "{}", "7", #"{"sequence_num":-1}"#, #"{"sequence_num":1.5}"#, #"{"sequence_num":null}"#, #"{"type":"error","message":"x"}"#] {
            #expect(try feed.messageNumber(other) == nil, "\(other)")
        }
    }

    @Test(arguments: ["{}", "[]", "7", #"{"channel":"l2_data"}"#, #"{"type":"match"}"#, #"{"channel":7,"type":7}"#])
    func letsOtherMessagesPass(message: String) throws { #expect(try feed.reply(message) == .other) }

    @Test func readsTheExchangesProducts() throws {
        let found = try feed.instruments(
            """
            [{"id":"BTC-GBP","base_currency":"BTC","quote_currency":"GBP","display_name":"BTC/GBP","trading_disabled":false,"status":"online","status_message":""},
            {"id":"OLD-USD","base_currency":"OLD","quote_currency":"USD","status":"delisted"},{"id":"X"},7]
            """)
        #expect(found.map(\.streamName) == ["BTC-GBP", "OLD-USD"])
        #expect(found.map(\.isTrading) == [true, false])
        #expect(found.allSatisfy { $0.restName == $0.streamName && $0.spellings == [$0.streamName] && $0.alias == nil })
    }

    @Test func anAliasCountsWhereItsTargetIsListed() throws {
        let list = """
            {"products":[
            {"product_id":"BTC-USD","base_currency_id":"BTC","quote_currency_id":"USD","status":"online","product_type":"SPOT","alias":"","alias_to":["BTC-USDC"]},
            {"product_id":"BTC-USDC","base_currency_id":"BTC","quote_currency_id":"USDC","status":"","product_type":"SPOT","alias":"BTC-USD","alias_to":[]},
            {"product_id":"EUR-USDC","base_currency_id":"EUR","quote_currency_id":"USDC","status":"online","product_type":"SPOT","alias":"EUR-USD"},
            {"product_id":"BIT-31OCT26-CDE","base_currency_id":"","quote_currency_id":"USD","status":"online","product_type":"FUTURE"}]}
            """
        let found = try feed.instruments(list)
        #expect(found.map(\.streamName) == ["BTC-USD", "BTC-USDC", "EUR-USDC"])
        #expect(found.map(\.alias) == [nil, "BTC-USD", nil])
        #expect(found.allSatisfy { $0.isTrading })
        for other in ["{}", "7", #"{"products":{}}"#, #"{"message":"NotFound"}"#] {
            #expect(throws: InstrumentListError.self) { try feed.instruments(other) }
        }
    }

    @Test func refusalsSayWhetherToComeBack() throws {
        #expect(try feed.refusal(429, #"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#) == .tooMany)
        #expect(try feed.refusal(404, #"{"message":"NotFound"}"#) == .never("NotFound"))
        #expect(try feed.refusal(503, #"{"message":"ServiceUnavailable"}"#) == .unavailable("ServiceUnavailable"))
        #expect(try feed.refusal(408, nil) == .unavailable("HTTP 408"))
        #expect(try feed.refusal(200, #"{"message":"x"}"#) == .unavailable("x"))
    }
}
