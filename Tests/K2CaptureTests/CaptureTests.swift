import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Capture

private let time = "2026-09-21T14:13:20.000000Z"

private func envelope(_ exchange: String, _ origin: String, _ sequence: Int, _ message: String) -> String {
    #"{"kind":"raw","exchange":"\#(exchange)","origin":"\#(origin)","received_at":"\#(time)","connection":"b7f3","sequence":\#(sequence),"message":\#(message)}"#
        + "\n"
}

extension CapturedMessage {
    fileprivate var new: Int? { if case .trades(let new, _, _) = content { new } else { nil } }
    fileprivate var old: Int? { if case .trades(_, let old, _) = content { old } else { nil } }
    fileprivate var newest: Timestamp? { if case .trades(_, _, let newest) = content { newest?.time } else { nil } }
    fileprivate var reply: FeedReply? { if case .reply(let reply) = content { reply } else { nil } }
}

extension CapturedPage {
    fileprivate var ids: [UInt64]? { if case .page(let page, _, _) = self { page.ids } else { nil } }
    fileprivate var rows: Int? { if case .page(let page, _, _) = self { page.rows } else { nil } }
    fileprivate var cursor: UInt64? { if case .page(let page, _, _) = self { page.cursor } else { nil } }
    fileprivate var new: Int? { if case .page(_, let new, _) = self { new } else { nil } }
    fileprivate var newest: RefillAnchor? { if case .page(_, _, let newest) = self { newest } else { nil } }
    fileprivate var refusal: RESTRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}

/// The gap records among `lines`.
func gaps(_ lines: [String]) throws -> [GapLine] {
    var document = JSONDocument()
    var found: [GapLine] = []
    for line in lines where line.hasPrefix(#"{"kind":"gap""#) {
        let bytes = Array(line.utf8)
        try document.parse(bytes.span)
        found.append(try GapLine(document, text: bytes.span))
    }
    return found
}

@Suite struct CaptureMessageTests {
    private func bench(_ exchange: Exchange) -> CaptureBench { CaptureBench(exchange, [.make(exchange, "BTC"), .make(exchange, "ETH")]) }

    @Test func aBinanceTradeIsWrittenByteForByte() {
        var bench = bench(.binance)
        let text =
            #"{"stream":"btcusdt@trade","data":{"e":"trade","E":1789295137364123,"s":"BTCUSDT","t":388511,"p":"76745.18000000","q":"0.00065000","T":1789295137364123,"m":true,"M":true}}"#
        let captured = bench.message(text)
        #expect(captured.new == 1 && captured.old == 0 && captured.number == nil)
        #expect(captured.newest == micros(1_789_295_137_364_123))
        #expect(bench.taken() == envelope("binance", "stream", 1, text))
        #expect(bench.capture.series[0].highest == RefillAnchor(id: 388_511, time: micros(1_789_295_137_364_123)))
        // Once more: left out.
        #expect(bench.message(text).old == 1)
        #expect(bench.taken() == "")
        #expect(bench.capture.counts == CaptureCounts(messages: 2, trades: 1, duplicates: 1))
    }

    @Test func krakensDigitsAreKept() {
        var bench = bench(.kraken)
        let text =
            #"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,"ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}]}"#
        #expect(bench.message(text).new == 1)
        #expect(bench.taken() == envelope("kraken", "stream", 1, text))
    }

    @Test func coinbaseSendsTheNewestFirst() throws {
        var bench = bench(.coinbase)
        let text =
            #"{"channel":"market_trades","timestamp":"2026-09-30T02:39:59.551901038Z","sequence_num":247,"events":[{"type":"update","trades":[{"product_id":"ETH-USD","trade_id":"846155168","price":"2667.2","size":"0.1","time":"2026-09-30T02:39:59.5Z","side":"SELL"},{"product_id":"ETH-USD","trade_id":"846155167","price":"2667.2","size":"0.84275842","time":"2026-09-30T02:39:59.4104Z","side":"SELL"},{"product_id":"BTC-USD","trade_id":"7","price":"83000","size":"1","time":"2026-09-30T02:39:58Z","side":"BUY"}]}]}"#
        let captured = bench.message(text)
        #expect(captured.new == 3 && captured.number == 247)
        #expect(captured.newest == Timestamp("2026-09-30T02:39:59.5Z"))
        #expect(bench.taken() == envelope("coinbase", "stream", 1, text))
        // No hole between the two of the message.
        #expect(bench.capture.series.allSatisfy { $0.holes.isEmpty })
        #expect(bench.capture.series.map { $0.highest?.id } == [7, 846_155_168])
        #expect(bench.capture.series[1].settled.ranges == [846_155_167...846_155_168])
    }

