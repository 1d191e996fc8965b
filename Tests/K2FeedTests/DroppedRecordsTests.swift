import K2Domain
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Feed

@Suite struct DroppedRecordsTests {
    private static func trade(_ symbol: String, _ id: Int) -> String {
        """
        {"kind":"raw","exchange":"binance","origin":"stream","received_at":"2026-02-18T00:00:00.000000Z","connection":"b7f3","sequence":17,\
        "message":{"e":"trade","E":1771372800000,"s":"\(symbol)","t":\(id),"p":"83744.30","q":"0.01","T":1771372800000,"m":true,"M":true}}
        """
    }

    private static func gap(_ first: Int, _ last: Int, _ state: String, _ symbol: String = "BTCUSDT", _ exchange: String = "binance") -> String {
        """
        {"kind":"gap","exchange":"\(exchange)","symbol":"\(symbol)","first_missing":\(first),"last_missing":\(last),\
        "state":"\(state)","cause":"stream","detected_at":"2026-02-18T00:00:00.000000Z"}
        """
    }

    private static func read(_ records: inout DroppedRecords, _ lines: [String]) -> DroppedRecords.Loss {
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        return records.read(bytes.span, exchange: .binance) { $0.replacing("XBT", with: "BTC") }
    }

    private static func text(_ loss: DroppedRecords.Loss) -> [String] { loss.ranges.map { "\($0.symbol) \($0.range.lowerBound)-\($0.range.upperBound)" } }

    @Test func idsOfTradesAreLostAndOtherRecordsAreKept() {
        var records = DroppedRecords()
        let gap = Self.gap(1, 2, "open", "ADAUSDT")
        let loss = Self.read(
            &records,
            [
                Self.trade("ETHUSDT", 7), Self.trade("BTCUSDT", 2), Self.trade("BTCUSDT", 1), gap, Self.trade("BTCUSDT", 5), Self.trade("XBTUSDT", 3),
                #"{"kind":"raw","exchange":"binance","received_at":"2026-02-18T00:00:00Z","message":{"result":null,"id":1}}"#, "garbage",
                #"{"kind":"note","text":"of a later version"}"#,
            ])
        #expect(Self.text(loss) == ["BTCUSDT 1-3", "BTCUSDT 5-5", "ETHUSDT 7-7"])
        #expect(loss.messages == 6)
        #expect(String(decoding: loss.otherLines, as: UTF8.self) == gap + "\n" + #"{"kind":"note","text":"of a later version"}"# + "\n")
    }

    @Test func nothingIsLostWithNothing() {
        var records = DroppedRecords()
        let loss = Self.read(&records, [])
        #expect(loss.messages == 0 && loss.ranges.isEmpty && loss.otherLines == [])
        // Not a whole line.
        let half = Array(Self.trade("BTCUSDT", 1).utf8)
        #expect(records.read(half.span, exchange: .binance) { $0 }.messages == 0)
    }

    /// The record that says that the hole was filled comes behind the one that says that its trades were dropped.
    @Test func lostIdsAreToldAgainBehindAGapRecordThatSpeaksOfThem() {
        var records = DroppedRecords()
        #expect(Self.text(Self.read(&records, (5...9).map { Self.trade("BTCUSDT", $0) })) == ["BTCUSDT 5-9"])
        #expect(Self.text(Self.read(&records, [Self.gap(1, 6, "filled"), Self.gap(9, 20, "open"), Self.trade("BTCUSDT", 30)])) == [
            "BTCUSDT 5-6", "BTCUSDT 9-9", "BTCUSDT 30-30",
        ])
        // Neither others nor such as say it themselves.
        #expect(Self.text(Self.read(&records, [Self.gap(5, 9, "lost"), Self.gap(5, 9, "open", "ETHUSDT"), Self.gap(5, 9, "filled", "BTCUSDT", "kraken")])) == [])
    }
}
