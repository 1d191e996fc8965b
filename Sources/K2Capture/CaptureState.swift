import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

/// What survives a restart: the newest trade of each symbol and the holes that are not settled.
///
/// One JSON object: `{"version":1,"exchange":"kraken","symbols":[{"name":"BTC/USD","last_id":109116693,"last_time":"…","holes":[{…}]}]}`.
/// Ids beyond 2^53 are strings, as in records.
public struct CaptureState: Sendable, Equatable {
    public var exchange: Exchange
    public var symbols: [Symbol]

    public struct Symbol: Sendable, Equatable {
        public var name: String
        public var newest: RefillAnchor
        /// Announced or not, ascending; verdicts are not kept: they were said.
        public var holes: [Hole]
    }

    public init(exchange: Exchange, symbols: [Symbol] = []) {
        self.exchange = exchange
        self.symbols = symbols
    }

    /// The state of a capture that has been written out up to now.
    public init(of capture: borrowing Capture) {
        exchange = capture.exchange
        symbols = []
        for series in capture.series {
            guard let newest = series.highest else { continue }
            var holes: [Hole] = []
            for hole in series.holes {
                for range in series.settled.absent(from: hole.range) { holes.append(hole.part(range)) }
            }
            symbols.append(Symbol(name: series.name, newest: newest, holes: holes))
        }
    }

    public subscript(name: String) -> Symbol? { symbols.first { $0.name == name } }

    // MARK: Text

    public var bytes: [UInt8] {
        let list = symbols.map { symbol -> JSONValue in
            [
                "name": .string(symbol.name), "last_id": Self.id(symbol.newest.id), "last_time": .string(symbol.newest.time.description),
                "holes": .array(symbol.holes.map(Self.text)),
            ]
        }
        let value: JSONValue = ["version": 1, "exchange": .string(exchange.rawValue), "symbols": .array(list)]
        return value.bytes + [0x0a]
    }

    private static func text(_ hole: Hole) -> JSONValue {
        var object = JSONObject()
        object["first"] = id(hole.first)
        object["last"] = id(hole.last)
        object["after_time"] = hole.afterTime.map { .string($0.description) }
        object["before_time"] = hole.beforeTime.map { .string($0.description) }
        object["detected_at"] = .string(hole.detectedAt.description)
        object["cause"] = .string(hole.cause)
        object["announced"] = .bool(hole.isAnnounced)
        return .object(object)
    }

    private static func id(_ value: UInt64) -> JSONValue { value < 1 << 53 ? .integer(value) : .string(String(value)) }

    public struct Unreadable: Error, Sendable, CustomStringConvertible {
        public var description: String
    }

    /// - Throws: when the text is not a state, or that of another exchange.
    public init(parsing bytes: [UInt8], exchange: Exchange) throws(Unreadable) {
        let value: JSONValue
        do throws(JSONValueError) { value = try JSONValue(parsing: bytes) } catch { throw Unreadable(description: "\(error)") }
        guard value["version"]?.intValue == 1 else { throw Unreadable(description: "expected version 1, found \(value["version"]?.text ?? "none")") }
        guard value["exchange"]?.stringValue == exchange.rawValue else {
            throw Unreadable(description: "expected the state of \(exchange.rawValue), found that of \(value["exchange"]?.text ?? "none")")
        }
        self.exchange = exchange
        symbols = []
        for entry in value["symbols"]?.arrayValue ?? [] { symbols.append(try Self.symbol(entry)) }
    }

    private static func symbol(_ entry: JSONValue) throws(Unreadable) -> Symbol {
        guard let name = entry["name"]?.stringValue, let id = readID(entry["last_id"]),
            let time = entry["last_time"]?.stringValue.flatMap({ Timestamp($0) })
        else { throw Unreadable(description: "expected a symbol with name, last_id and last_time, found \(entry.text)") }
        var holes: [Hole] = []
        for hole in entry["holes"]?.arrayValue ?? [] { holes.append(try Self.hole(hole, before: id)) }
        return Symbol(name: name, newest: RefillAnchor(id: id, time: time), holes: holes)
    }

    private static func hole(_ entry: JSONValue, before id: UInt64) throws(Unreadable) -> Hole {
        guard let first = readID(entry["first"]), let last = readID(entry["last"]), first <= last, last < id,
            let detectedAt = time(entry["detected_at"])
        else { throw Unreadable(description: "expected a hole with first, last and detected_at, found \(entry.text)") }
        return Hole(
            first: first, last: last, afterTime: time(entry["after_time"]), beforeTime: time(entry["before_time"]),
            detectedAt: detectedAt, cause: entry["cause"]?.stringValue ?? "stream", isAnnounced: entry["announced"]?.boolValue ?? true)
    }

    private static func readID(_ value: JSONValue?) -> UInt64? { (value?.numberText ?? value?.stringValue).flatMap { UInt64($0) } }
    private static func time(_ value: JSONValue?) -> Timestamp? { value?.stringValue.flatMap { Timestamp($0) } }
}
