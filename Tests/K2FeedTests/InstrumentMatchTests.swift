import K2TestSupport
import Testing

@testable import K2Feed

@Suite struct InstrumentMatchTests {
    private static let listed: [[String]] = [
        ["BTC/USD", "XBT/USD", "XBTUSD", "XXBTZUSD"], ["DOGE/USD", "XDG/USD", "XDGUSD"], ["ETH/USD", "ETHUSD"],
        ["ETH/BTC", "ETH/XBT", "ETHXBT"],
        ["SOL/USD", "SOLUSD"], ["SOL/USDT", "SOLUSDT"],
    ]

    private static func resolve(_ wanted: String, _ listed: [[String]] = listed) -> InstrumentMatch.Result {
        InstrumentMatch.resolve(wanted, among: listed)
    }

    @Test(arguments: [
        ("BTC/USD", 0), ("btc/usd", 0), ("BTC-USD", 0), ("btcusd", 0), ("XBT/USD", 0), ("xbt_usd", 0), ("XBTUSD", 0), ("XXBTZUSD", 0),
        ("DOGE/USD", 1), ("dogeusd", 1), ("XDG-USD", 1), ("xdg usd", 1), ("ETHUSD", 2), ("eth.usd", 2), ("ETHBTC", 3), ("eth:xbt", 3),
        ("SOLUSD", 4), ("solusdt", 5), ("SOL-USDT", 5),
    ])
    func spellingsMeanTheSame(_ wanted: String, _ index: Int) { #expect(Self.resolve(wanted) == .found(index)) }

    @Test(arguments: [
        ("BTC/USDD", ["BTC/USD", "ETH/USD"]), ("SOLUDS", ["SOL/USD", "SOL/USDT"]), ("ETH/USDT", ["ETH/USD", "BTC/USD", "SOL/USDT"]),
        ("DOG/USD", ["DOGE/USD", "SOL/USD", "BTC/USD"]), ("PEPE/EUR", []), ("", []), ("/", []),
    ])
    func otherNamesGetTheNearest(_ wanted: String, _ nearest: [String]) {
        #expect(Self.resolve(wanted) == .unknown(nearest: nearest))
    }

    @Test func anExactSpellingWinsAndEqualOnesAreAmbiguous() {
        let listed = [["AB/CUSD"], ["ABC/USD"], ["abcusd"], ["XBT/EUR"], ["BTC/EUR"]]
        #expect(Self.resolve("ABC/USD", listed) == .found(1))
        #expect(Self.resolve("abcusd", listed) == .found(2))
        #expect(Self.resolve("ABC-USD", listed) == .ambiguous(["AB/CUSD", "ABC/USD", "abcusd"]))
        #expect(Self.resolve("XBT-EUR", listed) == .found(3))
        #expect(Self.resolve("BTC-EUR", listed) == .found(4))
        #expect(Self.resolve("anything", []) == .unknown(nearest: []))
    }

    @Test func onlyWholeAssetsHaveOtherNames() {
        #expect(InstrumentMatch.plain("XBTC/USD") == Array("XBTCUSD".utf8))
        #expect(InstrumentMatch.plain("USD/XBT") == Array("USDBTC".utf8))
        #expect(InstrumentMatch.plain("XBT") == Array("BTC".utf8))
        #expect(InstrumentMatch.plain("XDGXBT") == Array("DOGEBTC".utf8))
    }

    @Test(arguments: [
        ("", "", 0), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("abc", "xabc", 1), ("kitten", "sitting", 3),
    ])
    func distances(_ a: String, _ b: String, _ distance: Int) {
        #expect(InstrumentMatch.distance(Array(a.utf8), Array(b.utf8)) == distance)
        #expect(InstrumentMatch.distance(Array(b.utf8), Array(a.utf8)) == distance)
    }
}
