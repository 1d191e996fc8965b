/// One thing that a simulated exchange does wrong on purpose, as `name` or `name=argument` on the command line.
public struct ServeFault: Sendable, Equatable {
    public enum Kind: String, CaseIterable, Sendable {
        // One connection.
        case drop, freeze, halfOpen = "half-open", slow, errorFrame = "error-frame", garbage, badFrame = "bad-frame", huge, fragments
        case shutdown
        // The market and its stream.
        case skip, gap, lost, duplicates, reorder, late
        // From the start, or from the moment a control request sets them.
        case lateAck = "late-ack"
        case refuse
        case restLag = "rest-lag"
        case age
        // The next request, and the next attempt to connect.
        case http429 = "http-429"
        case http418 = "http-418"
        case http5xx = "http-5xx"
        case httpDrop = "http-drop"
        case httpSlow = "http-slow"
        case refuseConnect = "refuse-connect"
    }

    enum Argument { case none, duration, count, symbol }

    public let kind: Kind
    /// µs, or a number; nil takes the kind's own, often at random.
    public let value: Int64?
    /// Of `refuse`.
    public let symbol: String?

    public init(_ kind: Kind, value: Int64? = nil, symbol: String? = nil) {
        self.kind = kind
        self.value = value
        self.symbol = symbol
    }

    /// Reads `name` or `name=argument`, such as `gap=20`, `late=5s`, `refuse=BTC-USD`.
    public init(_ text: some StringProtocol) throws(SimulationError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts.first ?? "")) else {
            let choices = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw SimulationError("--faults", "expected some of \(choices), found \"\(text)\"")
        }
        try self.init(kind, parts.count > 1 ? String(parts[1]) : nil)
    }

    private init(_ kind: Kind, _ argument: String?) throws(SimulationError) {
        guard let argument else {
            if kind == .refuse { throw SimulationError("--faults", "refuse: expected refuse=SYMBOL") }
            self.init(kind)
            return
        }
        switch kind.argument {
        case .none: throw SimulationError("--faults", "\(kind.rawValue) takes no argument, found \"\(argument)\"")
        case .symbol: self.init(kind, symbol: argument)
        case .count:
            guard let count = Int64(argument), (1...100_000_000).contains(count) else {
                throw SimulationError("--faults", "\(kind.rawValue): expected a number from 1 to 100000000, found \"\(argument)\"")
            }
            self.init(kind, value: count)
        case .duration:
            guard let time = Self.microseconds(argument) else {
                throw SimulationError("--faults", "\(kind.rawValue): expected a time such as 500ms or 5s, found \"\(argument)\"")
            }
            self.init(kind, value: time)
        }
    }

    /// Reads a list such as `drop,gap=20,late=5s`.
    public static func list(_ text: String) throws(SimulationError) -> [ServeFault] {
        var faults: [ServeFault] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) { faults.append(try ServeFault(part)) }
        return faults
    }

    /// `500ms`, `5s`, `2m` or `1h` in µs, at most a day.
    private static func microseconds(_ text: String) -> Int64? {
        let units: [(String, Int64)] = [("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)]
        for (suffix, unit) in units where text.hasSuffix(suffix) {
            guard let number = Int64(text.dropLast(suffix.utf8.count)), (1...86_400_000).contains(number), number * unit <= 86_400_000_000
            else { return nil }
            return number * unit
        }
        return nil
    }
}

extension ServeFault.Kind {
    var argument: ServeFault.Argument {
        switch self {
        case .drop, .halfOpen, .errorFrame, .garbage, .badFrame, .httpDrop: .none
        case .refuse: .symbol
        case .huge, .fragments, .skip, .gap, .lost, .duplicates, .reorder, .http5xx: .count
        case .freeze, .slow, .shutdown, .late, .lateAck, .restLag, .age, .http429, .http418, .httpSlow, .refuseConnect: .duration
        }
    }

    /// In force from the start rather than at random moments.
    var isStanding: Bool {
        switch self {
        case .lateAck, .refuse, .restLag, .age: true
        default: false
        }
    }

    /// Needs a subscribed connection to happen to.
    var hitsConnection: Bool {
        switch self {
        case .drop, .freeze, .halfOpen, .slow, .errorFrame, .garbage, .badFrame, .huge, .fragments, .shutdown: true
        default: false
        }
    }
}
