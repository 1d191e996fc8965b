import K2CLI
import K2Domain
import K2TestSupport
import Testing

@testable import K2Feed

@Suite struct SymbolsFileTests {
    private static func parse(_ text: String) throws -> [Exchange: [String]] {
        try SymbolsFile.parse(Array(text.utf8), path: "i.yaml").symbols
    }

    @Test func theOldPlatformsFileIsRead() throws {
        let text = """
            # One file for all feeds.
            version: "1.0"
            instruments:
              binance:
                symbols: [BTCUSDT, ETHUSDT, BNBUSDT]
                partitions: 40
              kraken:
                symbols:
                  - XBT/USD
                  - ETH/USD   # spot
                  - XDG/USD
              coinbase:
                symbols: ["BTC-USD", 'ETH-USD']
            kafka: {acks: all}
            """
        let expected: [Exchange: [String]] = [
            .binance: ["BTCUSDT", "ETHUSDT", "BNBUSDT"], .kraken: ["XBT/USD", "ETH/USD", "XDG/USD"], .coinbase: ["BTC-USD", "ETH-USD"],
        ]
        #expect(try Self.parse(text) == expected)
        let folder = try TestFolder()
        let path = try folder.file("instruments.yaml", Array(text.utf8))
        #expect(try SymbolsFile.read(path).symbols == expected)
        #expect(try SymbolsFile.read(path, exchange: .coinbase) == ["BTC-USD", "ETH-USD"])
        let other = try folder.file("other.yaml", Array("kraken: [A]".utf8))
        #expect(try SymbolsFile.read(other, exchange: .coinbase) == [])
    }

    @Test(arguments: [
        ("binance: [A, B]", ["A", "B"]),
        ("binance: {instruments: [A, B]}", ["A", "B"]),
        ("binance: {symbols: [{symbol: A, base: x}, B]}", ["A", "B"]),
        ("instruments: {binance: [{symbol: A, enabled: false}, {symbol: B, enabled: true}, {symbol: C, enabled: No}]}", ["B"]),
        ("binance: {enabled: false, symbols: [A]}", []),
        ("binance: {enabled: off}", []),
        ("binance: {symbols: []}", []),
        ("binance: [A, B, A]", ["A", "B"]),
        // No symbol is taken for something else.
        ("binance: [ON, 1INCHUSDT, 1000, NO, 1e5, 'null']", ["ON", "1INCHUSDT", "1000", "NO", "1e5", "null"]),
        ("a: &list [A, B]\nbinance: *list", ["A", "B"]),
        ("{\"binance\": {\"symbols\": [\"A\"]}, \"okx\": 5}", ["A"]),
        ("---\nbinance: [A]\n---\nbinance: [B]\n", ["A"]),
    ])
    func otherShapesAreRead(_ text: String, _ symbols: [String]) throws { #expect(try Self.parse(text)[.binance] == symbols) }

    @Test(arguments: [
        ("", "i.yaml:1: instruments: expected a mapping of exchanges, found nothing"),
        ("\n# nothing\n", "i.yaml:1: instruments: expected a mapping of exchanges, found nothing"),
        ("[A, B]", "i.yaml:1: instruments: expected a mapping of exchanges, found a list"),
        ("a: 1\ninstruments: all", "i.yaml:2: instruments: expected a mapping of exchanges, found \"all\""),
        ("instruments:\n  okx: [A]\n", "i.yaml:2: instruments: expected one of the exchanges binance, kraken, coinbase, found \"okx\""),
        ("instruments: {}", "i.yaml:1: instruments: expected one of the exchanges binance, kraken, coinbase, found none"),
        ("binance: BTCUSDT", "i.yaml:1: binance: expected a list of symbols, found \"BTCUSDT\""),
        ("\nbinance:\n", "i.yaml:2: binance: expected a list of symbols, found nothing"),
        ("binance:\n  partitions: 40", "i.yaml:2: binance: expected symbols, found none"),
        ("binance:\n  symbols: {A: 1}", "i.yaml:2: symbols of binance: expected a list of symbols, found a mapping"),
        ("binance:\n  - A\n  - [B]", "i.yaml:3: binance: expected a symbol, found a list"),
        ("binance:\n  - A\n  -\n  - B", "i.yaml:3: binance: expected a symbol, found nothing"),
        ("binance:\n  - A\n  - \"\"", "i.yaml:3: binance: expected a symbol, found \"\""),
        ("binance:\n  - A\n  - base: B", "i.yaml:3: binance: expected a symbol, found a mapping without one"),
        ("binance:\n  symbols: [A]\n  enabled: maybe", "i.yaml:3: enabled of binance: expected true or false, found \"maybe\""),
        ("binance: [A]\nbinance: [B]", "i.yaml:2: binance: named twice"),
        ("binance:\n  symbols: [A]\n  symbols: [B]", "i.yaml:3: binance: symbols stands there twice"),
        ("binance:\n  symbols: [A, B\nkraken: x", "i.yaml:3: not YAML: did not find expected ',' or ']'"),
        ("binance: [A]\n\tkraken: [B]", "i.yaml:2: not YAML: found character that cannot start any token"),
        ("binance: *unknown", "i.yaml:1: not YAML: found undefined alias"),
    ])
    func mistakesAreSaidWithTheirLine(_ text: String, _ message: String) throws {
        let failure = #expect(throws: ToolFailure.self) { try Self.parse(text) }
        #expect(failure?.status == .usage && failure?.message == message)
    }

    @Test func bytesThatAreNoTextAreRefused() throws {
        let text = Array("binance:\n - A\n - ".utf8) + [0xff, 0x0a]
        let failure = #expect(throws: ToolFailure.self) { try SymbolsFile.parse(text, path: "i.yaml") }
        #expect(failure?.status == .usage && failure?.message == "i.yaml:3: not YAML: invalid leading UTF-8 octet")
    }

    @Test func aMissingFileIsSaid() throws {
        let folder = try TestFolder()
        let path = try folder.file("missing.yaml")
        let failure = #expect(throws: ToolFailure.self) { try SymbolsFile.read(path) }
        #expect(failure?.status == .noInput)
        #expect(failure?.message == "\(path): cannot open instruments file: no such file or directory")
    }

    @Test func bombsAndDepthsAreHarmless() throws {
        let bomb = "k0: &a0 [x, x]\n" + (1...25).map { "k\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
        #expect(throws: ToolFailure.self) { try Self.parse(bomb + "binance: *a25") }
        #expect(throws: ToolFailure.self) { try Self.parse(String(repeating: "[", count: 5_000)) }
        #expect(throws: ToolFailure.self) { try Self.parse("binance: &a [*a]") }
    }

    @Test func noiseIsAnErrorOrAResult() throws {
        var random = Seeded.start()
        let words = [
            "binance", "kraken", ":", " ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "symbols", "&a", "*a", "\"", "'", "#", "|", "~", "A",
        ]
        for _ in 0..<3_000 {
            let text = (0..<random.int(1...30)).map { _ in random.pick(words) }.joined()
            do { _ = try Self.parse(text) } catch let failure as ToolFailure {
                #expect(failure.status == .usage && failure.message.hasPrefix("i.yaml:") && !failure.message.contains("\n"), "\(text)")
            }
        }
    }
}
