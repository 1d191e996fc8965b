import K2Bytes
import K2Domain
import K2Exchanges
import K2JSON
import K2NDJSON

/// What survives a restart: the newest trade of each symbol, the ids that came, and the holes that were not
/// closed by a record.
///
/// One JSON object: `{"version":1,"exchange":"kraken","symbols":[{"name":"BTC/USD","last_id":109116693,"last_time":"…","known":[[109116001,109116693]],"holes":[{…}]}]}`.
/// Ids beyond 2^53 are strings, as in records.
public struct CaptureState: Sendable, Equatable {
    public var exchange: Exchange
    public var symbols: [Symbol]

    public struct Symbol: Sendable, Equatable {
        public var name: String
        public var newest: RefillAnchor
        /// As they were seen, ascending, with what was decided about their parts: what is not said yet is said later.
        public var holes: [Hole]
        /// Ids that came or are settled, `newest` among them.
        public var known: SequenceSet

        /// - Parameter known: nil: all from the first hole to the newest trade but the holes.
        public init(name: String, newest: RefillAnchor, holes: [Hole], known: SequenceSet? = nil) {
            self.name = name
            self.newest = newest
            self.holes = holes
            self.known = known ?? Self.outside(holes, upTo: newest.id)
        }

        init(of series: SymbolSeries, newest: RefillAnchor) {
            self.init(name: series.name, newest: newest, holes: series.holes, known: series.settled)
        }

        private static func outside(_ holes: [Hole], upTo newest: UInt64) -> SequenceSet {
            var missing = SequenceSet()
            for hole in holes { missing.insert(contentsOf: hole.range) }
            return SequenceSet(ranges: missing.absent(from: (holes.first?.first ?? newest)...newest))
        }
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
            symbols.append(Symbol(of: series, newest: newest))
        }
    }

    public subscript(name: String) -> Symbol? { symbols.first { $0.name == name } }

    // MARK: Text

    public var bytes: [UInt8] {
        let list = symbols.map { symbol -> JSONValue in
            [
                "name": .string(symbol.name), "last_id": Self.id(symbol.newest.id), "last_time": .string(symbol.newest.time.description),
                "known": .array(symbol.known.ranges.map(Self.text)), "holes": .array(symbol.holes.map(Self.text)),
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
        if !hole.verdicts.isEmpty { object["verdicts"] = .array(hole.verdicts.map(text)) }
        return .object(object)
    }

    private static func text(_ verdict: Hole.Verdict) -> JSONValue {
        [
            "first": id(verdict.range.lowerBound), "last": id(verdict.range.upperBound), "state": .string("\(verdict.state.name)"),
            "cause": .string(verdict.cause),
        ]
    }

    private static func text(_ range: ClosedRange<UInt64>) -> JSONValue { .array([id(range.lowerBound), id(range.upperBound)]) }

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
        var names: Set<String> = []
        for entry in value["symbols"]?.arrayValue ?? [] {
            let symbol = try Self.symbol(entry)
            guard names.insert(symbol.name).inserted else { throw Unreadable(description: "expected each symbol once, found \(symbol.name) again") }
            symbols.append(symbol)
        }
    }

    private static func symbol(_ entry: JSONValue) throws(Unreadable) -> Symbol {
        guard let name = entry["name"]?.stringValue, let id = readID(entry["last_id"]),
            let time = entry["last_time"]?.stringValue.flatMap({ Timestamp($0) })
        else { throw Unreadable(description: "expected a symbol with name, last_id and last_time, found \(entry.text)") }
        var holes: [Hole] = []
        for hole in entry["holes"]?.arrayValue ?? [] {
            let read = try Self.hole(hole, before: id)
            if let last = holes.last, read.first <= last.last {
                throw Unreadable(description: "expected holes in order, found \(hole.text)")
            }
            holes.append(read)
        }
        var known: SequenceSet?
        if let ranges = entry["known"] { known = try Self.known(ranges, newest: id) }
        return Symbol(name: name, newest: RefillAnchor(id: id, time: time), holes: holes, known: known)
    }

    private static func known(_ value: JSONValue, newest: UInt64) throws(Unreadable) -> SequenceSet {
        var set = SequenceSet()
        for entry in value.arrayValue ?? [] {
            guard let pair = entry.arrayValue, pair.count == 2, let first = readID(pair[0]), let last = readID(pair[1]), first <= last, last <= newest
            else { throw Unreadable(description: "expected first and last of known ids up to \(newest), found \(entry.text)") }
            set.insert(contentsOf: first...last)
        }
        guard set.contains(newest) else { throw Unreadable(description: "expected last_id \(newest) among the known ids, found \(value.text)") }
        return set
    }

    private static func hole(_ entry: JSONValue, before id: UInt64) throws(Unreadable) -> Hole {
        guard let first = readID(entry["first"]), let last = readID(entry["last"]), first <= last, last < id,
            let detectedAt = time(entry["detected_at"])
        else { throw Unreadable(description: "expected a hole with first, last and detected_at, found \(entry.text)") }
        var hole = Hole(
            first: first, last: last, afterTime: time(entry["after_time"]), beforeTime: time(entry["before_time"]),
            detectedAt: detectedAt, cause: entry["cause"]?.stringValue ?? "stream", isAnnounced: entry["announced"]?.boolValue ?? true)
        for verdict in entry["verdicts"]?.arrayValue ?? [] { hole.verdicts.append(try Self.verdict(verdict, in: hole.range)) }
        return hole
    }

    private static func verdict(_ entry: JSONValue, in hole: ClosedRange<UInt64>) throws(Unreadable) -> Hole.Verdict {
        guard let first = readID(entry["first"]), let last = readID(entry["last"]), first <= last, hole.contains(first), hole.contains(last),
            let state = entry["state"]?.stringValue.flatMap({ name in [GapState.empty, .lost].first { "\($0.name)" == name } })
        else { throw Unreadable(description: "expected a verdict with first, last and state, found \(entry.text)") }
        return Hole.Verdict(range: first...last, state: state, cause: entry["cause"]?.stringValue ?? "unknown")
    }

    /// Ids are of 63 bits at most, as those of messages.
    private static func readID(_ value: JSONValue?) -> UInt64? {
        (value?.numberText ?? value?.stringValue).flatMap { Int64($0) }.flatMap { UInt64(exactly: $0) }
    }

    private static func time(_ value: JSONValue?) -> Timestamp? { value?.stringValue.flatMap { Timestamp($0) } }
}
