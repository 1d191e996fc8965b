import Foundation
import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON
import K2TestSupport
import Testing

/// A record of `text`, or the message of the error.
private func gap(_ text: String) throws -> Result<GapLine, RecordError> {
    let bytes = Array(text.utf8)
    var document = JSONDocument()
    try document.parse(bytes.span)
    do throws(RecordError) { return .success(try GapLine(document, text: bytes.span)) } catch { return .failure(error) }
}

private func written(_ gap: GapLine) -> String {
    var writer = ByteWriter()
    gap.write(to: &writer)
    return writer.bytes.text
}

/// The raw envelope as text, or the message of the error.
private func raw(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    var document = JSONDocument()
    try document.parse(bytes.span)
    var nodes: [Int32] = []
    do throws(RecordError) {
        let line = try RawLine(document, text: bytes.span, nodes: &nodes)
        let message = bytes.span.part(document.verbatim(line.message)).text
        return "\(line.exchange) \(line.origin) \(line.receivedAt) [\(bytes.span.part(line.request).text)] \(message)"
    } catch { return error.description }
}

@Suite struct GapLineTests {
    @Test func roundTrips() throws {
        var random = Seeded.start()
        for _ in 0..<500 {
            func time() -> Timestamp? {
                random.once(in: 4) ? nil : Timestamp(microseconds: Int64(random.int(0...4_000_000_000_000_000)))
            }
            let first = random.anyWidth() >> 2
            let line = GapLine(
                exchange: random.pick(Exchange.allCases), symbol: random.pick(["BTCUSDT", "A\"B\\", "É"]), firstMissing: first,
                lastMissing: first + (random.anyWidth() >> 2), afterTime: time(), beforeTime: time(), state: random.pick(GapState.allCases),
                cause: random.pick([nil, "id_hole", "a \"cause\"\n"]), detectedAt: Timestamp(microseconds: random.int(0...9) == 0 ? 0 : 1_771_372_800_023_596))
            #expect(try gap(written(line)).get() == line)
        }
    }

