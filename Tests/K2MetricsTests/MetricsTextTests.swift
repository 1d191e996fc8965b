import K2Bytes
import K2Metrics
import Testing

@Suite struct MetricsTextTests {
    private static func text(_ write: (inout MetricsText) -> Void) -> String {
        var text = MetricsText()
        write(&text)
        return String(decoding: text.output.array, as: UTF8.self)
    }

    @Test func familiesAndSamplesLookLikeThis() {
        let text = Self.text {
            $0.family("k2_feed_trades_total", help: "Trades received.", .counter)
            $0.sample([("exchange", "binance"), ("symbol", "BTCUSDT")], 388_511)
            $0.sample([("exchange", "kraken"), ("symbol", "BTC/USD")], 0)
            $0.family("k2:up", help: "Whether it runs.", .gauge)
            $0.sample([], 1)
            $0.family("k2_lag_seconds", help: "Behind the exchange.", .gauge)
            $0.sample([], 0.0235)
        }
        #expect(
            text == """
                # HELP k2_feed_trades_total Trades received.
                # TYPE k2_feed_trades_total counter
                k2_feed_trades_total{exchange="binance",symbol="BTCUSDT"} 388511
                k2_feed_trades_total{exchange="kraken",symbol="BTC/USD"} 0
                # HELP k2:up Whether it runs.
                # TYPE k2:up gauge
                k2:up 1
                # HELP k2_lag_seconds Behind the exchange.
                # TYPE k2_lag_seconds gauge
                k2_lag_seconds 0.0235

                """)
    }

    @Test func backslashesQuotesAndNewlinesAreEscaped() {
        let text = Self.text {
            $0.family("m", help: "a \"b\"\\c\nd", .gauge)
            $0.sample([("path", "C:\\x\"y\"\nz"), ("word", "é{},=")], -3)
        }
        #expect(
            text == """
                # HELP m a "b"\\\\c\\nd
                # TYPE m gauge
                m{path="C:\\\\x\\"y\\"\\nz",word="é{},="} -3

                """)
    }

    @Test(arguments: [
        (0.0, "0"), (-0.0, "0"), (1, "1"), (-2.5, "-2.5"), (0.1, "0.1"), (1e-9, "1e-09"), (1.5e300, "1.5e+300"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"), (.nan, "NaN"), (1_795_683_600.023596, "1795683600.023596"), (9_007_199_254_740_991, "9007199254740991"),
        (1e20, "1e+20"),
    ])
    func numbersAreShort(_ value: Double, _ expected: String) {
        let text = Self.text {
            $0.family("m", help: "", .gauge)
            $0.sample([], value)
        }
        #expect(text == "# HELP m \n# TYPE m gauge\nm \(expected)\n")
    }

    @Test func aHistogramHasGrowingBuckets() {
        var histogram = Histogram(bounds: [0.005, 0.01, 1])
        for value in [0.001, 0.005, 0.006, 0.5, 1, 1.5, 100] { histogram.observe(value) }
        let text = Self.text {
            $0.family("k2_delay_seconds", help: "From the exchange to us.", .histogram)
            $0.sample([("exchange", "kraken")], histogram)
            $0.sample([], Histogram(bounds: []))
        }
        #expect(
            text == """
                # HELP k2_delay_seconds From the exchange to us.
                # TYPE k2_delay_seconds histogram
                k2_delay_seconds_bucket{exchange="kraken",le="0.005"} 2
                k2_delay_seconds_bucket{exchange="kraken",le="0.01"} 3
                k2_delay_seconds_bucket{exchange="kraken",le="1"} 5
                k2_delay_seconds_bucket{exchange="kraken",le="+Inf"} 7
                k2_delay_seconds_sum{exchange="kraken"} 103.012
                k2_delay_seconds_count{exchange="kraken"} 7
                k2_delay_seconds_bucket{le="+Inf"} 0
                k2_delay_seconds_sum 0
                k2_delay_seconds_count 0

                """)
    }

    @Test func theStorageCanBeUsedAgain() {
        var text = MetricsText()
        for value in 0..<3 {
            text.output.removeAll()
            text.family("m", help: "h", .counter)
            text.sample([], value)
            #expect(String(decoding: text.output.array, as: UTF8.self) == "# HELP m h\n# TYPE m counter\nm \(value)\n")
        }
    }
}
