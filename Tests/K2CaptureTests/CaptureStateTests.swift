import K2Domain
import K2Exchanges
import K2TestSupport
import Testing

@testable import K2Capture

private func hole(_ first: UInt64, _ last: UInt64, announced: Bool = true) -> Hole {
    Hole(
        first: first, last: last, afterTime: micros(1_790_000_000_000_001), beforeTime: nil, detectedAt: micros(1_790_000_000_000_003),
        cause: "stream \"x\"\n", isAnnounced: announced)
}

@Suite struct CaptureStateTests {
    private func read(_ text: String, _ exchange: Exchange = .kraken) throws -> CaptureState {
        try CaptureState(parsing: Array(text.utf8), exchange: exchange)
    }

    private func refusal(_ symbols: String) -> String? {
        do { _ = try read(#"{"version":1,"exchange":"kraken","symbols":[\#(symbols)]}"#) } catch { return "\(error)" }
        return nil
    }

    @Test func comesBackAsItWasWritten() throws {
        let state = CaptureState(
            exchange: .kraken,
            symbols: [
                .init(name: "BTC/USD", newest: RefillAnchor(id: 109_116_693, time: micros(1_790_000_000_123_456)), holes: []),
                .init(
                    name: "币安人生USDT", newest: RefillAnchor(id: UInt64(Int64.max), time: micros(0)),
                    holes: [hole(0, 1), hole(3, 3, announced: false), hole(1 << 53, UInt64(Int64.max) - 1)]),
            ])
        #expect(try CaptureState(parsing: state.bytes, exchange: .kraken) == state)
        #expect(state.bytes.last == 0x0a && state.bytes.filter { $0 == 0x0a }.count == 1)
        #expect(state["BTC/USD"]?.newest.id == 109_116_693)
        #expect(state["ETH/USD"] == nil)
        let empty = CaptureState(exchange: .binance)
        #expect(try CaptureState(parsing: empty.bytes, exchange: .binance) == empty)
    }

    @Test func isTheFormThatIsDocumented() throws {
        let state = CaptureState(
            exchange: .kraken,
            symbols: [.init(name: "BTC/USD", newest: RefillAnchor(id: 7, time: micros(1_790_000_000_000_000)), holes: [hole(2, 3)])])
        let text = String(decoding: state.bytes, as: UTF8.self)
        #expect(text.hasPrefix(#"{"version":1,"exchange":"kraken","symbols":[{"name":"BTC/USD","last_id":7,"last_time":"2026-"#))
        let big = CaptureState(exchange: .kraken, symbols: [.init(name: "B", newest: RefillAnchor(id: 1 << 53, time: micros(0)), holes: [])])
        #expect(String(decoding: big.bytes, as: UTF8.self).contains(#""last_id":"9007199254740992""#))
    }

    @Test(arguments: [
        "", "7", "[]", "{", "{}", "not json", #"{"version":2,"exchange":"kraken","symbols":[]}"#, #"{"version":"1","exchange":"kraken","symbols":[]}"#,
        #"{"version":1,"exchange":"binance","symbols":[]}"#, #"{"version":1,"symbols":[]}"#,
    ])
    func otherFilesAreRefused(text: String) {
        #expect(throws: CaptureState.Unreadable.self) { try read(text) }
    }

    @Test(arguments: [
        "7", "{}", #"{"name":"A","last_id":1}"#, #"{"name":"A","last_id":-1,"last_time":"2026-01-01T00:00:00Z"}"#,
        #"{"name":"A","last_id":1.5,"last_time":"2026-01-01T00:00:00Z"}"#, #"{"name":"A","last_id":1,"last_time":"yesterday"}"#,
        #"{"name":7,"last_id":1,"last_time":"2026-01-01T00:00:00Z"}"#,
        // Ids are of 63 bits on all exchanges, and the arithmetic relies on it.
        #"{"name":"A","last_id":"18446744073709551615","last_time":"2026-01-01T00:00:00Z"}"#,
        #"{"name":"A","last_id":"9223372036854775808","last_time":"2026-01-01T00:00:00Z"}"#,
    ])
    func badSymbolsAreRefused(symbol: String) throws {
        let refused = try #require(refusal(symbol), "\(symbol)")
        #expect(refused.contains("expected a symbol"))
    }

    @Test(arguments: [
        "7", #"{"first":1}"#, #"{"first":3,"last":2}"#, #"{"first":1,"last":100}"#, #"{"first":1,"last":101}"#, #"{"first":-1,"last":2}"#,
        #"{"first":1,"last":2,"detected_at":"x"}"#,
    ])
    func badHolesAreRefused(hole: String) {
        let time = #","detected_at":"2026-01-01T00:00:00Z""#
        let text = hole.contains("detected_at") || hole == "7" ? hole : String(hole.dropLast()) + time + "}"
        #expect(refusal(#"{"name":"A","last_id":100,"last_time":"2026-01-01T00:00:00Z","holes":[\#(text)]}"#) != nil, "\(text)")
    }

    /// Holes that overlap or stand in any order would be taken for settled without a word.
    @Test(arguments: ["[[50,60],[10,20]]", "[[10,20],[20,30]]", "[[10,20],[15,16]]", "[[10,20],[10,20]]"])
    func holesOutOfOrderAreRefused(ranges: String) throws {
        let pairs = ranges.dropFirst(2).dropLast(2).split(separator: "],[").map { $0.split(separator: ",") }
        let holes = pairs.map { #"{"first":\#($0[0]),"last":\#($0[1]),"detected_at":"2026-01-01T00:00:00Z"}"# }.joined(separator: ",")
        #expect(refusal(#"{"name":"A","last_id":100,"last_time":"2026-01-01T00:00:00Z","holes":[\#(holes)]}"#) != nil)
    }

    @Test func theSameSymbolTwiceIsRefused() {
        let symbol = #"{"name":"A","last_id":100,"last_time":"2026-01-01T00:00:00Z"}"#
        #expect(refusal(symbol) == nil)
        #expect(refusal(symbol + "," + symbol) != nil)
    }

    @Test func noBytesTrap() {
        var random = Seeded.start()
        let state = CaptureState(
            exchange: .kraken, symbols: [.init(name: "A", newest: RefillAnchor(id: 100, time: micros(1_790_000_000_000_000)), holes: [hole(3, 9), hole(12, 14)])])
        for _ in 0..<3_000 {
            var bytes = state.bytes
            for _ in 0..<random.int(1...3) { bytes[random.int(0...(bytes.count - 1))] = random.pick(Array("0123456789-\"{}[],: ".utf8)) }
            guard let read = try? CaptureState(parsing: bytes, exchange: .kraken) else { continue }
            for symbol in read.symbols {
                var series = SymbolSeries(name: "A", symbol: "A", restName: "A", resuming: symbol)
                for hole in series.holes {
                    for feed in Exchange.allCases.map({ ExchangeRegistry.feed(for: $0) }) {
                        _ = feed.refill(RefillHole(symbol: "A", first: hole.first, last: hole.last, afterTime: hole.afterTime)).next
                    }
                }
                _ = series.observe(UInt64(Int64.max), time: micros(0), receivedAt: micros(0), cause: "stream")
                _ = series.report(seenBefore: micros(.max))
            }
        }
    }
}
