import K2Domain
import K2NDJSON
import Testing

@testable import K2Feed

private func gapText(_ first: Int, _ last: Int, _ state: String, _ symbol: String = "BTCUSD", _ exchange: String = "kraken") -> String {
    """
    {"kind":"gap","exchange":"\(exchange)","symbol":"\(symbol)","first_missing":\(first),"last_missing":\(last),\
    "after_time":"2026-02-18T00:00:00Z","state":"\(state)","detected_at":"2026-02-18T00:00:01Z"}
    """
}

@Suite struct OpenGapsTests {
    private static func stillOpen(_ lines: [String]) throws -> [String] {
        var gaps = OpenGaps(exchange: .kraken)
        for line in lines {
            let bytes = Array(line.utf8)
            try gaps.read(bytes.span)
        }
        return gaps.open.map { "\($0.symbol) \($0.first)-\($0.last)" }
    }

    @Test(arguments: ["filled", "empty", "lost"])
    func aLaterRecordSettlesAnEarlierOne(_ state: String) throws {
        #expect(try Self.stillOpen([gapText(10, 20, "open")]) == ["BTCUSD 10-20"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(10, 20, state)]) == [])
        // In parts: at its ends, inside, beyond it, and all of it in pieces.
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(10, 12, state)]) == ["BTCUSD 13-20"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(18, 20, state)]) == ["BTCUSD 10-17"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(15, 15, state)]) == ["BTCUSD 10-14", "BTCUSD 16-20"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(1, 11, state), gapText(19, 30, state)]) == ["BTCUSD 12-18"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(15, 20, state), gapText(10, 14, state)]) == [])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(1, 9, state), gapText(21, 30, state)]) == ["BTCUSD 10-20"])
        // One record for several gaps.
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(30, 40, "open"), gapText(15, 35, state)]) == ["BTCUSD 10-14", "BTCUSD 36-40"])
        // The last one counts: opened again.
        #expect(try Self.stillOpen([gapText(10, 20, state), gapText(12, 13, "open")]) == ["BTCUSD 12-13"])
    }

    private func gapText(_ first: Int, _ last: Int, _ state: String) -> String { line(first, last, state) }

    @Test func gapsThatOverlapAreAskedForOnce() throws {
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(10, 20, "open")]) == ["BTCUSD 10-20"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(15, 30, "open")]) == ["BTCUSD 10-14", "BTCUSD 15-30"])
        #expect(try Self.stillOpen([gapText(10, 20, "open"), gapText(12, 13, "open")]) == ["BTCUSD 10-11", "BTCUSD 12-13", "BTCUSD 14-20"])
    }

    @Test func symbolsAndExchangesAreApart() throws {
        let lines = [
            gapText(5, 6, "open", "ETHUSD"), gapText(1, 9, "open"), gapText(1, 9, "filled", "SOLUSD"),
            gapText(1, 9, "filled", "BTCUSD", "binance"), gapText(50, 60, "open", "BTCUSDT", "binance"),
            #"{"kind":"raw","exchange":"kraken","received_at":"2026-02-18T00:00:00Z","message":{}}"#, #"{"kind":"later"}"#,
        ]
        #expect(try Self.stillOpen(lines) == ["BTCUSD 1-9", "ETHUSD 5-6"])
    }

    @Test func timesStay() throws {
        var gaps = OpenGaps(exchange: .kraken)
        for text in [gapText(10, 20, "open"), gapText(12, 13, "filled")] {
            let bytes = Array(text.utf8)
            try gaps.read(bytes.span)
        }
        #expect(gaps.open.count == 2)
        for gap in gaps.open { #expect(gap.after == Timestamp("2026-02-18T00:00:00Z") && gap.before == nil) }
    }

    @Test func whatIsNoRecordIsAnError() {
        for text in ["", "{", #"{"kind":"gap"}"#, gapText(20, 10, "open"), gapText(1, 2, "closed")] {
            #expect(throws: RecordError.self, "\(text)") { _ = try Self.stillOpen([text]) }
        }
    }
}
