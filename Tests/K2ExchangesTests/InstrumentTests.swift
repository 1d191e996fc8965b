import K2Bytes
import K2Domain
import K2Exchanges
import K2TestSupport
import Testing

extension InstrumentCatalog {
    fileprivate mutating func find(_ spelling: String, on exchange: Exchange) -> Instrument? {
        let bytes = Array(spelling.utf8)
        return find(bytes.span, on: exchange).map { instruments[$0] }
    }
}

/// The line and message that reading `text` gives; nil when it is read.
private func refusal(_ text: String) -> String? {
    var catalog = InstrumentCatalog()
    do throws(InstrumentFileError) {
        try InstrumentFile.read(Array(text.utf8), into: &catalog)
        return nil
    } catch { return error.description }
}

@Suite struct InstrumentCatalogTests {
    @Test(arguments: [
        ("BTCUSDT", Exchange.binance, "BTC/USDT"), ("BTC/USD", .kraken, "BTC/USD"), ("XBT/USD", .kraken, "BTC/USD"), ("XXBTZUSD", .kraken, "BTC/USD"),
        ("XBTUSD", .kraken, "BTC/USD"), ("BTC-USD", .coinbase, "BTC/USD"), ("DOGE-USD", .coinbase, "DOGE/USD"), ("XDG/USD", .kraken, "DOGE/USD"),
    ])
    func bundledInstrumentsHaveTheirSpellings(spelling: String, exchange: Exchange, canonical: String) throws {
        var catalog = InstrumentCatalog.bundled()
        let instrument = catalog.find(spelling, on: exchange)
        let found = try #require(instrument)
        #expect(found.canonicalSymbol == canonical)
        #expect(found.symbol == canonical.replacing("/", with: ""))
        #expect(!found.isInferred)
    }

    @Test(arguments: [
        ("NEWCOINUSDT", Exchange.binance, "NEWCOIN", "USDT"), ("ABCFDUSD", .binance, "ABC", "FDUSD"), ("XYZTUSD", .binance, "XYZ", "TUSD"),
        ("ZZZBTC", .binance, "ZZZ", "BTC"), ("FOO/PYUSD", .kraken, "FOO", "PYUSD"), ("XXMRZEUR", .kraken, "XMR", "EUR"), ("NEWUSD", .kraken, "NEW", "USD"),
        ("NEW/XBT", .kraken, "NEW", "BTC"), ("XXDGXXBT", .kraken, "DOGE", "BTC"), ("FOO-BAR", .coinbase, "FOO", "BAR"), ("币安人生USDT", .binance, "币安人生", "USDT"),
    ])
    func unknownSpellingsAreSplitAtKnownQuotes(spelling: String, exchange: Exchange, base: String, quote: String) throws {
        var catalog = InstrumentCatalog.bundled()
        let instrument = catalog.find(spelling, on: exchange)
        let found = try #require(instrument)
        #expect(found.base == base && found.quote == quote)
        #expect(found.isInferred || exchange == .kraken)
        let count = catalog.instruments.count
        let again = catalog.find(spelling, on: exchange)
        #expect(again?.symbol == found.symbol)
        #expect(catalog.instruments.count == count)
    }

    @Test(arguments: [
        ("", Exchange.binance), ("USDT", .binance), ("QQQ", .binance), ("A/B/C", .kraken), ("/USD", .kraken), ("USD/", .kraken), ("USD", .kraken),
        ("BTCUSD", .coinbase), ("-USD", .coinbase), ("A-B-C", .coinbase), ("BTC|USDT", .binance), ("BTC USDT", .binance), ("B\"USDT", .binance),
        ("\\u0042USDT", .binance), (String(repeating: "A", count: 62) + "USDT", .binance),
    ])
    func otherSpellingsAreRefused(spelling: String, exchange: Exchange) {
        var catalog = InstrumentCatalog.bundled()
        let found = catalog.find(spelling, on: exchange)
        #expect(found == nil, "\(spelling)")
    }

    @Test func theSameSpellingMayDifferBetweenExchanges() throws {
        var catalog = InstrumentCatalog()
        try InstrumentFile.read(Array(
            """
            {"kind":"instrument","exchange":"binance","base":"A","quote":"B","spellings":["X"]}

            {"kind":"instrument","exchange":"kraken","base":"C","quote":"D","spellings":["X","Y"],"asset_class":"tokenized_asset","more":1}
            """.utf8), into: &catalog)
        #expect(catalog.find("X", on: .binance)?.canonicalSymbol == "A/B")
        #expect(catalog.find("X", on: .kraken)?.canonicalSymbol == "C/D")
        #expect(catalog.find("Y", on: .kraken)?.assetClass == "tokenized_asset")
        #expect(catalog.find("Y", on: .binance) == nil)
    }

    @Test func aLaterLineReplacesAnEarlierOne() throws {
        var catalog = InstrumentCatalog.bundled()
        let count = catalog.instruments.count
        try InstrumentFile.read(Array(#"{"exchange":"binance","base":"BTC","quote":"USDT","spellings":["BTCUSDT"],"asset_class":"other"}"#.utf8), into: &catalog)
        #expect(catalog.instruments.count == count)
        #expect(catalog.find("BTCUSDT", on: .binance)?.assetClass == "other")
    }

    @Test(arguments: [
        ("{", "1: broken JSON (byte 1)"), ("[]", "1: expected an instrument object"), ("\n\n1", "3: expected an instrument object"),
        (#"{"exchange":"mtgox","base":"A","quote":"B","spellings":["X"]}"#, #"1: exchange: "mtgox" is not known"#),
        (#"{"exchange":"kraken","quote":"B","spellings":["X"]}"#, "1: base: expected a name"),
        (#"{"exchange":"kraken","base":"","quote":"B","spellings":["X"]}"#, "1: base: expected a name"),
        (#"{"exchange":"kraken","base":"A","quote":7,"spellings":["X"]}"#, "1: quote: expected a name"),
        (#"{"exchange":"kraken","base":"A","quote":"B\"","spellings":["X"]}"#, "1: quote: expected a name"),
        (#"{"exchange":"kraken","base":"A","quote":"B"}"#, "1: spellings: expected an array of names"),
        (#"{"exchange":"kraken","base":"A","quote":"B","spellings":[]}"#, "1: spellings: expected an array of names"),
        (#"{"exchange":"kraken","base":"A","quote":"B","spellings":["X",1]}"#, "1: spellings: expected an array of names"),
        (#"{"exchange":"kraken","base":"A","quote":"B","spellings":["X"],"asset_class":""}"#, "1: asset_class: expected a name"),
    ])
    func brokenFilesAreRefusedByLine(text: String, message: String) { #expect(refusal(text) == message) }
}
