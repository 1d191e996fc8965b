import K2Bytes
import K2Domain
import K2Exchanges

@testable import K2Capture

/// A trade of the model: its id, and its time in ns.
struct ModelTrade: Sendable {
    var id: UInt64
    var nanos: UInt64
    /// Its REST row cannot be read.
    var isBroken = false
    var micros: Int64 { Int64(nanos / 1_000) }
}

/// The spellings of one symbol on one exchange.
struct ModelSymbol: Sendable {
    var name: String
    var symbol: String
    var restName: String
    /// The key of REST pages.
    var pageKey: String
    /// All that ever took place, by rising id and time.
    var trades: [ModelTrade] = []
    /// REST has forgotten the trades before this id.
    var keptFrom: UInt64 = 0

    static func make(_ exchange: Exchange, _ base: String) -> ModelSymbol {
        switch exchange {
        case .binance: ModelSymbol(name: "\(base)USDT", symbol: "\(base)USDT", restName: "\(base)USDT", pageKey: "\(base)USDT")
        case .kraken: ModelSymbol(name: "\(base)/USD", symbol: "\(base)USD", restName: "\(base)USD", pageKey: "X\(base)ZUSD")
        case .coinbase: ModelSymbol(name: "\(base)-USD", symbol: "\(base)USD", restName: "\(base)-USD", pageKey: "\(base)-USD")
        }
    }

    var series: SymbolSeries { SymbolSeries(name: name, symbol: symbol, restName: restName) }

    /// The place of the first trade from `id` on.
    func place(_ id: UInt64) -> Int { Self.first(trades) { $0.id >= id } }
    /// The place of the first trade later than `nanos`.
    func place(after nanos: UInt64) -> Int { Self.first(trades) { $0.nanos > nanos } }

