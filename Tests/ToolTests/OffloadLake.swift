import Foundation
import K2TestSupport
import Testing

/// A lake on disk that the real k2-offload fills.
final class OffloadLake {
    let folder: TestFolder

    init() throws { folder = try TestFolder() }

    var path: String { folder.path }
    var catalog: String { "\(path)/catalog.db" }

    var environment: [String: String] {
        ["K2_WAREHOUSE": "file:\(path)/warehouse", "K2_CATALOG": "sqlite:\(catalog)", "K2_STATE": "sqlite:\(path)/state.db"]
    }

    func run(_ input: [UInt8], _ arguments: [String] = [], seconds: Int = 120) throws -> ToolResult {
        try ToolProcess.run("k2-offload", ["run", "--from", "-"] + arguments, stdin: input, environment: environment, seconds: seconds)
    }

    func start(_ arguments: [String] = []) throws -> RunningTool {
        try ToolProcess.start("k2-offload", ["run", "--from", "-"] + arguments, environment: environment)
    }

    func verb(_ arguments: String...) throws -> ToolResult { try ToolProcess.run("k2-offload", arguments, environment: environment) }

    /// `status --json`, by table.
    func status() throws -> [String: [String: Any]] {
        let result = try verb("status", "--json")
        #expect(result.status == 0 && result.stderr.isEmpty, "\(result.stderr)")
        var tables: [String: [String: Any]] = [:]
        for line in result.lines {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            tables[try #require(object["table"] as? String)] = object
        }
        return tables
    }

    func rows(_ table: String) throws -> Int { try status()[table]?["rows"] as? Int ?? 0 }

    /// Waits until the silver table shows so many rows; false when that takes more than 20 seconds.
    func wait(rows wanted: Int) throws -> Bool {
        for _ in 0..<200 {
            if try rows("silver_trades") == wanted { return true }
            usleep(100_000)
        }
        return false
    }

    /// Files below the lake whose name ends so.
    func files(_ suffix: String) -> [String] {
        (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(suffix) }
    }
}

/// Records made by the other tools from a made-up recording.
enum OffloadInput {
    /// Trades, bronze rows, candles and gaps.
    static func stream(_ exchange: String, trades: Int, seed: Int, more: String = "", normalize: String = "--bronze") throws -> [UInt8] {
        let result = try ToolProcess.shell(
            "k2-sim record \(exchange) --trades \(trades) --seed \(seed) \(more) | k2-normalize \(normalize) | k2-ohlcv --tee")
        #expect(result.stderr.isEmpty || !more.isEmpty, "\(result.stderr)")
        return result.stdout
    }

    static func lines(_ bytes: [UInt8]) -> [[UInt8]] { bytes.split(separator: 0x0a).map { Array($0) + [0x0a] } }

    static func trade(_ id: Int, _ change: (String) -> String = { $0 }) -> [UInt8] {
        let text =
            #"{"kind":"trade","message_id":"123e4567-e89b-12d3-a456-426614174000","trade_id":"BINANCE-\#(id)","exchange":"binance","symbol":"BTCUSDT","canonical_symbol":"BTC/USDT","asset_class":"crypto","currency":"USDT","price":"1.5","quantity":"2","quote_volume":"3.0","side":"BUY","timestamp":"2026-02-18T00:00:00.000000Z","ingestion_timestamp":"2026-02-18T00:00:00.100000Z","source_sequence":\#(id),"origin":"stream","is_valid":true}"#
        return Array((change(text) + "\n").utf8)
    }
}
