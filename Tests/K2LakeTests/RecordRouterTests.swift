import K2Domain
import K2JSON
import K2NDJSON
import K2Rows
import Testing

@testable import K2Lake

struct RecordRouterTests {
    private func route(_ line: String) throws -> String {
        let bytes = Array(line.utf8)
        var document = JSONDocument()
        try document.parse(bytes.span)
        switch try RecordRouter().route(document, bytes.span).route {
        case .skipped: return "skipped"
        case .running: return "running"
        case .table(let index): return MarketTables.all[index].coldName
        }
    }

    @Test func `every kind goes to its table`() throws {
        for exchange in ["binance", "kraken", "coinbase"] {
            #expect(try route(Records.bronze(1, exchange: exchange)) == "bronze_trades_\(exchange)")
            #expect(try route(Records.trade(1, exchange: exchange)) == "silver_trades")
            for interval in ["1m", "5m", "15m", "30m", "1h", "1d"] {
                #expect(try route(Records.candle("A", 0, exchange: exchange, interval: interval)) == "gold_ohlcv_\(interval)")
            }
        }
        #expect(try route(Records.gap(1, 2)) == "feed_gaps")
        #expect(try route(Records.candle("A", 0, ["is_final": "false"])) == "running")
    }

    @Test func `kinds that are not stored are skipped, whatever they hold`() throws {
        for line in [#"{"kind":"raw"}"#, #"{"kind":"raw","exchange":"nowhere"}"#, #"{"kind":"metric","exchange":5}"#, #"{"kind":""}"#] {
            #expect(try route(line) == "skipped", "\(line)")
        }
    }

    @Test(arguments: [
        "{}", "[]", "5", "\"kind\"", "null", #"{"kind":5}"#, #"{"exchange":"binance"}"#, #"{"kind":"trade"}"#, #"{"kind":"trade","exchange":5}"#,
        #"{"kind":"trade","exchange":"Binance"}"#, #"{"kind":"bronze","exchange":"bitfinex"}"#, #"{"kind":"gap","exchange":""}"#,
        #"{"kind":"candle","exchange":"kraken"}"#, #"{"kind":"candle","exchange":"kraken","interval":"2m","is_final":true}"#,
        #"{"kind":"candle","exchange":"kraken","interval":60,"is_final":true}"#, #"{"kind":"candle","exchange":"kraken","interval":"1m"}"#,
        #"{"kind":"candle","exchange":"kraken","interval":"1m","is_final":1}"#,
    ])
    func `others are refused with the member`(_ line: String) {
        let error = #expect(throws: RecordError.self) { try route(line) }
        #expect(error?.description.contains("\n") == false && error?.description.isEmpty == false)
    }
}
