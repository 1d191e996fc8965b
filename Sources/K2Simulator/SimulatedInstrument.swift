import K2Domain

/// One tradable pair as the simulator knows it: plausible price, sizes and ids of early 2026.
struct SimulatedInstrument: Sendable {
    let exchange: Exchange
    /// BTC and DOGE, never XBT and XDG.
    let base: String
    /// Starting price in ticks of 10^−`priceDecimals`.
    let price: Int64
    let priceDecimals: Int
    let quantityDecimals: Int
    /// Kraken pads prices on v1 and REST to this many decimals; elsewhere equal to `priceDecimals`.
    let paddedPriceDecimals: Int
    /// Share of the trades, relative to the other symbols.
    let weight: Int64
    let firstID: Int64

    var quote: String { exchange == .binance ? "USDT" : "USD" }
    /// Without separators, the spelling in our records: `BTCUSDT`.
    var compactName: String { base + quote }

    /// The spelling on the wire.
    func wireName(_ format: WireFormat) -> String {
        switch format {
        case .binanceCombined, .binanceRaw, .binanceMicroseconds, .binanceREST: base + quote
        case .krakenV2: "\(base)/\(quote)"
        case .krakenV1: "\(krakenBase)/\(quote)"
        case .krakenREST: krakenBase + quote
        case .coinbaseAdvanced, .coinbaseExchange, .coinbaseREST, .coinbaseAdvancedREST: "\(base)-\(quote)"
        }
    }

    private var krakenBase: String { base == "BTC" ? "XBT" : base == "DOGE" ? "XDG" : base }

    /// The key of REST results: old assets have an X or Z in front, XDG and newer ones have not.
    var krakenResultKey: String {
        ["BTC", "ETH", "XRP", "LTC"].contains(base) ? "X\(krakenBase)ZUSD" : krakenBase + "USD"
    }

    /// Whether a name from the command line means this pair.
    func answers(to name: String) -> Bool {
        let letters = String(name.uppercased().filter { $0.isLetter })
        return letters == compactName || letters == krakenBase + quote
    }

    /// The symbols of the platform that K2 replaces.
    static func all(of exchange: Exchange) -> [SimulatedInstrument] {
        switch exchange {
        case .binance: binance
        case .kraken: kraken
        case .coinbase: coinbase
        }
    }

    private init(
        _ exchange: Exchange, _ base: String, _ price: Int64, _ priceDecimals: Int, _ quantityDecimals: Int,
        padded: Int? = nil, weight: Int64, firstID: Int64
    ) {
        self.exchange = exchange
        self.base = base
        self.price = price
        self.priceDecimals = priceDecimals
        self.quantityDecimals = quantityDecimals
        paddedPriceDecimals = padded ?? priceDecimals
        self.weight = weight
        self.firstID = firstID
    }

    private static let binance: [SimulatedInstrument] = [
        .init(.binance, "BTC", 6_725_041, 2, 5, weight: 34, firstID: 5_914_237_101),
        .init(.binance, "ETH", 198_037, 2, 4, weight: 27, firstID: 3_561_802_466),
        .init(.binance, "BNB", 61_512, 2, 3, weight: 6, firstID: 1_472_960_318),
        .init(.binance, "SOL", 8_431, 2, 3, weight: 11, firstID: 1_731_448_205),
        .init(.binance, "XRP", 14_627, 4, 1, weight: 8, firstID: 1_420_077_913),
        .init(.binance, "ADA", 2_813, 4, 1, weight: 3, firstID: 688_154_027),
        .init(.binance, "DOT", 1_342, 3, 2, weight: 1, firstID: 471_903_380),
        .init(.binance, "LINK", 872, 2, 2, weight: 2, firstID: 602_774_519),
        .init(.binance, "DOGE", 9_987, 5, 0, weight: 4, firstID: 1_243_096_774),
        .init(.binance, "LTC", 5_344, 2, 3, weight: 2, firstID: 561_230_958),
        .init(.binance, "AVAX", 911, 2, 2, weight: 2, firstID: 498_265_143),
        .init(.binance, "ATOM", 2_251, 3, 2, weight: 1, firstID: 347_781_690),
    ]

    private static let kraken: [SimulatedInstrument] = [
        .init(.kraken, "BTC", 672_508, 1, 8, padded: 5, weight: 36, firstID: 95_530_412),
        .init(.kraken, "ETH", 198_041, 2, 8, padded: 5, weight: 22, firstID: 76_204_885),
        .init(.kraken, "SOL", 8_433, 2, 8, weight: 12, firstID: 36_810_247),
        .init(.kraken, "XRP", 146_291, 5, 8, padded: 8, weight: 11, firstID: 41_337_609),
        .init(.kraken, "ADA", 281_344, 6, 8, weight: 5, firstID: 22_961_530),
        .init(.kraken, "DOT", 13_424, 4, 8, weight: 2, firstID: 15_402_776),
        .init(.kraken, "LINK", 872_315, 5, 8, weight: 3, firstID: 12_880_914),
        .init(.kraken, "DOGE", 998_812, 7, 8, weight: 5, firstID: 19_745_036),
        .init(.kraken, "LTC", 5_345, 2, 8, padded: 5, weight: 2, firstID: 14_217_358),
        .init(.kraken, "AVAX", 911, 2, 8, weight: 1, firstID: 9_038_441),
        .init(.kraken, "ATOM", 22_518, 4, 8, weight: 1, firstID: 8_672_120),
    ]

    private static let coinbase: [SimulatedInstrument] = [
        .init(.coinbase, "BTC", 6_725_067, 2, 8, weight: 35, firstID: 968_114_203),
        .init(.coinbase, "ETH", 198_044, 2, 8, weight: 24, firstID: 801_377_526),
        .init(.coinbase, "SOL", 8_432, 2, 8, weight: 12, firstID: 341_902_768),
        .init(.coinbase, "XRP", 14_629, 4, 6, weight: 11, firstID: 233_610_491),
        .init(.coinbase, "ADA", 2_814, 4, 8, weight: 4, firstID: 121_508_337),
        .init(.coinbase, "DOT", 1_343, 3, 8, weight: 2, firstID: 61_884_052),
        .init(.coinbase, "LINK", 8_723, 3, 2, weight: 3, firstID: 84_716_920),
        .init(.coinbase, "DOGE", 9_988, 5, 1, weight: 5, firstID: 152_330_684),
        .init(.coinbase, "LTC", 5_345, 2, 8, weight: 2, firstID: 110_947_215),
        .init(.coinbase, "AVAX", 911, 2, 8, weight: 1, firstID: 70_265_839),
        .init(.coinbase, "ATOM", 2_252, 3, 2, weight: 1, firstID: 48_190_773),
    ]
}