    @Test func aSnapshotIsHistory() {
        for exchange in [Exchange.kraken, .coinbase] {
            let symbol = ModelSymbol.make(exchange, "BTC")
            var bench = CaptureBench(exchange, [symbol])
            let trades = (1...50).map { ModelTrade(id: $0, nanos: 1_790_000_000_000_000_000 + $0) }
            let captured = bench.message(ModelWire.message(exchange, symbol, trades, isSnapshot: true, number: 3))
            #expect(captured.new == 50 && captured.newest == nil)
            #expect(bench.taken().contains(#""origin":"snapshot""#))
        }
    }

    @Test func onlyMessagesWithSomethingNewAreWritten() {
        let symbol = ModelSymbol.make(.kraken, "BTC")
        var bench = CaptureBench(.kraken, [symbol])
        let trades = (1...4).map { ModelTrade(id: $0, nanos: 1_790_000_000_000_000_000 + $0) }
        bench.message(ModelWire.message(.kraken, symbol, Array(trades[0...1])))
        bench.message(ModelWire.message(.kraken, symbol, Array(trades[0...1])))
        bench.message(ModelWire.message(.kraken, symbol, [trades[1]]))
        let mixed = bench.message(ModelWire.message(.kraken, symbol, Array(trades[1...2])))
        #expect(mixed.new == 1 && mixed.old == 1)
        let doubled = bench.message(ModelWire.message(.kraken, symbol, [trades[3], trades[3]]))
        #expect(doubled.new == 1 && doubled.old == 1)
        let lines = bench.lines()
        #expect(lines.count == 3)
        #expect(lines.map { $0.contains(#""sequence":1,"#) || $0.contains(#""sequence":4,"#) || $0.contains(#""sequence":5,"#) } == [true, true, true])
    }

    @Test func repliesAreWrittenToo() {
        var bench = bench(.kraken)
        let text = #"{"channel":"heartbeat"}"#
        #expect(bench.message(text).reply == .heartbeat)
        #expect(bench.taken() == envelope("kraken", "stream", 1, text))
        var coinbase = self.bench(.coinbase)
        let beat = #"{"channel":"heartbeats","sequence_num":9,"events":[]}"#
        let captured = coinbase.message(beat)
        #expect(captured.reply == .heartbeat && captured.number == 9)
        var binance = self.bench(.binance)
        #expect(binance.message(#"{"result":null,"id":1}"#).reply == .acknowledged(id: 1, symbol: nil))
    }

    @Test func newlinesBetweenValuesBecomeSpaces() throws {
        var bench = bench(.binance)
        let text = "{\n\t\"result\" :\r\nnull,\"id\":1\n}\n"
        bench.message(text)
        #expect(bench.taken() == envelope("binance", "stream", 1, "{ \t\"result\" :  null,\"id\":1 } "))
        let trade =
            "{\"e\":\"trade\",\n\"E\":1789295137364,\"s\":\"BTCUSDT\",\"t\":1,\r\"p\":\"1.0\",\"q\":\"1\",\"T\":1789295137364,\"m\":true,\"x\":\"ü \\n \\u2028\"}"
        #expect(bench.message(trade).new == 1)
        let lines = bench.lines()
        #expect(lines.count == 1 && lines[0].contains(#""ü \n \u2028"}"#))
    }

    @Test(arguments: ["", "x", "{", "{\"a\":1}}", "{\"a\":\"\n\"}", "\u{0}", "hello \"you\" \\ \n\r\t\u{1}", "{\"a\":01}", "nul", "[1,]", "{} {}"])
    func whatIsNoJSONIsKeptAsText(text: String) throws {
        var bench = bench(.binance)
        guard case .garbage = bench.message(text).content else {
            Issue.record("taken for JSON: \(text)")
            return
        }
        let lines = bench.taken()
        #expect(lines.utf8.filter { $0 == 0x0a }.count == 1 && lines.utf8.last == 0x0a)
        let value = try JSONValue(parsing: Array(lines.utf8))
        #expect(value["message"]?.stringValue == text)
        #expect(bench.capture.counts.unreadable == 1)
    }

    @Test func bytesThatAreNoTextAreKeptAsFarAsPossible() throws {
        var bench = bench(.binance)
        guard case .garbage = bench.message([0x7b, 0xff, 0xfe, 0x22, 0x7d]).content else {
            Issue.record("taken for JSON")
            return
        }
        let line = bench.taken()
        #expect(try JSONValue(parsing: Array(line.utf8))["message"]?.stringValue == "{\u{fffd}\u{fffd}\"}")
    }

