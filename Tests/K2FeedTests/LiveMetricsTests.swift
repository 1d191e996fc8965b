import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2TestSupport
import K2WebSocket
import Testing

@testable import K2Feed

@Suite struct LiveMetricsTests {
    /// A capture of one symbol that connects to nothing.
    private static func live(_ bench: OutputBench, _ loop: IOLoop, _ folder: TestFolder) throws -> LiveCapture {
        let feed = ExchangeRegistry.feed(for: .kraken)
        var capture = Capture(feed: feed, catalog: InstrumentCatalog.bundled())
        capture.add(SymbolSeries(name: "BTC/USD", symbol: "BTCUSD", restName: "XBTUSD"), spellings: [])
        let options = LiveOptions(
            feed: feed, symbols: [], endpoint: try WebSocketEndpoint("ws://127.0.0.1:1"), restBase: "http://127.0.0.1:1",
            webSocket: WebSocketOptions(), requestInterval: 1, requestBurst: 1)
        let client = HTTPClient(options: HTTPOptions())
        return LiveCapture(
            options: options, loop: loop, capture: capture, output: bench.output,
            saver: StateSaver(path: folder.path + "/state.json", worker: loop, loop: loop),
            rest: RESTWorker(base: "http://127.0.0.1:1", feed: feed, client: client, worker: loop, loop: loop, abort: AbortFlag()), recorder: nil,
            diagnostics: Diagnostics(tool: "k2-feed"))
    }

    private static func receive(_ live: LiveCapture, _ id: Int, at time: Timestamp) {
        let message = Array(
            """
            {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.01,"ord_type":"market",\
            "trade_id":\(id),"timestamp":"2026-02-18T00:00:00.000000Z"}]}
            """.utf8)
        let tag = Array("b7f3".utf8)
        _ = live.capture.message(message.span, from: tag.span, sequence: UInt64(id), at: time, into: &live.output.tail)
    }

    private static func lines(_ live: LiveCapture) -> [String] { String(decoding: LiveMetrics.text(live), as: UTF8.self).split(separator: "\n").map(String.init) }

    @Test func theOldPlatformsNamesAreKept() throws {
        let folder = try TestFolder()
        let loop = IOLoop()
        defer { loop.close() }
        let bench = try OutputBench(folder.path + "/spool")
        let live = try Self.live(bench, loop, folder)
        let start = Self.lines(live)
        #expect(start.contains("# TYPE feed_handler_trades_produced_total counter"))
        #expect(start.contains("feed_handler_trades_produced_total{exchange=\"kraken\",symbol=\"BTCUSD\"} 0"))
        #expect(start.contains("# TYPE feed_handler_reconnects_total counter"))
        #expect(start.contains("feed_handler_reconnects_total{exchange=\"kraken\"} 0"))
        // No time before the first message.
        #expect(start.contains("# TYPE feed_handler_last_message_timestamp gauge"))
        #expect(!start.contains { $0.hasPrefix("feed_handler_last_message_timestamp{") })

        Self.receive(live, 10, at: Timestamp(microseconds: 1_771_372_800_500_000))
        Self.receive(live, 13, at: Timestamp(microseconds: 1_771_372_801_500_000))
        Self.receive(live, 13, at: Timestamp(microseconds: 1_771_372_801_500_000))
        live.metrics.reconnects = 4
        let lines = Self.lines(live)
        for line in [
            "feed_handler_trades_produced_total{exchange=\"kraken\",symbol=\"BTCUSD\"} 2",
            "feed_handler_reconnects_total{exchange=\"kraken\"} 4",
            "feed_handler_last_message_timestamp{exchange=\"kraken\",symbol=\"BTCUSD\"} 1771372801.5",
            "k2_feed_open_gaps{exchange=\"kraken\",symbol=\"BTCUSD\"} 1", "k2_feed_duplicates_total{exchange=\"kraken\"} 1",
            "k2_feed_waiting_bytes{exchange=\"kraken\"} \(live.output.waitingBytes)", "k2_feed_spool_bytes{exchange=\"kraken\"} 0",
            "k2_feed_gaps_total{exchange=\"kraken\",symbol=\"BTCUSD\",state=\"lost\"} 0",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(live.output.waitingBytes > 0)
    }

    /// Each name once, with help and type before its samples.
    @Test func theTextIsWellFormed() throws {
        let folder = try TestFolder()
        let loop = IOLoop()
        defer { loop.close() }
        let bench = try OutputBench(folder.path + "/spool")
        let live = try Self.live(bench, loop, folder)
        Self.receive(live, 10, at: Timestamp(microseconds: 1_771_372_800_500_000))
        var names: Set<String> = []
        var current = ""
        for line in Self.lines(live) {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if words[0] == "#" {
                if words[1] == "HELP" { #expect(names.insert(words[2]).inserted) } else { #expect(words[1] == "TYPE" && words.count == 4) }
                current = words[2]
            } else {
                #expect(line.hasPrefix(current) && Double(words[words.count - 1]) != nil, "\(line)")
            }
        }
        #expect(names.count >= 15)
    }
}
