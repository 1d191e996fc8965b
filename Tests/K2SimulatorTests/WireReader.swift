import Foundation
import K2Domain
import Testing

@testable import K2Simulator

/// A trade as the tests read it from a recording, independently of the code that wrote it.
struct WireTrade: Hashable {
    var symbol: String
    /// Empty where the wire has no id.
    var id: String
    var price: String
    var quantity: String
    /// The taker's.
    var side: String
    var time: Timestamp
}

/// One record of a recording, read with Foundation's JSON.
struct WireRecord {
    var line: String
    var origin: String
    var receivedAt: Timestamp
    var connection: String
    var sequence: Int
    var request: String?
    var message: Any
    /// In the order of the message.
    var trades: [WireTrade] = []
    /// `subscriptions`, `heartbeat` and so on for what is no trade.
    var control: String?

    init(line: String, format: WireFormat) throws {
        self.line = line
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        origin = try #require(object["origin"] as? String)
        receivedAt = try Self.time(object["received_at"])
        connection = try #require(object["connection"] as? String)
        sequence = try #require(object["sequence"] as? Int)
        request = object["request"] as? String
        message = try #require(object["message"])
        let start =
            "{\"kind\":\"raw\",\"exchange\":\"\(format.exchange.rawValue)\",\"origin\":\"\(origin)\",\"received_at\":\"\(receivedAt)\","
            + "\"connection\":\"\(connection)\",\"sequence\":\(sequence)" + (request.map { ",\"request\":\"\($0)\"" } ?? "")
            + ",\"message\":"
        #expect(line.hasPrefix(start) && line.hasSuffix("}"), "fields and their order: \(line.prefix(200))")
        #expect((origin == "rest") == (request != nil) && connection.utf8.count == 4)
        try read(String(line.utf8.dropFirst(start.utf8.count).dropLast()) ?? "", format)
    }

