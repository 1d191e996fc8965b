import Foundation
import K2Bytes
import K2Domain
import K2Exchanges
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Normalize

/// Lines of one normalizer, and what it said to each.
struct NormalizerSession: ~Copyable {
    private var normalizer: Normalizer
    private(set) var records: [String] = []
    private(set) var refusals: [String] = []

    init(bronze: Bool = false, patience: Int64 = 2_000_000) {
        normalizer = Normalizer(catalog: .bundled(), writesBronze: bronze, gapPatience: patience)
    }

    var stats: NormalizeStats { normalizer.stats }
    var reason: String { normalizer.reason }

    /// The records that a line gives.
    @discardableResult
    mutating func line(_ text: String) -> [String] {
        var output = ByteWriter()
        let bytes = Array(text.utf8)
        normalizer.process(bytes.span, into: &output)
        refusals += normalizer.refusals
        return take(output)
    }

    mutating func end() -> [String] {
        var output = ByteWriter()
        normalizer.finish(into: &output)
        return take(output)
    }

    private mutating func take(_ output: borrowing ByteWriter) -> [String] {
        let lines = output.bytes.text.split(separator: "\n").map(String.init)
        records += lines
        return lines
    }

    /// A Binance trade of BTCUSDT received `seconds` after the start of 2026-10-01.
    @discardableResult
    mutating func trade(_ id: UInt64, at seconds: Int = 0, symbol: String = "BTCUSDT", price: String = "2", quantity: String = "3") -> [String] {
        line(RawText.binance(id, at: seconds, symbol: symbol, price: price, quantity: quantity))
    }
}

/// Texts of `raw` and `gap` records.
enum RawText {
    static func raw(_ message: String, _ exchange: String, at seconds: Int = 0, head: String = "") -> String {
        let time = "2026-10-01T00:0\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)Z"
        return "{\"kind\":\"raw\",\"exchange\":\"\(exchange)\",\(head)\"received_at\":\"\(time)\",\"connection\":\"c\",\"sequence\":1,\"message\":\(message)}"
    }

    static func binance(
        _ id: UInt64, at seconds: Int = 0, symbol: String = "BTCUSDT", price: String = "2", quantity: String = "3", time: Int = 1_790_812_800_000
    ) -> String {
        raw(
            #"{"e":"trade","E":1790812800001,"s":"\#(symbol)","t":\#(id),"p":"\#(price)","q":"\#(quantity)","T":\#(time),"m":true,"M":true}"#,
            "binance", at: seconds)
    }

    static func gap(_ first: UInt64, _ last: UInt64, symbol: String = "BTCUSDT") -> String {
        #"{"kind":"gap","exchange":"binance","symbol":"\#(symbol)","first_missing":\#(first),"last_missing":\#(last),"state":"open","cause":"reconnect","detected_at":"2026-10-01T00:00:00.000000Z","extra":1}"#
    }
}

/// The member `name` of a record, as text.
func member(_ name: String, _ record: String) throws -> String? {
    let object = try #require(JSONSerialization.jsonObject(with: Data(record.utf8)) as? [String: Any], "\(record)")
    return object[name].map { "\($0)" }
}

@Suite struct NormalizerDuplicateTests {
    @Test func dropsADuplicateOfAnotherMessage() throws {
        var session = NormalizerSession()
        #expect(session.trade(1).count == 1)
        #expect(session.trade(2).count == 1)
        #expect(session.trade(1).isEmpty)
        #expect(session.trade(2, price: "9").isEmpty)
        #expect(session.trade(1, symbol: "ETHUSDT").count == 1)
        #expect(session.stats.duplicates == 2)
        #expect(session.stats.trades == 3)
    }

    @Test func dropsADuplicateWithinAMessage() throws {
        var session = NormalizerSession()
        let trade = #"{"symbol":"BTC/USD","side":"buy","price":1.5,"qty":1,"ord_type":"limit","trade_id":7,"timestamp":"2026-10-01T00:00:00Z"}"#
        #expect(session.line(RawText.raw(#"{"channel":"trade","type":"snapshot","data":[\#(trade),\#(trade)]}"#, "kraken")).count == 1)
        #expect(session.line(RawText.raw(#"{"channel":"trade","type":"update","data":[\#(trade)]}"#, "kraken")).isEmpty)
        #expect(session.stats.duplicates == 2)
    }

