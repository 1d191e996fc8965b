import Foundation
import K2TestSupport
import Testing

/// The last revision of every candle against what DuckDB computes in SQL from the same trades.
@Suite struct CandlesBesideDuckDBTests {
    static let python: String? = {
        let environment = ProcessInfo.processInfo.environment
        let package = URL(fileURLWithPath: GoldenCase.root).deletingLastPathComponent().deletingLastPathComponent().path
        let path = environment["K2_TEST_PYTHON"] ?? "\(package)/.venv/bin/python"
        if FileManager.default.isExecutableFile(atPath: path) { return path }
        // In CI the interpreter has to be there: the test then fails to start it.
        return environment["CI"] == nil ? nil : path
    }()

    @Test(.enabled(if: python != nil, "needs duckdb: K2_TEST_PYTHON"), arguments: [nil, "gap", "duplicates"] as [String?])
    func candlesAreThoseOfSQL(_ fault: String?) throws {
        var random = Seeded.start()
        let seed = random.int(1...1_000_000)
        let folder = try TestFolder()
        let faults = ["reorder", "late"] + (fault.map { [$0] } ?? [])
        // Before midnight, so that the trades are of two days.
        let result = try ToolProcess.shell(
            """
            for exchange in binance kraken coinbase; do
                k2-sim record $exchange --trades 2500 --seed \(seed) --rate 1 --start 2026-02-18T23:40:00Z --faults \(faults.joined(separator: ","))
            done | k2-normalize > trades.ndjson
            k2-ohlcv < trades.ndjson > candles.ndjson
            """, directory: folder.path)
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.stderr == "")
        let script = "\(GoldenCase.root)/foreign/compare_candles.py"
        let compared = try ToolProcess.start(
            try #require(Self.python), [script, try folder.file("trades.ndjson"), try folder.file("candles.ndjson")]
        ).finish(seconds: 120)
        #expect(compared.status == 0, "seed \(seed): \(compared.text)\(compared.stderr)")
        let counts = compared.lines.compactMap { Int($0.split(separator: " ").last ?? "") }
        #expect(compared.lines.map { String($0.prefix { $0 != " " }) } == ["1m", "5m", "15m", "30m", "1h", "1d"])
        #expect(counts.allSatisfy { $0 >= 30 } && (counts.first ?? 0) > 500, "seed \(seed): \(counts)")
    }
}