    @Test func hasItsMembersInOrder() {
        let line = GapLine(
            exchange: .binance, symbol: "BTCUSDT", firstMissing: 5, lastMissing: (1 << 53) + 1, afterTime: Timestamp(microseconds: 0),
            beforeTime: nil, state: .open, cause: "id_hole", detectedAt: Timestamp(microseconds: 1))
        #expect(written(line) == """
            {"kind":"gap","exchange":"binance","symbol":"BTCUSDT","first_missing":5,"last_missing":"9007199254740993","after_time":\
            "1970-01-01T00:00:00.000000Z","state":"open","cause":"id_hole","detected_at":"1970-01-01T00:00:00.000001Z"}
            """)
    }

    @Test(arguments: [
        (#""exchange":"mtgox","symbol":"A","first_missing":1,"last_missing":2,"state":"open","detected_at":"2026-01-01T00:00:00Z""#,
            #"exchange: expected binance, kraken or coinbase, found "mtgox""#),
        (#""exchange":"kraken","first_missing":1,"last_missing":2,"state":"open","detected_at":"2026-01-01T00:00:00Z""#,
            "symbol: expected this member, found nothing"),
        (#""exchange":"kraken","symbol":"A","first_missing":3,"last_missing":2,"state":"open","detected_at":"2026-01-01T00:00:00Z""#,
            "last_missing: expected an id not below first_missing, found 2"),
        (#""exchange":"kraken","symbol":"A","first_missing":-3,"last_missing":2,"state":"open","detected_at":"2026-01-01T00:00:00Z""#,
            "last_missing: expected an id not below first_missing, found 2"),
        (#""exchange":"kraken","symbol":"A","first_missing":1,"last_missing":2,"state":"gone","detected_at":"2026-01-01T00:00:00Z""#,
            #"state: expected open, filled, empty or lost, found "gone""#),
        (#""exchange":"kraken","symbol":"A","first_missing":1,"last_missing":2,"state":"open","detected_at":"yesterday""#,
            #"detected_at: expected an RFC 3339 time, found "yesterday""#),
    ])
    func refusesWhatIsNoGap(members: String, message: String) throws {
        let result = try gap("{\"kind\":\"gap\",\(members)}")
        #expect(throws: RecordError.self) { try result.get() }
        if case .failure(let error) = result { #expect(error.description == message) }
    }
}

@Suite struct RawLineTests {
    @Test func readsTheEnvelope() throws {
        #expect(try raw(
            #"{"kind":"raw","exchange":"binance","origin":"rest","received_at":"2026-02-18T00:00:00.5Z","connection":"b7f3","sequence":17,"request":"/a?b=c","message": [1, 2] }"#)
            == "binance rest 2026-02-18T00:00:00.500000Z [/a?b=c] [1, 2]")
        #expect(try raw(#"{"message":"x","new":1,"received_at":"2026-02-18T00:00:00Z","exchange":"kraken","kind":"raw"}"#)
            == "kraken stream 2026-02-18T00:00:00.000000Z [] \"x\"")
    }

    @Test(arguments: [
        (#""exchange":"kraken","received_at":"2026-02-18T00:00:00Z""#, "message: expected this member, found nothing"),
        (#""exchange":"kraken","received_at":"2026-02-18T00:00:00Z","message":null"#, "message: expected this member, found nothing"),
        (#""received_at":"2026-02-18T00:00:00Z","message":{}"#, "exchange: expected this member, found nothing"),
        (#""exchange":7,"received_at":"2026-02-18T00:00:00Z","message":{}"#, "exchange: expected a string, found 7"),
        (#""exchange":"Kraken","received_at":"2026-02-18T00:00:00Z","message":{}"#, #"exchange: expected binance, kraken or coinbase, found "Kraken""#),
        (#""exchange":"kraken","received_at":1771372800,"message":{}"#, "received_at: expected an RFC 3339 time, found 1771372800"),
        (#""exchange":"kraken","origin":"mars","received_at":"2026-02-18T00:00:00Z","message":{}"#, #"origin: expected stream, snapshot or rest, found "mars""#),
        (#""exchange":"kraken","request":{},"received_at":"2026-02-18T00:00:00Z","message":{}"#, "request: expected a string, found {}"),
    ])
    func refusesWhatIsNoEnvelope(members: String, message: String) throws {
        #expect(try raw("{\"kind\":\"raw\",\(members)}") == message)
    }
}

@Suite struct TradeLineTests {
    private let text = Array(#"76745.18000000|0.00065000|E|1789295137364|x|{"a":"b"}|{"t":1}"#.utf8)

    private func range(_ part: String) -> ByteRange {
        let whole = String(decoding: text, as: UTF8.self)
        let found = whole.range(of: part)!
        let start = whole.utf8.distance(from: whole.startIndex, to: found.lowerBound)
        return ByteRange(start, start + part.utf8.count)
    }

    private func values() -> TradeValues {
        var values = TradeValues()
        values.price = FixedDecimal("76745.18000000")!
        values.quantity = FixedDecimal("0.00065000")!
        values.quoteVolume = values.price.multiplied(by: values.quantity)!
        values.side = .sell
        values.timestamp = Timestamp(microseconds: 1_789_295_137_364_000)
        values.ingestionTimestamp = Timestamp(microseconds: 1_789_295_137_400_001)
        values.origin = .snapshot
        return values
    }

    @Test func aFullTradeHasItsMembersInOrder() {
        var all = values()
        all.priceText = range("76745.18000000")
        all.quantityText = range("0.00065000")
        all.sequence = 388_511
        let vendor = [
            NamedText(key: range("E"), value: range("1789295137364"), isStructured: false),
            NamedText(key: range("x"), value: range(#"{"a":"b"}"#), isStructured: true),
        ]
        var writer = ByteWriter()
        TradeLine.write(
            all, messageID: UUIDValue(bits: 1), tradeID: [UInt8]("BINANCE-388511".utf8).span,
            instrument: Array(#""exchange":"binance","symbol":"BTCUSDT""#.utf8), condition: "limit", vendorData: vendor[...], isValid: false,
            problems: ["instrument_inferred", "price_not_positive"], text: text.span, to: &writer)
        #expect(writer.bytes.text == """
            {"kind":"trade","message_id":"00000000-0000-0000-0000-000000000001","trade_id":"BINANCE-388511","exchange":"binance","symbol":"BTCUSDT",\
            "price":"76745.18000000","quantity":"0.00065000","quote_volume":"49.8843670000000000","side":"SELL","trade_conditions":["limit"],\
            "timestamp":"2026-09-13T10:25:37.364000Z","ingestion_timestamp":"2026-09-13T10:25:37.400001Z","source_sequence":388511,\
            "origin":"snapshot","vendor_data":{"E":"1789295137364","x":"{\\"a\\":\\"b\\"}"},"is_valid":false,\
            "validation_errors":["instrument_inferred","price_not_positive"]}

            """)
    }

    @Test func whatIsEmptyOrMissingIsLeftOut() {
        var writer = ByteWriter()
        TradeLine.write(
            values(), messageID: UUIDValue(bits: 0), tradeID: [UInt8]("K-1".utf8).span, instrument: Array(#""exchange":"kraken""#.utf8), condition: "",
            vendorData: [], isValid: true, problems: [], text: text.span, to: &writer)
        #expect(writer.bytes.text == """
            {"kind":"trade","message_id":"00000000-0000-0000-0000-000000000000","trade_id":"K-1","exchange":"kraken","price":"76745.18000000",\
            "quantity":"0.00065000","quote_volume":"49.8843670000000000","side":"SELL","timestamp":"2026-09-13T10:25:37.364000Z",\
            "ingestion_timestamp":"2026-09-13T10:25:37.400001Z","origin":"snapshot","is_valid":true}

            """)
    }

    @Test func bronzeCarriesThePayloadVerbatim() {
        var all = values()
        all.sequence = 1 << 60
        all.eventTime = Timestamp(microseconds: 0)
        var writer = ByteWriter()
        BronzeLine.write(
            all, exchange: .binance, symbol: [UInt8]("BTCUSDT".utf8).span, tradeID: [UInt8]("B-1".utf8).span, payload: range(#"{"t":1}"#), text: text.span,
            to: &writer)
        #expect(writer.bytes.text == """
            {"kind":"bronze","exchange":"binance","exchange_timestamp":"2026-09-13T10:25:37.364000Z","sequence_number":"1152921504606846976",\
            "trade_id":"B-1","symbol":"BTCUSDT","price":"76745.18000000","quantity":"0.00065000","quote_volume":"49.8843670000000000","side":"SELL",\
            "event_time":"1970-01-01T00:00:00.000000Z","ingestion_timestamp":"2026-09-13T10:25:37.400001Z","payload":{"t":1}}

            """)
    }
}

@Suite struct CandleLineTests {
    @Test func hasItsMembersInOrder() {
        func trade(_ time: Int64, _ sequence: UInt64?, _ price: String, _ quantity: String, isBuy: Bool) -> CandleTrade {
            let price = FixedDecimal(price)!, quantity = FixedDecimal(quantity)!
            return CandleTrade(
                time: Timestamp(microseconds: time), sequence: sequence, tieBreak: 0, price: price, quantity: quantity,
                quoteVolume: price.multiplied(by: quantity)!, isBuy: isBuy)
        }
        var candle = Candle(windowStart: Timestamp(microseconds: 0), trade: trade(2, 7, "10.5", "2", isBuy: true))
        let wasAdded = candle.add(trade(1, 9, "9.50", "1.5", isBuy: false))
        #expect(wasAdded)
        candle.revision = 3
        candle.isFinal = true
        var writer = ByteWriter()
        CandleLine.write(candle, exchange: .kraken, canonicalSymbol: Array("BTC/USD".utf8), interval: .oneMinute, to: &writer)
        #expect(writer.bytes.text == """
            {"kind":"candle","exchange":"kraken","canonical_symbol":"BTC/USD","interval":"1m","window_start":"1970-01-01T00:00:00.000000Z",\
            "open_time":"1970-01-01T00:00:00.000001Z","open_price":"9.50","high_price":"10.5","low_price":"9.50",\
            "close_time":"1970-01-01T00:00:00.000002Z","close_price":"10.5","volume":"3.5","quote_volume":"35.250","trade_count":2,\
            "buy_volume":"2.0","first_sequence":7,"last_sequence":9,"revision":3,"is_final":true,"has_gap":false}
            """)
    }
}

@Suite struct DeadLetterLineTests {
    private func written(_ input: [UInt8], reason: String = "why") -> String {
        var writer = ByteWriter()
        DeadLetterLine.write(tool: "k2-normalize", line: 17, reason: reason, input: input.span, to: &writer)
        return writer.bytes.text
    }

    @Test func keepsTextAsText() {
        #expect(written(Array("a \"b\"\t\u{0}é".utf8), reason: "price: \"x\"")
            == #"{"kind":"dead_letter","tool":"k2-normalize","line":17,"reason":"price: \"x\"","input":"a \"b\"\t\u0000é"}"# + "\n")
    }

    @Test func everyInputComesBackWhole() throws {
        var random = Seeded.start()
        for length in 0..<400 {
            let input = random.once(in: 2) ? random.bytes(length) : Array(random.digits(length).utf8)
            let line = written(input)
            #expect(line.hasSuffix("}\n"))
            let record = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            if let text = record["input"] as? String {
                #expect(Array(text.utf8) == input)
            } else {
                #expect(String(validating: input, as: UTF8.self) == nil)
                #expect(record["input_base64"] as? String == Data(input).base64EncodedString())
            }
        }
    }
}