    @Test func theSameIdentityFromStreamAndPageIsOneTrade() throws {
        var session = NormalizerSession()
        session.trade(1_111_471_896)
        let row = #"{"id":1111471896,"price":"2.00","qty":"3.0","quoteQty":"6","time":1634943219887,"isBuyerMaker":true,"isBestMatch":true}"#
        let records = session.line(RawText.raw("[\(row)]", "binance", head: #""origin":"rest","request":"/api/v3/historicalTrades?symbol=BTCUSDT","#))
        #expect(records.isEmpty)
    }

    @Test func spellingsOfOneInstrumentShareIdentities() throws {
        var session = NormalizerSession()
        let v2 = #"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.5,"qty":1,"ord_type":"limit","trade_id":61044952,"timestamp":"2026-10-01T00:00:00Z"}]}"#
        #expect(session.line(RawText.raw(v2, "kraken")).count == 1)
        let page = #"{"error":[],"result":{"XXBTZUSD":[["1.50000","1.0",1790812800.0000001,"b","l","",61044952]],"last":"1"}}"#
        #expect(session.line(RawText.raw(page, "kraken", head: #""origin":"rest","request":"/0/public/Trades?pair=XBTUSD","#)).isEmpty)
    }

    @Test func equalTradesWithoutIdAreKeptWithinAMessageAndDroppedAcross() throws {
        var session = NormalizerSession()
        let row = #"["354.0","0.28","1618678150.826417","s","m",""]"#
        let message = RawText.raw(#"[1,[\#(row),\#(row),\#(row)],"trade","XBT/USD"]"#, "kraken")
        let records = session.line(message)
        #expect(records.count == 3)
        #expect(Set(try records.map { try member("trade_id", $0) }).count == 3)
        #expect(session.line(message).isEmpty)
        #expect(session.stats.duplicates == 3)
    }

    @Test func tradesWithoutIdThatDifferInAnythingAreDifferent() throws {
        var session = NormalizerSession()
        let rows = [
            #"["1e-8","1","1618678150.826417","s","m",""]"#, #"["2e-8","1","1618678150.826417","s","m",""]"#, #"["2e-8","2e0","1618678150.826417","s","m",""]"#,
            #"["2e-8","2e0","1618678150.826418","s","m",""]"#, #"["2e-8","2e0","1618678150.826418","b","m",""]"#,
            #"["2e-8","2e0","1618678150.826418","b","l",""]"#,
        ]
        for row in rows { #expect(session.line(RawText.raw(#"[1,[\#(row)],"trade","XBT/USD"]"#, "kraken")).count == 1, "\(row)") }
        #expect(session.line(RawText.raw(#"[1,[\#(rows[0])],"trade","XBT/EUR"]"#, "kraken")).count == 1)
        for row in rows { #expect(session.line(RawText.raw(#"[1,[\#(row)],"trade","XBT/USD"]"#, "kraken")).isEmpty, "\(row)") }
    }
}

@Suite struct NormalizerGapTests {
    @Test func aHoleBecomesAGapRecordAfterItsPatience() throws {
        var session = NormalizerSession()
        session.trade(10)
        session.trade(14, at: 1)
        #expect(session.trade(15, at: 2).count == 1)
        let records = session.trade(16, at: 3)
        #expect(records.count == 2)
        let gap = try #require(records.first { $0.hasPrefix("{\"kind\":\"gap\"") })
        #expect(gap == """
            {"kind":"gap","exchange":"binance","symbol":"BTCUSDT","first_missing":11,"last_missing":13,"after_time":"2026-10-01T00:00:00.000000Z",\
            "before_time":"2026-10-01T00:00:00.000000Z","state":"open","cause":"id_hole","detected_at":"2026-10-01T00:00:01.000000Z"}
            """)
        for id in [11, 12] as [UInt64] { #expect(session.trade(id, at: 4).count == 1) }
        let filled = session.trade(13, at: 5)
        #expect(filled.count == 2)
        #expect(try member("state", try #require(filled.last)) == "filled")
        #expect(try member("cause", try #require(filled.last)) == "late_trades")
        #expect(session.end().isEmpty)
        #expect(session.stats.gapsFound == 1 && session.stats.gapsFilled == 1)
    }

    @Test func gapRecordsPassThroughUnchangedAndCoverTheirHole() throws {
        var session = NormalizerSession()
        session.trade(10)
        #expect(session.line(RawText.gap(11, 13)) == [RawText.gap(11, 13)])
        session.trade(14, at: 1)
        #expect(session.end().isEmpty)
        #expect(session.stats.gapsPassed == 1 && session.stats.gapsFound == 0)
    }

    @Test func aGapRecordBehindTheTradesCoversTheirHoleToo() throws {
        var session = NormalizerSession()
        session.trade(10)
        session.trade(14, at: 1)
        session.line(RawText.gap(11, 13))
        #expect(session.end().isEmpty)
    }

    @Test func aGapRecordOfAnUnknownSymbolPassesToo() throws {
        var session = NormalizerSession()
        #expect(session.line(RawText.gap(1, 2, symbol: "NOSUCH")).count == 1)
    }

    @Test func aBrokenGapRecordIsRefused() throws {
        var session = NormalizerSession()
        #expect(session.line(RawText.gap(13, 11)).isEmpty)
        #expect(session.refusals == ["gap: last_missing: expected an id not below first_missing, found 11"])
    }
}

@Suite struct NormalizerRecordTests {
    @Test func tradesOfOneMessageComeByRisingId() throws {
        var session = NormalizerSession()
        let trades = [5, 3, 4, 1, 2].map {
            #"{"product_id":"BTC-USD","trade_id":"\#($0)","price":"1","size":"1","time":"2026-10-01T00:00:00Z","side":"BUY"}"#
        }
        let message = #"{"channel":"market_trades","timestamp":"2026-10-01T00:00:00Z","sequence_num":1,"events":[{"type":"update","trades":[\#(trades.joined(separator: ","))]}]}"#
        let records = session.line(RawText.raw(message, "coinbase"))
        #expect(try records.map { try member("source_sequence", $0) } == ["1", "2", "3", "4", "5"])
        #expect(session.end().isEmpty)
    }

    @Test(arguments: [
        ("0", "1", "price_not_positive"), ("0.00", "1", "price_not_positive"), ("-1", "1", "price_not_positive"), ("1", "0", "quantity_not_positive"),
        ("1", "-0.5", "quantity_not_positive"), ("1", "-0", "quantity_not_positive"),
    ])
    func notPositiveIsKeptAndFlagged(price: String, quantity: String, reason: String) throws {
        var session = NormalizerSession()
        let record = try #require(session.trade(1, price: price, quantity: quantity).first)
        #expect(record.contains("\"is_valid\":false,\"validation_errors\":[\"\(reason)\"]"))
        #expect(session.stats.invalid == 1 && session.stats.trades == 1)
        #expect(session.refusals.isEmpty)
    }

    @Test func bothReasonsAreNamed() throws {
        var session = NormalizerSession()
        let record = try #require(session.trade(1, symbol: "NEWUSDT", price: "0", quantity: "0").first)
        #expect(record.contains("\"is_valid\":false,\"validation_errors\":[\"instrument_inferred\",\"price_not_positive\",\"quantity_not_positive\"]"))
    }

    @Test func anInferredInstrumentIsValidAndSaysSo() throws {
        var session = NormalizerSession()
        let record = try #require(session.trade(1, symbol: "NEWUSDT").first)
        #expect(record.contains("\"symbol\":\"NEWUSDT\",\"canonical_symbol\":\"NEW/USDT\""))
        #expect(record.contains("\"is_valid\":true,\"validation_errors\":[\"instrument_inferred\"]"))
    }

    @Test(arguments: [
        ("0.0000000000001", "1", "price: expected at most 38 digits, 12 of them decimals, found 0.0000000000001"),
        ("1", "1.0000000000001", "quantity: expected at most 38 digits, 12 of them decimals, found 1.0000000000001"),
        ("100000000000000000000000000", "1", "price: expected at most 38 digits, 12 of them decimals, found 100000000000000000000000000"),
        ("0.000000000001", "0.000000000001", "quote volume: expected at most 38 digits, 18 of them decimals, found 0.000000000001 times 0.000000000001"),
        ("10000000000", "10000000000", "quote volume: expected at most 38 digits, 18 of them decimals, found 10000000000 times 10000000000"),
    ])
    func aValueThatDoesNotFitIsRefusedNeverRounded(price: String, quantity: String, reason: String) throws {
        var session = NormalizerSession()
        #expect(session.trade(1, price: price, quantity: quantity).isEmpty)
        #expect(session.refusals == ["binance trade: \(reason)"])
        #expect(session.stats.rejected == 1)
    }

    @Test func theLargestValuesThatFitAreKept() throws {
        for (price, quantity) in [("99999999999999999999999999.999999999999", "0.000001"), ("9999999999.999999", "9999999999.999999999999"), ("0.000000000001", "0.000001")] {
            var session = NormalizerSession()
            let record = try #require(session.trade(1, price: price, quantity: quantity).first)
            #expect(try member("price", record) == price)
            #expect(try member("quantity", record) == quantity)
            #expect(session.refusals.isEmpty)
        }
    }

    @Test func randomDecimalsComeOutAsTheyWentIn() throws {
        var random = Seeded.start()
        var session = NormalizerSession(bronze: true)
        for id in 1...1_000 as ClosedRange<UInt64> {
            func decimal(_ whole: Int, _ scale: Int) -> String {
                let digits = random.int(0...scale)
                return "\(random.int(0...whole))" + (digits > 0 ? "." + random.digits(digits) : "")
            }
            let (price, quantity) = (decimal(999_999, 10), decimal(99_999, 8))
            let records = session.trade(id, price: price, quantity: quantity)
            #expect(records.count == 2)
            for record in records {
                #expect(record.contains("\"price\":\"\(price)\",\"quantity\":\"\(quantity)\""))
                let exact = try #require(FixedDecimal(price)?.multiplied(by: FixedDecimal(quantity)!))
                #expect(try member("quote_volume", record) == exact.description)
            }
        }
    }

    @Test func timesBeforeCoinsAndFarInTheFutureAreFlagged() throws {
        var session = NormalizerSession()
        let none = #"{"type":"match","trade_id":7,"side":"sell","size":"1","price":"2","product_id":"BTC-USD","sequence":1,"time":"0001-01-01T00:00:00.000000Z"}"#
        let future = #"{"type":"match","trade_id":8,"side":"sell","size":"1","price":"2","product_id":"BTC-USD","sequence":1,"time":"9999-12-31T23:59:59.999999Z"}"#
        let first = try #require(session.line(RawText.raw(none, "coinbase", at: 9)).first)
        #expect(try member("timestamp", first) == "2026-10-01T00:00:09.000000Z")
        #expect(first.contains("\"is_valid\":true,\"validation_errors\":[\"timestamp_from_receipt\"]"))
        let second = try #require(session.line(RawText.raw(future, "coinbase")).first)
        #expect(second.contains("\"is_valid\":false,\"validation_errors\":[\"timestamp_in_future\"]"))
    }

    @Test func originIsSnapshotWhereTheMessageSaysSo() throws {
        var session = NormalizerSession()
        func kraken(_ type: String, _ id: Int, head: String = "") throws -> String? {
            let message = #"{"channel":"trade","type":"\#(type)","data":[{"symbol":"BTC/USD","side":"buy","price":1,"qty":1,"ord_type":"limit","trade_id":\#(id),"timestamp":"2026-10-01T00:00:00Z"}]}"#
            return try member("origin", try #require(session.line(RawText.raw(message, "kraken", head: head)).first))
        }
        #expect(try kraken("update", 1) == "stream")
        #expect(try kraken("snapshot", 2) == "snapshot")
        #expect(try kraken("update", 3, head: #""origin":"snapshot","#) == "snapshot")
        #expect(try kraken("snapshot", 4, head: #""origin":"rest","#) == "rest")
    }

    @Test func bronzeComesBeforeItsTrade() throws {
        var session = NormalizerSession(bronze: true)
        let records = session.trade(1)
        #expect(try records.map { try member("kind", $0) } == ["bronze", "trade"])
    }

    @Test func otherKindsAreSkippedAndCounted() throws {
        var session = NormalizerSession()
        for kind in ["trade", "bronze", "candle", "dead_letter", "new"] { #expect(session.line("{\"kind\":\"\(kind)\"}").isEmpty) }
        #expect(session.stats.skipped == 5)
        #expect(session.refusals.isEmpty)
    }
}

@Suite struct NormalizerRefusalTests {
    @Test(arguments: [
        ("", "line: empty line, expected a JSON value"), ("{", "line: broken JSON (byte 1)"), ("[1,2]", "line: expected a record with a kind"),
        ("7", "line: expected a record with a kind"), ("{}", "line: expected a record with a kind"), (#"{"kind":7}"#, "line: expected a record with a kind"),
        (#"{"kind":"raw"}"#, "raw: exchange: expected this member, found nothing"), ("{\"kind\":\"raw\u{1}\"}", "line: broken JSON string"),
        (#"{"kind":"raw","exchange":"binance","received_at":"2026-10-01T00:00:00Z","message":7}"#,
            #"binance message: message: expected an object or a page, found "7" (byte 82)"#),
    ])
    func namesWhatIsWrong(line: String, reason: String) {
        var session = NormalizerSession()
        #expect(session.line(line).isEmpty)
        #expect(session.refusals == [reason])
        #expect(session.stats.rejected == 1)
        #expect(!reason.contains("\n"))
    }

    @Test func oneBadTradeDoesNotHinderTheOthers() throws {
        var session = NormalizerSession()
        func trade(_ id: Int, _ price: String) -> String {
            #"{"symbol":"BTC/USD","side":"buy","price":\#(price),"qty":1,"ord_type":"limit","trade_id":\#(id),"timestamp":"2026-10-01T00:00:00Z"}"#
        }
        let records = session.line(RawText.raw(#"{"channel":"trade","type":"update","data":[\#(trade(1, "1")),\#(trade(2, "1e400")),\#(trade(3, "3"))]}"#, "kraken"))
        #expect(records.count == 2)
        #expect(session.refusals.count == 1)
        #expect(session.refusals.first?.hasPrefix("kraken trade: price: expected a decimal of at most 38 digits, found \"1e400\" (byte ") == true)
    }

    @Test func aLineWithManyBadTradesGivesAShortReason() throws {
        var session = NormalizerSession()
        let rows = Array(repeating: "[]", count: 50_000).joined(separator: ",")
        session.line(RawText.raw(#"[1,[\#(rows)],"trade","XBT/USD"]"#, "kraken"))
        #expect(session.stats.rejected == 50_000)
        #expect(session.reason.hasSuffix("; and 49980 more"))
        #expect(session.reason.utf8.count < 5_000)
        session.line("{")
        #expect(session.reason == "line: broken JSON (byte 1)")
    }

    @Test func manyEqualTradesWithoutIdTakeNoQuadraticTime() throws {
        var session = NormalizerSession()
        let rows = Array(repeating: #"["1","1","1618678150.826417","s","m",""]"#, count: 20_000).joined(separator: ",")
        #expect(session.line(RawText.raw(#"[1,[\#(rows)],"trade","XBT/USD"]"#, "kraken")).count == 20_000)
    }

    @Test func controlMessagesAreCountedByTypeAndUnknownOnesRefused() throws {
        var session = NormalizerSession()
        session.line(RawText.raw(#"{"channel":"heartbeat"}"#, "kraken"))
        session.line(RawText.raw(#"{"channel":"heartbeats"}"#, "coinbase"))
        session.line(RawText.raw(#"{"result":null,"id":1}"#, "binance"))
        #expect(session.refusals.isEmpty)
        session.line(RawText.raw(#"{"channel":"ohlc"}"#, "kraken"))
        session.line(RawText.raw("{}", "binance"))
        #expect(session.stats.control == ["heartbeat": 2, "ack": 1])
        #expect(session.stats.unknown == ["kraken ohlc": 1, "binance without type": 1])
        #expect(session.refusals == ["kraken message: unknown type \"ohlc\"", "binance message: unknown type \"\""])
    }

    @Test func typesThatAnExchangeInventsDoNotFillMemory() {
        var session = NormalizerSession()
        for number in 0..<1_000 { session.line(RawText.raw("{\"channel\":\"c\(number)\"}", "kraken")) }
        #expect(session.stats.unknown.count <= NormalizeStats.maxTypes + 1)
        #expect(session.stats.unknown.values.reduce(0, +) == 1_000)
    }

    @Test func statsAreOneLine() {
        var session = NormalizerSession()
        session.trade(1)
        session.trade(1)
        session.line(RawText.raw(#"{"channel":"heartbeat"}"#, "kraken"))
        session.line("{")
        #expect(session.stats.description
            == "lines 4; messages 3; trades 1; duplicates 1; invalid 0; gaps found 0; gaps filled 0; gaps passed 0; control 1 (heartbeat 1); unknown 0; rejected 1; skipped 0")
    }
}