    @Test func aTradeThatCannotBeReadKeepsTheMessage() {
        let symbol = ModelSymbol.make(.kraken, "BTC")
        var bench = CaptureBench(.kraken, [symbol])
        let good = #"{"symbol":"BTC/USD","side":"buy","price":1,"qty":1,"ord_type":"limit","trade_id":5,"timestamp":"2026-09-25T17:48:26Z"}"#
        let bad = #"{"symbol":"BTC/USD","side":"buy","price":1,"qty":1,"ord_type":"limit","trade_id":"x","timestamp":"2026-09-25T17:48:26Z"}"#
        let first = bench.message(#"{"channel":"trade","type":"update","data":[\#(good)]}"#)
        #expect(first.new == 1)
        // Known, and one that nobody understands.
        let second = bench.message(#"{"channel":"trade","type":"update","data":[\#(good),\#(bad)]}"#)
        #expect(second.new == 0 && second.old == 1)
        #expect(bench.lines().count == 2)
        #expect(bench.capture.counts.unreadable == 1)
        // A message of a shape that it should not have, and one without any trade.
        #expect(bench.message(#"{"channel":"trade","data":7}"#).reply == .other)
        bench.message(#"{"channel":"trade","type":"update","data":[]}"#)
        #expect(bench.lines().count == 2)
        #expect(bench.capture.counts.unreadable == 2)
    }

    @Test func aSymbolNobodyAskedForCountsAsWell() throws {
        var bench = bench(.binance)
        let symbol = ModelSymbol.make(.binance, "SOL")
        bench.message(ModelWire.message(.binance, symbol, [ModelTrade(id: 1, nanos: 1_790_000_000_000_000_000)]))
        bench.message(ModelWire.message(.binance, symbol, [ModelTrade(id: 3, nanos: 1_790_000_000_000_000_000)]))
        #expect(bench.capture.series.map(\.name) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
        #expect(bench.capture.series[2].holes.map(\.range) == [2...2])
        #expect(bench.capture.find("SOLUSDT") == 2 && bench.capture.find("ETHUSDT") == 1 && bench.capture.find("XUSDT") == nil)
    }

    @Test func whatIsNoInstrumentIsWrittenEveryTime() {
        var bench = bench(.binance)
        var symbol = ModelSymbol.make(.binance, "Q")
        symbol.name = "QQQ"
        let trade = ModelWire.message(.binance, symbol, [ModelTrade(id: 1, nanos: 1_790_000_000_000_000_000)])
        let first = bench.message(trade)
        #expect(first.new == 0 && first.old == 0)
        bench.message(trade)
        #expect(bench.lines().count == 2)
        #expect(bench.capture.series.count == 2)
    }

    @Test func tradesWithoutIdsAreWrittenEveryTime() {
        var bench = bench(.kraken)
        let text = #"[993,[["354.04000000","0.28245396","1618678150.826417","s","m",""]],"trade","XBT/USD"]"#
        bench.message(text)
        bench.message(text)
        #expect(bench.lines().count == 2)
    }

    @Test func aJumpIsAHole() throws {
        let symbol = ModelSymbol.make(.coinbase, "BTC")
        var bench = CaptureBench(.coinbase, [symbol])
        let start: UInt64 = 1_790_000_000_000_000_000
        bench.message(ModelWire.message(.coinbase, symbol, [ModelTrade(id: 10, nanos: start + 10_000)]))
        bench.now += 5
        bench.message(ModelWire.message(.coinbase, symbol, [14, 15, 20].map { ModelTrade(id: $0, nanos: start + $0 * 1_000) }))
        _ = bench.taken()
        let seen = bench.now
        #expect(bench.capture.report(seenBefore: micros(seen), at: micros(seen), into: &bench.output).isEmpty)
        let reports = bench.capture.report(seenBefore: micros(seen + 1), at: micros(seen + 9), into: &bench.output)
        #expect(reports.map(\.report.hole.range) == [11...13, 16...19])
        let opened = try gaps(bench.lines())
        #expect(
            opened[0]
                == GapLine(
                    exchange: .coinbase, symbol: "BTCUSD", firstMissing: 11, lastMissing: 13, afterTime: micros(1_790_000_000_000_010),
                    beforeTime: micros(1_790_000_000_000_014), state: .open, cause: "stream", detectedAt: micros(seen)))
        #expect(opened.map(\.firstMissing) == [11, 16] && opened.map(\.lastMissing) == [13, 19])
        bench.message(ModelWire.message(.coinbase, symbol, [11, 12, 13].map { ModelTrade(id: $0, nanos: start + $0 * 1_000) }))
        bench.capture.settle(0, 16...17, as: .empty, cause: "proven")
        bench.capture.settle(0, 16...19, as: .lost, cause: "gone")
        _ = bench.taken()
        bench.capture.report(seenBefore: micros(0), at: micros(seen + 99), into: &bench.output)
        let closed = try gaps(bench.lines())
        #expect(closed.map(\.state) == [.filled, .empty, .lost])
        #expect(closed.map(\.firstMissing) == [11, 16, 18] && closed.map(\.lastMissing) == [13, 17, 19])
        #expect(closed.map(\.cause) == ["stream", "proven", "gone"])
        #expect(closed.allSatisfy { $0.detectedAt == micros(seen + 99) })
        #expect(bench.capture.counts.gaps == [2, 1, 1, 1] && bench.capture.counts.lostIDs == 2)
    }

    @Test func droppedRecordsAreLost() throws {
        var bench = bench(.kraken)
        bench.capture.writeLost("BTCUSD", 5...9, cause: "spool \"full\"\n", at: micros(7), into: &bench.output)
        let lines = bench.lines()
        #expect(
            try gaps(lines) == [
                GapLine(
                    exchange: .kraken, symbol: "BTCUSD", firstMissing: 5, lastMissing: 9, afterTime: nil, beforeTime: nil, state: .lost,
                    cause: "spool \"full\"\n", detectedAt: micros(7))
            ])
        #expect(bench.capture.counts.lostIDs == 5)
    }

    /// The hole's ends go into records as they are: the highest id that a message can hold.
    @Test func theHighestIdsAreWritten() throws {
        let symbol = ModelSymbol.make(.binance, "BTC")
        var bench = CaptureBench(.binance, [symbol])
        let highest = UInt64(Int64.max)
        for id in [0, 2, highest] { bench.message(ModelWire.message(.binance, symbol, [ModelTrade(id: id, nanos: 1_790_000_000_000_000_000)])) }
        _ = bench.taken()
        bench.capture.report(seenBefore: micros(.max), at: micros(bench.now), into: &bench.output)
        let found = try gaps(bench.lines())
        #expect(found.map(\.firstMissing) == [1, 3] && found.map(\.lastMissing) == [1, highest - 1] && found.map(\.state) == [.open, .lost])
    }
}

@Suite struct CapturePageTests {
    private let start: UInt64 = 1_790_000_000_000_000_000

