import Foundation
import K2Domain
import Testing

@testable import K2Simulator

/// A line of the truth of a served exchange.
struct TruthLine: Hashable {
    var kind: String
    var symbol: String
    var id: Int
    /// Of a hole.
    var last: Int
    var trade: WireTrade?
}

/// A simulated exchange with a clock of its own and clients that only listen: what the socket part does, in memory.
final class ServedExchange {
    var exchange: SimulatedExchange
    let plan: ServePlan
    var now: Int64 = 1_795_000_000_000_000
    /// By connection: text messages in their order.
    private(set) var texts: [Int: [String]] = [:]
    /// By connection: everything else, as `ping`, `close 1008 …`, `drop`, `raw 0x8b` and so on.
    private(set) var events: [Int: [String]] = [:]
    private(set) var truthText = ""
    var answersPings = true

    init(_ plan: ServePlan) {
        self.plan = plan
        exchange = SimulatedExchange(plan, at: now)
    }

    convenience init(
        _ exchange: Exchange, symbols: [String]? = nil, seed: UInt64 = 1, rate: Int? = 200, trades: Int? = nil, history: Int = 0,
        start: Timestamp? = nil, life: Int64? = nil, faults: String? = nil, every: Int64 = 500_000, limits: Bool = false, kept: Int = 1_000_000
    ) throws {
        self.init(
            try ServePlan(
                exchange: exchange, symbols: symbols, seed: seed, rate: rate, trades: trades, history: history, start: start, firstID: 1_000,
                life: life, faults: try faults.map { try ServeFault.list($0) } ?? [], faultInterval: every, limitsRequests: limits,
                wantsTruth: true, keptTrades: kept))
    }

    /// All symbols, asked for in the exchange's way.
    func subscribeAll(_ connection: Int = 1, snapshot: Bool = false) {
        let names = exchange.symbols.symbols.map(\.name)
        switch plan.exchange {
        case .binance:
            open(connection, "/stream?streams=" + names.map { $0.lowercased() + "@trade" }.joined(separator: "/") + "&timeUnit=MICROSECOND")
        case .kraken:
            open(connection, "/v2")
            send(connection, #"{"method":"subscribe","params":{"channel":"trade","symbol":\#(jsonList(names)),"snapshot":\#(snapshot)}}"#)
        case .coinbase:
            open(connection, "/")
            send(connection, #"{"type":"subscribe","product_ids":\#(jsonList(names)),"channel":"market_trades"}"#)
            send(connection, #"{"type":"subscribe","channel":"heartbeats"}"#)
        }
    }

    func open(_ connection: Int, _ target: String) {
        exchange.opened(connection, target: target, at: now)
        carryOut()
    }

    func send(_ connection: Int, _ text: String) {
        exchange.received(connection, text: Array(text.utf8), at: now)
        carryOut()
    }

    func run(_ seconds: Double, step: Int64 = 10_000) {
        let end = now + Int64(seconds * 1_000_000)
        while now < end {
            now = min(now + step, end)
            while exchange.advance(to: now) { carryOut() }
            carryOut()
        }
    }

    func get(_ target: String, headers: [(name: String, value: String)] = []) -> ServeReply {
        let reply = exchange.request(ServeRequest(target, headers: headers), at: now)
        carryOut()
        return reply
    }

    func json(_ target: String) throws -> Any { try JSONSerialization.jsonObject(with: Data(get(target).body)) }

    func fire(_ faults: String) { #expect(get("/control/faults?\(faults)").status == 200) }

    var isFinished: Bool { exchange.isFinished }

    func refusal(_ target: String) -> ServeReply? { exchange.admit(target, at: now) }

    /// One step without carrying anything out.
    func advance(isHeldBack: Bool = false) -> Bool { exchange.advance(to: now, isHeldBack: isHeldBack) }

    func clear() {
        texts = [:]
        events = [:]
    }

    private func carryOut() {
        truthText += Self.text(exchange.truth)
        exchange.clearTruth()
        var ended: [Int] = []
        var pinged: [Int] = []
        exchange.takeActions { action, bytes in
            let id = action.connection
            func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
            switch action {
            case .text(_, let range): texts[id, default: []].append(text(range))
            case .fragments(_, let range):
                texts[id, default: []].append(text(range))
                events[id, default: []].append("fragments")
            case .raw(_, let range): events[id, default: []].append("raw \(String(bytes[range.lowerBound], radix: 16))")
            case .ping: pinged.append(id)
            case .close(_, let code, let reason):
                events[id, default: []].append("close \(code) \(reason)")
                ended.append(id)
            case .drop:
                events[id, default: []].append("drop")
                ended.append(id)
            case .freeze: events[id, default: []].append("freeze")
            case .halfOpen: events[id, default: []].append("half-open")
            case .slow(_, let time): events[id, default: []].append("slow \(time)")
            }
        }
        for id in pinged {
            events[id, default: []].append("ping")
            if answersPings { exchange.heardPong(id, at: now) }
        }
        for id in ended { exchange.closed(id, at: now) }
    }

    private static func text(_ bytes: Span<UInt8>) -> String { bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }

    // Reading.

    func objects(_ connection: Int = 1) throws -> [[String: Any]] {
        try (texts[connection] ?? []).map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    }

    /// The trades of the messages of a connection, in their order.
    func trades(_ connection: Int = 1, snapshots: Bool = false) throws -> [WireTrade] {
        try (texts[connection] ?? []).filter { $0.contains("\"trade_id\"") || $0.contains("\"e\":\"trade\"") }.flatMap { text in
            let isSnapshot = text.contains("\"type\":\"snapshot\"")
            if isSnapshot != snapshots { return [WireTrade]() }
            return try read(text, isSnapshot ? "snapshot" : "stream", "")
        }
    }

    private func read(_ message: String, _ origin: String, _ request: String, _ format: WireFormat? = nil) throws -> [WireTrade] {
        let line =
            "{\"kind\":\"raw\",\"exchange\":\"\(plan.exchange.rawValue)\",\"origin\":\"\(origin)\",\"received_at\":"
            + "\"2026-01-01T00:00:00.000000Z\",\"connection\":\"0000\",\"sequence\":1\(request),\"message\":\(message)}"
        return try WireRecord(line: line, format: format ?? plan.format).trades
    }

    /// The trades of a page.
    func page(_ target: String, _ format: WireFormat) throws -> [WireTrade] {
        let reply = get(target)
        #expect(reply.status == 200)
        return try read(String(decoding: reply.body, as: UTF8.self), "rest", ",\"request\":\"\(target)\"", format)
    }

    func truth() throws -> [TruthLine] {
        try truthText.split(separator: "\n").map { line in
            let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let (kind, symbol) = (try #require(row["kind"] as? String), try #require(row["symbol"] as? String))
            if kind == "hole" {
                return TruthLine(
                    kind: kind, symbol: symbol, id: try #require(row["first_missing"] as? Int), last: try #require(row["last_missing"] as? Int))
            }
            let id = try #require(row["id"] as? Int)
            let trade = WireTrade(
                symbol: symbol, id: "\(id)", price: try #require(row["price"] as? String), quantity: try #require(row["quantity"] as? String),
                side: try #require(row["side"] as? String), time: try WireRecord.time(row["time"]))
            return TruthLine(kind: kind, symbol: symbol, id: id, last: id, trade: trade)
        }
    }

    func sent() throws -> [WireTrade] { try truth().filter { $0.kind == "sent" }.compactMap(\.trade) }

    var counts: [String: Int] { Dictionary(uniqueKeysWithValues: exchange.counts.faults.map { ($0.name, $0.count) }) }
}