    private static func first(_ trades: [ModelTrade], _ isThere: (ModelTrade) -> Bool) -> Int {
        var (low, high) = (0, trades.count)
        while low < high {
            let middle = (low + high) / 2
            if isThere(trades[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// What an exchange sends: messages of its stream, and pages of its history.
enum ModelWire {
    /// A message with these trades of one symbol, as the exchange orders them.
    static func message(_ exchange: Exchange, _ symbol: ModelSymbol, _ trades: [ModelTrade], isSnapshot: Bool = false, number: UInt64 = 0) -> [UInt8] {
        let body: String
        switch exchange {
        case .binance:
            let trade = trades[0]
            body =
                #"{"stream":"\#(symbol.name.lowercased())@trade","data":{"e":"trade","E":\#(trade.micros),"s":"\#(symbol.name)","t":\#(trade.id),"p":"76745.18000000","q":"0.00065000","T":\#(trade.micros),"m":true,"M":true}}"#
        case .kraken:
            let rows = trades.map {
                #"{"symbol":"\#(symbol.name)","side":"buy","price":83744.3,"qty":0.00044780,"ord_type":"limit","trade_id":\#($0.id),"timestamp":"\#(micros($0.micros))"}"#
            }
            body = #"{"channel":"trade","type":"\#(isSnapshot ? "snapshot" : "update")","data":[\#(rows.joined(separator: ","))]}"#
        case .coinbase:
            let rows = trades.reversed().map {
                #"{"product_id":"\#(symbol.name)","trade_id":"\#($0.id)","price":"2667.2","size":"0.84275842","time":"\#(micros($0.micros))","side":"SELL"}"#
            }
            body =
                #"{"channel":"market_trades","timestamp":"2026-09-30T02:39:59.551901038Z","sequence_num":\#(number),"events":[{"type":"\#(isSnapshot ? "snapshot" : "update")","trades":[\#(rows.joined(separator: ","))]}]}"#
        }
        return Array(body.utf8)
    }

    /// A REST page with these trades, by rising id.
    static func page(_ exchange: Exchange, _ symbol: ModelSymbol, _ trades: [ModelTrade], since: UInt64 = 0) -> [UInt8] {
        let body: String
        switch exchange {
        case .binance:
            let rows = trades.map {
                #"{"id":\#($0.id),"price":"\#($0.isBroken ? "much" : "60814.78000000")","qty":"0.00034000","quoteQty":"20.67702520","time":\#($0.micros / 1_000),"isBuyerMaker":true,"isBestMatch":true}"#
            }
            body = "[" + rows.joined(separator: ",") + "]"
        case .kraken:
            let rows = trades.map {
                let fraction = String($0.nanos % 1_000_000_000 / 100)
                return
                    #"["\#($0.isBroken ? "much" : "30243.40000")","0.34507674",\#($0.nanos / 1_000_000_000).\#(String(repeating: "0", count: 7 - fraction.count) + fraction),"b","m","",\#($0.id)]"#
            }
            body = #"{"error":[],"result":{"\#(symbol.pageKey)":[\#(rows.joined(separator: ","))],"last":"\#(trades.last?.nanos ?? since)"}}"#
        case .coinbase:
            let rows = trades.reversed().map {
                #"{"trade_id":\#($0.id),"side":"sell","size":"0.06469797","price":"\#($0.isBroken ? "much" : "6225.32000000")","time":"\#(micros($0.micros))"}"#
            }
            body = "[" + rows.joined(separator: ",") + "]"
        }
        return Array(body.utf8)
    }

    /// The number after `name=` in a query.
    static func number(_ name: String, _ target: String) -> UInt64? {
        guard let query = target.split(separator: "?").last else { return nil }
        for part in query.split(separator: "&") where part.hasPrefix(name + "=") { return UInt64(part.dropFirst(name.count + 1)) }
        return nil
    }

    /// The symbol that a request asks for.
    static func restName(_ exchange: Exchange, _ target: String) -> Substring {
        let parts = target.split(separator: "?")
        switch exchange {
        case .binance: return parts[1].split(separator: "&").first { $0.hasPrefix("symbol=") }!.dropFirst(7)
        case .kraken: return parts[1].split(separator: "&").first { $0.hasPrefix("pair=") }!.dropFirst(5)
        case .coinbase: return parts[0].split(separator: "/")[1]
        }
    }

    /// The answer to a request by a history that shows the trades that `isVisible` says.
    static func answer(_ exchange: Exchange, _ symbol: ModelSymbol, _ target: String, isVisible: (ModelTrade) -> Bool) -> [UInt8] {
        let limit = Int(number("limit", target) ?? number("count", target) ?? 1_000)
        func isShown(_ trade: ModelTrade) -> Bool { trade.id >= symbol.keptFrom && isVisible(trade) }
        func up(_ start: Int) -> [ModelTrade] {
            var found: [ModelTrade] = []
            for trade in symbol.trades[start...] where isShown(trade) {
                found.append(trade)
                if found.count == limit { break }
            }
            return found
        }
        func down(_ end: Int) -> [ModelTrade] {
            var found: [ModelTrade] = []
            for trade in symbol.trades[..<end].reversed() where isShown(trade) {
                found.append(trade)
                if found.count == limit { break }
            }
            return found.reversed()
        }
        switch exchange {
        case .binance: return page(exchange, symbol, number("fromId", target).map { up(symbol.place($0)) } ?? down(symbol.trades.count))
        case .kraken:
            guard let since = number("since", target) else { return page(exchange, symbol, down(symbol.trades.count)) }
            return page(exchange, symbol, up(symbol.place(after: since)), since: since)
        case .coinbase: return page(exchange, symbol, down(number("after", target).map { symbol.place($0) } ?? symbol.trades.count))
        }
    }
}

/// A capture with its output, and a clock that tests turn.
struct CaptureBench: ~Copyable {
    var capture: Capture
    var output = ByteWriter()
    var now: Int64 = 1_790_000_000_000_000
    var sequence: UInt64 = 0
    let connection = Array("b7f3".utf8)

    init(_ exchange: Exchange, _ symbols: [ModelSymbol] = []) {
        capture = Capture(feed: ExchangeRegistry.feed(for: exchange), catalog: .bundled())
        for symbol in symbols { capture.add(symbol.series, spellings: [symbol.pageKey]) }
    }

    @discardableResult
    mutating func message(_ bytes: [UInt8]) -> CapturedMessage {
        sequence += 1
        let tag = connection
        return capture.message(bytes.span, from: tag.span, sequence: sequence, at: micros(now), into: &output)
    }

    @discardableResult
    mutating func message(_ text: String) -> CapturedMessage { message(Array(text.utf8)) }

    @discardableResult
    mutating func page(_ bytes: [UInt8], _ request: String, status: Int = 200) -> CapturedPage {
        capture.page(bytes.span, status: status, request: RESTRequest(request), at: micros(now), into: &output)
    }

    @discardableResult
    mutating func page(_ text: String, _ request: String, status: Int = 200) -> CapturedPage { page(Array(text.utf8), request, status: status) }

    /// What was written since the last call.
    mutating func taken() -> String {
        defer { output.removeAll() }
        return String(decoding: output.array, as: UTF8.self)
    }

    mutating func lines() -> [String] { taken().split(separator: "\n").map(String.init) }
}
