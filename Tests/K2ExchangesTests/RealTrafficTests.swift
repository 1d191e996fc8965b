import Foundation
import K2Bytes
import K2Domain
import K2Exchanges
import Testing

@testable import K2Normalize

/// Recorded traffic of the exchanges, where it is at hand: `../shared/data/exchanges`, or what `K2_TEST_SHARED` names.
enum RecordedTraffic {
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["K2_TEST_SHARED"] { return URL(fileURLWithPath: path) }
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root.deletingLastPathComponent().appendingPathComponent("shared/data/exchanges")
    }()

    static let isThere = FileManager.default.fileExists(atPath: folder.path)

    static func text(_ file: String) throws -> String { try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8) }

    /// The messages that were recorded from the exchange, each one line, verbatim.
    static func captured(_ file: String) throws -> [String] {
        try text(file).split(separator: "\n").filter { $0.contains("\"dir\":\"in\",\"kind\":\"captured\"") }.map { line in
            String(line[try #require(line.range(of: "\"msg\":")).upperBound...].dropLast())
        }
    }

    /// A document of several lines as one, white space outside of strings left out; no number is touched.
    static func page(_ file: String) throws -> String {
        var isInString = false, isEscaped = false
        return String(
            decoding: try text(file).utf8.filter { byte in
                defer { isEscaped = isInString && byte == UInt8(ascii: "\\") && !isEscaped }
                if byte == UInt8(ascii: "\""), !isEscaped { isInString.toggle() }
                return isInString || !(byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09)
            }, as: UTF8.self)
    }
}

/// A trade as the tests themselves read it from a message.
struct ExpectedTrade: Hashable, CustomStringConvertible {
    var symbol: String
    var id: String
    var price: String
    var quantity: String
    var side: String
    var time: String

    var description: String { "\(symbol) \(id) \(price) \(quantity) \(side) \(time)" }

    init(symbol: String, id: String, price: String, quantity: String, takerBuys: Bool, time: String) {
        (self.symbol, self.id, self.price, self.quantity) = (symbol, id, price, quantity)
        side = takerBuys ? "BUY" : "SELL"
        self.time = time
    }

    /// Reads a `trade` record.
    init(record: String) throws {
        let object = try #require(JSONSerialization.jsonObject(with: Data(record.utf8)) as? [String: Any])
        func text(_ name: String) throws -> String { try #require(object[name] as? String, "\(name) in \(record)") }
        self.init(
            symbol: try text("symbol"), id: try text("trade_id"), price: try text("price"), quantity: try text("quantity"),
            takerBuys: try text("side") == "BUY", time: try text("timestamp"))
    }

    /// Epoch seconds as text, such as `1618678150.826417`, in RFC 3339 with six decimals; further digits are cut.
    static func time(seconds: Substring) throws -> String {
        let parts = seconds.split(separator: ".")
        let formatter = ISO8601DateFormatter()
        let date = formatter.string(from: Date(timeIntervalSince1970: try #require(TimeInterval(parts[0]))))
        return "\(date.dropLast()).\(fraction(parts.count > 1 ? parts[1] : ""))Z"
    }

    static func time(milliseconds: Int) throws -> String { try time(seconds: "\(milliseconds / 1000).\(String(milliseconds).suffix(3))") }

    /// RFC 3339 text with any number of decimals, brought to six.
    static func time(rfc3339 text: String) -> String {
        let parts = text.dropLast().split(separator: ".")
        return "\(parts[0]).\(fraction(parts.count > 1 ? parts[1] : ""))Z"
    }

    private static func fraction(_ digits: Substring) -> String { String((digits + "000000").prefix(6)) }
}

@Suite(.enabled(if: RecordedTraffic.isThere, "recorded traffic is not at hand: \(RecordedTraffic.folder.path)"))
struct RealTrafficTests {
    /// Runs messages one after the other; the trade records and the refusals.
    private func normalize(
        _ messages: [String], _ exchange: Exchange, request: String? = nil
    ) throws -> (trades: [ExpectedTrade], records: [String], refusals: [String], counts: NormalizeStats) {
        var normalizer = Normalizer(catalog: .bundled(), writesBronze: false, gapPatience: 2_000_000)
        var output = ByteWriter()
        var refusals: [String] = []
        for message in messages {
            let line = NormalizedMessage.envelope(message, exchange: exchange, request: request, receivedAt: "2026-12-01T00:00:00.000000Z")
            normalizer.process(line.span, into: &output)
            refusals += normalizer.refusals
        }
        let records = output.bytes.text.split(separator: "\n").map(String.init).filter { $0.hasPrefix("{\"kind\":\"trade\"") }
        return (try records.map { try ExpectedTrade(record: $0) }, records, refusals, normalizer.stats)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func binanceTrades() throws {
        let messages = try RecordedTraffic.captured("binance_trades.ndjson")
        var expected: Set<ExpectedTrade> = []
        var others = 0
        for message in messages {
            let outer = try object(message)
            let event = outer["data"] as? [String: Any] ?? outer
            guard event["e"] as? String == "trade" else {
                others += 1
                continue
            }
            expected.insert(ExpectedTrade(
                symbol: try #require(event["s"] as? String), id: "BINANCE-\(try #require(event["t"] as? Int))",
                price: try #require(event["p"] as? String), quantity: try #require(event["q"] as? String),
                takerBuys: try #require(event["m"] as? Bool) == false, time: try ExpectedTrade.time(milliseconds: try #require(event["T"] as? Int))))
        }
        #expect(expected.count == 1 && others == 14)
        let found = try normalize(messages, .binance)
        #expect(Set(found.trades) == expected)
        // Aggregated trades are no single trades: they go to the dead letters, each one.
        #expect(found.refusals.count == others)
        #expect(found.counts.unknown == ["binance aggTrade": 14])
    }

    @Test(arguments: ["binance_rest_historical_trades.json", "binance_rest_trades.json"])
    func binancePages(file: String) throws {
        let page = try RecordedTraffic.page(file)
        let rows = try #require(JSONSerialization.jsonObject(with: Data(page.utf8)) as? [[String: Any]])
        let expected = try rows.map { row in
            ExpectedTrade(
                symbol: "BTCUSDT", id: "BINANCE-\(try #require(row["id"] as? Int))", price: try #require(row["price"] as? String),
                quantity: try #require(row["qty"] as? String), takerBuys: try #require(row["isBuyerMaker"] as? Bool) == false,
                time: try ExpectedTrade.time(milliseconds: try #require(row["time"] as? Int)))
        }
        let found = try normalize([page], .binance, request: "/api/v3/historicalTrades?symbol=BTCUSDT&limit=\(rows.count)")
        #expect(rows.count >= 10)
        #expect(found.trades == expected)
        #expect(found.refusals.isEmpty)
        #expect(found.records.allSatisfy { $0.contains("\"origin\":\"rest\"") })
        // The exchange's own product of price and quantity, to the last digit.
        for (record, row) in zip(found.records, rows) {
            let volume = try #require(object(record)["quote_volume"] as? String)
            #expect(FixedDecimal(volume) == FixedDecimal(try #require(row["quoteQty"] as? String)))
        }
    }

    @Test func krakenTrades() throws {
        let messages = try RecordedTraffic.captured("kraken_v2_trades.ndjson")
        // The numbers are cut from the text: no parser of the tests may round them.
        let trade = /\{"symbol":"([^"]+)","side":"(buy|sell)","price":([0-9.]+),"qty":([0-9.]+),"ord_type":"([a-z]+)","trade_id":([0-9]+),"timestamp":"([^"]+)"\}/
        let expected = messages.filter { $0.contains("\"channel\":\"trade\",\"type\"") }.flatMap { message in
            message.matches(of: trade).map { match in
                ExpectedTrade(
                    symbol: String(match.1).replacing("/", with: ""), id: "KRAKEN-\(match.6)", price: String(match.3), quantity: String(match.4),
                    takerBuys: match.2 == "buy", time: ExpectedTrade.time(rfc3339: String(match.7)))
            }
        }
        #expect(expected.count == 2)
        let found = try normalize(messages, .kraken)
        #expect(found.trades == expected)
        #expect(found.counts.control.values.reduce(0, +) == 4)
        #expect(found.counts.unknown == ["kraken ohlc": 1])
    }

    @Test func krakenVersion1() throws {
        let messages = try RecordedTraffic.captured("kraken_v1_trades.ndjson")
        let row = /\["([0-9.]+)","([0-9.]+)","([0-9.]+)","([bs])","([lm])",""\]/
        let expected = try messages.filter { $0.hasPrefix("[") }.flatMap { message -> [ExpectedTrade] in
            let pair = try #require(message.firstMatch(of: /,"trade","([^"]+)"\]$/)).1
            return try message.matches(of: row).map { match in
                ExpectedTrade(
                    symbol: String(pair).replacing("XBT", with: "BTC").replacing("/", with: ""), id: "", price: String(match.1), quantity: String(match.2),
                    takerBuys: match.4 == "b", time: try ExpectedTrade.time(seconds: match.3))
            }
        }
        #expect(expected.count >= 8)
        let found = try normalize(messages, .kraken)
        #expect(found.trades.map { var trade = $0; trade.id = ""; return trade } == expected)
        #expect(Set(found.trades.map(\.id)).count == expected.count)
        #expect(found.trades.allSatisfy { $0.id.hasPrefix("KRAKEN-V1-") && $0.id.count == 42 })
        #expect(found.records.allSatisfy { !$0.contains("source_sequence") })
        #expect(try normalize(messages, .kraken).records == found.records)
        #expect(found.refusals.isEmpty)
        #expect(found.counts.control == ["heartbeat": 30, "ack": 10, "status": 1])
    }

    @Test(arguments: [("kraken_rest_trades.json", "BTCUSDT", 1_000), ("kraken_rest_trades_doc.json", "BTCUSD", 3)])
    func krakenPages(file: String, symbol: String, count: Int) throws {
        let page = try RecordedTraffic.page(file)
        let row = /\["([0-9.]+)","([0-9.]+)",([0-9.]+),"([bs])","([lm])","",([0-9]+)\]/
        let expected = try page.matches(of: row).map { match in
            ExpectedTrade(
                symbol: symbol, id: "KRAKEN-\(match.6)", price: String(match.1), quantity: String(match.2), takerBuys: match.4 == "b",
                time: try ExpectedTrade.time(seconds: match.3))
        }
        let found = try normalize([page], .kraken, request: "/0/public/Trades?pair=XBTUSDT&since=0")
        #expect(expected.count == count)
        #expect(found.trades == expected)
        #expect(found.refusals.isEmpty)
    }

    @Test func coinbaseAdvanced() throws {
        let messages = try RecordedTraffic.captured("coinbase_advanced_market_trades.ndjson")
        var expected: [ExpectedTrade] = []
        for message in messages {
            for event in try object(message)["events"] as? [[String: Any]] ?? [] {
                for trade in event["trades"] as? [[String: Any]] ?? [] {
                    func text(_ name: String) throws -> String { try #require(trade[name] as? String) }
                    expected.append(ExpectedTrade(
                        symbol: try text("product_id").replacing("-", with: ""), id: "COINBASE-\(try text("trade_id"))", price: try text("price"),
                        quantity: try text("size"), takerBuys: try text("side") == "SELL", time: ExpectedTrade.time(rfc3339: try text("time"))))
                }
            }
        }
        #expect(expected.count == 2)
        let found = try normalize(messages, .coinbase)
        #expect(found.trades == expected)
        #expect(found.refusals.isEmpty)
        #expect(found.records.allSatisfy { $0.contains("\"origin\":\"snapshot\"") })
    }

    @Test func coinbaseExchange() throws {
        let messages = try RecordedTraffic.captured("coinbase_exchange_matches.ndjson")
        var expected: [ExpectedTrade] = []
        for message in messages {
            let trade = try object(message)
            guard ["match", "last_match"].contains(trade["type"] as? String) else { continue }
            func text(_ name: String) throws -> String { try #require(trade[name] as? String) }
            expected.append(ExpectedTrade(
                symbol: try text("product_id").replacing("-", with: ""), id: "COINBASE-\(try #require(trade["trade_id"] as? Int))",
                price: try text("price"), quantity: try text("size"), takerBuys: try text("side") == "sell",
                time: ExpectedTrade.time(rfc3339: try text("time"))))
        }
        #expect(expected.count == 110)
        let found = try normalize(messages, .coinbase)
        #expect(Set(found.trades) == Set(expected))
        #expect(found.trades.count == Set(expected).count)
        #expect(found.refusals.isEmpty)
        #expect(found.counts.control == ["ack": 4, "heartbeat": 2])
    }

    @Test func coinbasePage() throws {
        let page = try RecordedTraffic.page("coinbase_exchange_rest_trades_doc.json")
        let found = try normalize([page], .coinbase, request: "/products/BTC-USD/trades?limit=1000")
        #expect(found.trades == [
            ExpectedTrade(
                symbol: "BTCUSD", id: "COINBASE-86327327", price: "6225.32000000", quantity: "0.06469797", takerBuys: true,
                time: "2020-03-20T00:36:59.860000Z")
        ])
    }

    /// Every recorded line, whatever its kind, is a trade, a control message or a refusal with a reason: none disappears.
    @Test(arguments: [
        ("binance_trades.ndjson", Exchange.binance), ("kraken_v2_trades.ndjson", .kraken), ("kraken_v1_trades.ndjson", .kraken),
        ("coinbase_advanced_market_trades.ndjson", .coinbase), ("coinbase_exchange_matches.ndjson", .coinbase),
    ])
    func noRecordedMessageDisappears(file: String, exchange: Exchange) throws {
        for message in try RecordedTraffic.captured(file) {
            let found = try normalize([message], exchange)
            #expect(!found.trades.isEmpty || !found.refusals.isEmpty || found.counts.control.values.reduce(0, +) == 1, "\(message)")
        }
    }
}