    private func trades(_ ids: ClosedRange<UInt64>) -> [ModelTrade] { ids.map { ModelTrade(id: $0, nanos: start + $0 * 1_000_000) } }

    @Test(arguments: Exchange.allCases)
    func aPageIsOneLine(exchange: Exchange) throws {
        let symbol = ModelSymbol.make(exchange, "BTC")
        var bench = CaptureBench(exchange, [symbol])
        let request = ExchangeRegistry.feed(for: exchange).newestTrades(symbol.restName).target
        let body = ModelWire.page(exchange, symbol, trades(101...103))
        let page = bench.page([0x0a] + body, request)
        #expect(page.ids == [101, 102, 103] && page.rows == 3 && page.new == 3)
        #expect(page.newest == RefillAnchor(id: 103, time: micros(Int64(start / 1_000) + 103_000)))
        #expect(page.cursor == (exchange == .kraken ? start + 103_000_000 : nil))
        #expect(
            bench.taken()
                == #"{"kind":"raw","exchange":"\#(exchange.rawValue)","origin":"rest","received_at":"\#(time)","request":"\#(request)","message": \#(String(decoding: body, as: UTF8.self))}"#
                + "\n")
        #expect(bench.capture.series.count == 1)
        #expect(bench.capture.counts == CaptureCounts(pages: 1, backfilled: 3))
        // Nothing new: no line, but the ids are told.
        let again = bench.page(body, request)
        #expect(again.ids == [101, 102, 103] && again.new == 0)
        #expect(bench.taken() == "")
        // One that is not known yet.
        #expect(bench.page(ModelWire.page(exchange, symbol, trades(103...104)), request).new == 1)
        #expect(bench.lines().count == 1)
        #expect(bench.capture.counts == CaptureCounts(pages: 3, backfilled: 4, duplicates: 4))
    }

    @Test(arguments: Exchange.allCases)
    func anEmptyPageIsAPage(exchange: Exchange) {
        let symbol = ModelSymbol.make(exchange, "BTC")
        var bench = CaptureBench(exchange, [symbol])
        let page = bench.page(ModelWire.page(exchange, symbol, []), ExchangeRegistry.feed(for: exchange).newestTrades(symbol.restName).target)
        #expect(page.ids == [] && page.rows == 0 && page.new == 0 && page.newest == nil)
        #expect(bench.taken() == "")
    }