    private mutating func read(_ text: String, _ format: WireFormat) throws {
        switch format {
        case .binanceCombined, .binanceRaw, .binanceMicroseconds: try readBinance(format)
        case .binanceREST:
            trades = try #require(message as? [[String: Any]]).map { row in
                let maker = try #require(row["isBuyerMaker"] as? Bool)
                return WireTrade(
                    symbol: try symbol(inQuery: "symbol"), id: "\(try #require(row["id"] as? Int))",
                    price: try #require(row["price"] as? String), quantity: try #require(row["qty"] as? String),
                    side: maker ? "SELL" : "BUY", time: Timestamp(microseconds: Int64(try #require(row["time"] as? Int)) * 1_000))
            }
        case .krakenV2: try readKrakenV2(text)
        case .krakenV1: try readKrakenV1()
        case .krakenREST: try readKrakenPage(text)
        case .coinbaseAdvanced: try readCoinbaseAdvanced()
        case .coinbaseExchange:
            let object = try #require(message as? [String: Any])
            let type = try #require(object["type"] as? String)
            guard type == "match" || type == "last_match" else { return control = type }
            #expect((type == "last_match") == (origin == "snapshot"))
            trades = [try coinbaseTrade(object)]
        case .coinbaseREST:
            let path = try /\/products\/([A-Z]+-USD)\/trades\?.*/.wholeMatch(in: request ?? "")
            let name = try #require(path).1
            trades = try #require(message as? [[String: Any]]).map { row in
                var row = row
                row["product_id"] = String(name)
                return try coinbaseTrade(row)
            }
        case .coinbaseAdvancedREST:
            trades = try #require((message as? [String: Any])?["trades"] as? [[String: Any]]).map(coinbaseTrade)
        }
    }

    private func symbol(inQuery name: String) throws -> String {
        let query = try #require(request?.split(separator: "?").last)
        let field = try #require(query.split(separator: "&").first { $0.hasPrefix("\(name)=") })
        return String(field.dropFirst(name.utf8.count + 1))
    }

    private mutating func readBinance(_ format: WireFormat) throws {
        var object = try #require(message as? [String: Any])
        if format != .binanceRaw, let data = object["data"] as? [String: Any] {
            let name = try #require(object["stream"] as? String)
            if let symbol = data["s"] as? String { #expect(name == "\(symbol.lowercased())@trade") }
            object = data
        }
        if object.keys.contains("result") { return control = "ack" }
        let type = try #require(object["e"] as? String)
        guard type == "trade" else { return control = type }
        let unit: Int64 = format == .binanceMicroseconds ? 1 : 1_000
        let time = Int64(try #require(object["T"] as? Int))
        #expect(try #require(object["E"] as? Int) >= Int(time))
        #expect(object["M"] as? Bool == true)
        trades = [
            WireTrade(
                symbol: try #require(object["s"] as? String), id: "\(try #require(object["t"] as? Int))",
                price: try #require(object["p"] as? String), quantity: try #require(object["q"] as? String),
                side: try #require(object["m"] as? Bool) ? "SELL" : "BUY", time: Timestamp(microseconds: time * unit))
        ]
    }

    /// Numbers are taken from the text: their digits matter, and JSON readers lose them.
    private mutating func readKrakenV2(_ text: String) throws {
        let object = try #require(message as? [String: Any])
        guard object["channel"] as? String == "trade" else {
            return control = object["channel"] as? String ?? object["method"] as? String
        }
        let rows = try #require(object["data"] as? [[String: Any]])
        #expect(object["type"] as? String == (origin == "snapshot" ? "snapshot" : "update"))
        let numbers = text.matches(of: /"price":([0-9.]+),"qty":([0-9.]+),"ord_type":"(limit|market)","trade_id":([0-9]+),/)
        #expect(numbers.count == rows.count)
        trades = try zip(rows, numbers).map { row, number in
            WireTrade(
                symbol: try #require(row["symbol"] as? String).replacing("/", with: ""), id: String(number.4),
                price: String(number.1), quantity: String(number.2), side: try #require(row["side"] as? String).uppercased(),
                time: try Self.time(row["timestamp"]))
        }
    }

    static func time(_ value: Any?) throws -> Timestamp {
        let text = try #require(value as? String)
        return try #require(Timestamp(text))
    }

    private static func krakenSymbol(_ pair: String) -> String {
        pair.replacing("/", with: "").replacing("XBT", with: "BTC").replacing("XDG", with: "DOGE")
    }

    private static func microseconds(_ text: some StringProtocol) throws -> Timestamp {
        let parts = text.split(separator: ".")
        let fraction = parts.count > 1 ? (parts[1] + "000000").prefix(6) : "000000"
        let seconds = try #require(Int64(parts[0]))
        let micros = try #require(Int64(fraction))
        return Timestamp(microseconds: seconds * 1_000_000 + micros)
    }

    private mutating func readKrakenV1() throws {
        if let object = message as? [String: Any] { return control = object["event"] as? String }
        let parts = try #require(message as? [Any])
        #expect(parts.count == 4 && parts[2] as? String == "trade")
        let pair = try #require(parts[3] as? String)
        trades = try #require(parts[1] as? [[String]]).map { row in
            #expect(row.count == 6 && ["l", "m"].contains(row[4]))
            return WireTrade(
                symbol: Self.krakenSymbol(pair), id: "", price: row[0], quantity: row[1], side: row[3] == "b" ? "BUY" : "SELL",
                time: try Self.microseconds(row[2]))
        }
    }

    private mutating func readKrakenPage(_ text: String) throws {
        let result = try #require((message as? [String: Any])?["result"] as? [String: Any])
        #expect(result["last"] is String && result.count == 2)
        let key = try #require(result.keys.first { $0 != "last" })
        let symbol = Self.krakenSymbol(try symbol(inQuery: "pair"))
        // Times are numbers: their digits are taken from the text.
        let body = try #require(text.split(separator: "[[").last?.split(separator: "]]").first)
        let rows = body.replacing("\"", with: "").split(separator: "],[")
        #expect(rows.count == (result[key] as? [Any])?.count)
        trades = try rows.map { row in
            let fields = row.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            #expect(fields.count == 7 && ["b", "s"].contains(fields[3]) && ["l", "m"].contains(fields[4]) && fields[5] == "")
            return WireTrade(
                symbol: symbol, id: fields[6], price: fields[0], quantity: fields[1], side: fields[3] == "b" ? "BUY" : "SELL",
                time: try Self.microseconds(fields[2]))
        }
    }

    private mutating func readCoinbaseAdvanced() throws {
        let object = try #require(message as? [String: Any])
        let channel = try #require(object["channel"] as? String)
        let events = try #require(object["events"] as? [[String: Any]])
        guard channel == "market_trades" else { return control = channel }
        for event in events {
            #expect(event["type"] as? String == (origin == "snapshot" ? "snapshot" : "update"))
            trades += try #require(event["trades"] as? [[String: Any]]).map(coinbaseTrade)
        }
    }

    /// The side on the wire is the maker's.
    private func coinbaseTrade(_ row: [String: Any]) throws -> WireTrade {
        let maker = try #require(row["side"] as? String).uppercased()
        return WireTrade(
            symbol: try #require(row["product_id"] as? String).replacing("-", with: ""),
            id: try #require((row["trade_id"] as? String) ?? (row["trade_id"] as? Int).map(String.init)),
            price: try #require(row["price"] as? String), quantity: try #require(row["size"] as? String),
            side: maker == "BUY" ? "SELL" : "BUY", time: try Self.time(row["time"]))
    }
}

/// A whole recording in memory: its records and what is true about it.
struct ReadRecording {
    var bytes: [UInt8] = []
    var records: [WireRecord] = []
    var sent: [WireTrade] = []
    var holes: [(symbol: String, first: Int, last: Int)] = []
    var counts = RecordingCounts()

    var trades: [WireTrade] { records.flatMap(\.trades) }

    init(_ plan: RecordingPlan) throws {
        var recording = Recording(plan)
        var truth: [UInt8] = []
        while recording.next() {
            recording.records.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
            recording.truth.withUnsafeBufferPointer { truth.append(contentsOf: $0) }
        }
        counts = recording.counts
        #expect(bytes.last == 0x0a)
        records = try String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            try WireRecord(line: String($0), format: plan.format)
        }
        for line in String(decoding: truth, as: UTF8.self).split(separator: "\n") {
            let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(row["exchange"] as? String == plan.format.exchange.rawValue)
            let symbol = try #require(row["symbol"] as? String)
            if row["kind"] as? String == "hole" {
                holes.append((symbol, try #require(row["first_missing"] as? Int), try #require(row["last_missing"] as? Int)))
            } else {
                #expect(row["kind"] as? String == "sent")
                sent.append(
                    WireTrade(
                        symbol: symbol, id: (row["id"] as? Int).map(String.init) ?? "", price: try #require(row["price"] as? String),
                        quantity: try #require(row["quantity"] as? String), side: try #require(row["side"] as? String),
                        time: try WireRecord.time(row["time"])))
            }
        }
    }
}
