import K2Domain

/// A checked description of a simulated exchange.
public struct ServePlan: Sendable {
    public static let maxRate = 1_000_000
    /// The exchanges' times in ns fit `Int64` up to here: 2262-01-01.
    private static let latestStart: Int64 = 9_214_646_400_000_000

    public let exchange: Exchange
    public let seed: UInt64
    /// Trades a second over all symbols; nil: as many as the readers take.
    public let rate: Int?
    /// Number of trades after which the market falls silent; nil: never.
    public let trades: Int?
    /// Trades made before the market opens, which only snapshots and REST show.
    public let history: Int
    /// The exchange's time when the market opens; nil: the time that is passed in.
    public let start: Timestamp?
    /// Id of each symbol's first trade; nil takes one that is plausible for the symbol.
    public let firstID: Int64?
    /// µs after which a connection is cut; nil: the exchange's own rule (Binance: 24 h).
    public let life: Int64?
    public let faults: [ServeFault]
    /// Mean time between two faults, µs.
    public let faultInterval: Int64
    /// Whether REST requests above the exchange's limit are refused.
    public let limitsRequests: Bool
    public let wantsTruth: Bool
    /// Trades kept for REST, at least; older ones are pruned.
    public let keptTrades: Int
    let instruments: [SimulatedInstrument]

    /// - Parameter symbols: names of the exchange with or without separators; nil takes all the simulator knows.
    /// - Throws: `SimulationError` naming the option that is out of range.
    public init(
        exchange: Exchange, symbols: [String]? = nil, seed: UInt64 = 1, rate: Int? = RecordingPlan.defaultRate, trades: Int? = nil,
        history: Int = 0, start: Timestamp? = nil, firstID: Int64? = nil, life: Int64? = nil, faults: [ServeFault] = [],
        faultInterval: Int64 = 10_000_000, limitsRequests: Bool = true, wantsTruth: Bool = false, keptTrades: Int = 8_000_000
    ) throws(SimulationError) {
        try Self.check(rate, in: 1...Self.maxRate, "--rate")
        try Self.check(trades, in: 1...RecordingPlan.maxTrades, "--trades")
        try Self.check(history, in: 0...1_000_000, "--history")
        try Self.check(firstID, in: 1...RecordingPlan.maxFirstID, "--first-id")
        try Self.check(life, in: 1...Int64.max, "--life")
        guard (1_000...3_600_000_000).contains(faultInterval) else { throw SimulationError("--fault-every", "expected 1ms to 1h") }
        if let start, start.microseconds < 0 || start.microseconds >= Self.latestStart {
            throw SimulationError("--start", "expected a time in the years 1970 to 2261, found \(start)")
        }
        self.exchange = exchange
        self.seed = seed
        self.rate = rate
        self.trades = trades
        self.history = history
        self.start = start
        self.firstID = firstID
        self.life = life
        self.faults = faults
        self.faultInterval = faultInterval
        self.limitsRequests = limitsRequests
        self.wantsTruth = wantsTruth
        self.keptTrades = keptTrades
        instruments = try SimulatedInstrument.chosen(symbols, of: exchange)
        for fault in faults where fault.kind == .refuse {
            guard instruments.contains(where: { $0.answers(to: fault.symbol ?? "") }) else {
                throw SimulationError("--faults", "refuse=\(fault.symbol ?? ""): no symbol of this exchange is called so")
            }
        }
    }

    private static func check<T: BinaryInteger>(_ value: T?, in range: ClosedRange<T>, _ option: String) throws(SimulationError) {
        guard let value, !range.contains(value) else { return }
        throw SimulationError(option, "expected \(range.lowerBound) to \(range.upperBound), found \(value)")
    }

    /// The format of the exchange's stream, which the truth is written in. Times of Binance in µs.
    var format: WireFormat {
        switch exchange {
        case .binance: .binanceMicroseconds
        case .kraken: .krakenV2
        case .coinbase: .coinbaseAdvanced
        }
    }

    func symbols(_ format: WireFormat) -> [WireSymbol] { instruments.map { WireSymbol($0, format: format) } }
}