    @Test(arguments: Exchange.allCases)
    func aPageMayShowAHole(exchange: Exchange) {
        let symbol = ModelSymbol.make(exchange, "BTC")
        var bench = CaptureBench(exchange, [symbol])
        bench.message(ModelWire.message(exchange, symbol, trades(100...100)))
        bench.page(ModelWire.page(exchange, symbol, trades(105...106) + trades(109...109)), ExchangeRegistry.feed(for: exchange).newestTrades(symbol.restName).target)
        #expect(bench.capture.series[0].holes.map(\.range) == [101...104, 107...108])
        #expect(bench.capture.series[0].holes.map(\.cause) == ["history", "history"])
        // Pages are no sign that the stream lives.
        #expect(bench.capture.series[0].activity.lastMessage == micros(bench.now))
        #expect(bench.capture.series[0].activity.meanInterval == nil)
    }

    @Test func rowsThatCannotBeReadAreCounted() {
        let symbol = ModelSymbol.make(.binance, "BTC")
        var bench = CaptureBench(.binance, [symbol])
        let row = #"{"id":7,"price":"1","qty":"1","quoteQty":"1","time":1634943219887,"isBuyerMaker":true,"isBestMatch":true}"#
        let bad = #"{"id":8,"price":"one","qty":"1","quoteQty":"1","time":1634943219887,"isBuyerMaker":true,"isBestMatch":true}"#
        let page = bench.page("[\(row),\(bad)]", "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1&limit=1000")
        #expect(page.ids == [7] && page.rows == 2)
        #expect(bench.capture.counts.unreadable == 1)
        #expect(bench.lines().count == 1)
    }

    @Test func refusalsAreTold() {
        var bench = CaptureBench(.binance, [.make(.binance, "BTC")])
        let request = "/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000"
        #expect(bench.page(#"{"code":-1121,"msg":"Invalid symbol."}"#, request, status: 400).refusal == .never("Invalid symbol."))
        #expect(bench.page("<html>", request, status: 503).refusal == .unavailable("HTTP 503"))
        #expect(bench.page("", request).refusal == .unavailable("HTTP 200"))
        #expect(bench.page("<html>", request).refusal == .unavailable("an answer that is no page of trades"))
        #expect(bench.page("{}", request).refusal == .unavailable("HTTP 200"))
        #expect(bench.page(#""x""#, request).refusal != nil)
        #expect(bench.page("[]", request, status: 429).refusal == .tooMany)
        #expect(bench.taken() == "")
        var kraken = CaptureBench(.kraken, [.make(.kraken, "BTC")])
        let trades = "/0/public/Trades?pair=XBTUSD&count=1000"
        #expect(kraken.page(#"{"error":["EQuery:Unknown asset pair"]}"#, trades).refusal == .never("EQuery:Unknown asset pair"))
        #expect(kraken.page(#"{"error":["EAPI:Rate limit exceeded"]}"#, trades).refusal == .tooMany)
        #expect(kraken.page(#"{"error":[],"result":{"last":"0"}}"#, trades).refusal == .unavailable("HTTP 200"))
        #expect(kraken.taken() == "")
    }

    /// A symbol of an earlier run that no list names any more keeps its place and its open gap.
    @Test func anUnlistedSymbolGoesOn() throws {
        var bench = CaptureBench(.binance)
        let newest = RefillAnchor(id: 9, time: micros(bench.now))
        let hole = Hole(first: 4, last: 5, afterTime: nil, beforeTime: nil, detectedAt: newest.time, cause: "stream", isAnnounced: true)
        let state = CaptureState(exchange: .binance, symbols: [.init(name: "LUNAUSDT", newest: newest, holes: [hole])])
        bench.capture.addUnlisted(resuming: state.symbols[0])
        #expect(bench.capture.series[0].symbol == "LUNAUSDT" && bench.capture.series[0].restName == "LUNAUSDT")
        #expect(CaptureState(of: bench.capture) == state)
    }

    /// Escapes of the request are JSON's; the symbol in it is still found.
    @Test func requestsAreQuoted() {
        var bench = CaptureBench(.coinbase, [.make(.coinbase, "BTC")])
        let body = ModelWire.page(.coinbase, .make(.coinbase, "BTC"), trades(1...1))
        #expect(bench.page(body, "/products/BTC-USD/trades?x=\"\\").ids == [1])
        let lines = bench.lines()
        #expect(lines.count == 1 && lines[0].contains(#""request":"/products/BTC-USD/trades?x=\"\\","#))
    }
}
