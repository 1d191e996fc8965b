import K2Domain

/// A checked description of one recording. Equal plans give equal bytes.
public struct RecordingPlan: Sendable {
    public static let maxTrades = 1_000_000_000
    public static let maxRate = 1_000_000
    public static let maxFirstID: Int64 = 1 << 62
    public static let defaultRate = 60
    /// 2026-02-18T00:00:00Z
    public static let defaultStart = Timestamp(microseconds: 1_771_372_800_000_000)
    /// Year 9900: the longest recording still ends before year 10000.
    private static let latestStart = Timestamp(microseconds: 250_249_219_200_000_000)

    public let format: WireFormat
    /// Number of distinct trades.
    public let trades: Int
    public let seed: UInt64
    /// Time of the first trade, about.
    public let start: Timestamp
    /// Id of each symbol's first trade; nil takes one that is plausible for the symbol.
    public let firstID: Int64?
    /// Trades a second of simulated time, over all symbols.
    public let rate: Int
    public let faults: Faults
    /// Whether `Recording.truth` is filled.
    public let wantsTruth: Bool
    let instruments: [SimulatedInstrument]

    /// - Parameter symbols: names of the exchange with or without separators; nil takes all the simulator knows.
    /// - Throws: `SimulationError` naming the option that is out of range.
    public init(
        format: WireFormat, trades: Int, seed: UInt64 = 1, start: Timestamp = defaultStart, firstID: Int64? = nil,
        rate: Int = defaultRate, faults: Faults = [], symbols: [String]? = nil, wantsTruth: Bool = false
    ) throws(SimulationError) {
        guard (1...Self.maxTrades).contains(trades) else {
            throw SimulationError("--trades", "expected 1 to \(Self.maxTrades), found \(trades)")
        }
        guard (1...Self.maxRate).contains(rate) else {
            throw SimulationError("--rate", "expected 1 to \(Self.maxRate) trades a second, found \(rate)")
        }
        if let firstID, !(1...Self.maxFirstID).contains(firstID) {
            throw SimulationError("--first-id", "expected 1 to \(Self.maxFirstID), found \(firstID)")
        }
        guard start.microseconds >= 0, start < Self.latestStart else {
            throw SimulationError("--start", "expected a time in the years 1970 to 9899, found \(start)")
        }
        self.format = format
        self.trades = trades
        self.seed = seed
        self.start = start
        self.firstID = firstID
        self.rate = rate
        self.faults = faults
        self.wantsTruth = wantsTruth
        instruments = try SimulatedInstrument.chosen(symbols, of: format.exchange)
    }
}

extension SimulatedInstrument {
    /// The pairs that the names of `--symbols` mean; all for nil.
    static func chosen(_ symbols: [String]?, of exchange: Exchange) throws(SimulationError) -> [SimulatedInstrument] {
        let known = all(of: exchange)
        guard let symbols else { return known }
        var chosen: [SimulatedInstrument] = []
        for symbol in symbols {
            guard let found = known.first(where: { $0.answers(to: symbol) }) else {
                let choices = known.map(\.compactName).joined(separator: ", ")
                throw SimulationError("--symbols", "expected some of \(choices), found \"\(symbol)\"")
            }
            if !chosen.contains(where: { $0.base == found.base }) { chosen.append(found) }
        }
        guard !chosen.isEmpty else { throw SimulationError("--symbols", "expected at least one symbol, found none") }
        return chosen
    }
}
