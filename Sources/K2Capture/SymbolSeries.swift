import K2Domain
import K2Exchanges

/// The trade ids of one symbol: which came, and which are missing.
///
/// Ids are contiguous on all exchanges, so a step greater than one is a hole. A hole waits for a moment
/// before it is announced: messages overtake each other when connections overlap.
public struct SymbolSeries: Sendable {
    /// The exchange's spelling on the stream.
    public let name: String
    /// K2's spelling, for gap records.
    public let symbol: String
    /// The exchange's spelling in REST requests.
    public let restName: String

    /// Ids that came, or that are known never to come.
    public private(set) var settled = SequenceSet()
    /// The part of `settled` that was given up, as empty or lost, in this run.
    private var abandoned = SequenceSet()
    /// Those of it that came, and when, until that is said.
    private var cameAfterAll = SequenceSet()
    private var cameAfterAllAt = Timestamp(microseconds: 0)
    /// The trade with the highest id.
    public private(set) var highest: RefillAnchor?
    /// Holes that are not settled, ascending.
    public private(set) var holes: [Hole] = []
    public private(set) var activity = SymbolActivity()
    public internal(set) var counts = SeriesCounts()

    /// The newest trade of the run before, where there was one.
    private var resumedAt: UInt64?

    /// More holes than this at once are given up, oldest first: memory is bounded.
    public static let maxHoles = 20_000
    /// A greater step is no hole but another series: the exchange began to count anew.
    public static let greatestStep: UInt64 = 1 << 32

    public init(name: String, symbol: String, restName: String) {
        self.name = name
        self.symbol = symbol
        self.restName = restName
    }

    /// Goes on where an earlier run stopped.
    public init(name: String, symbol: String, restName: String, resuming state: CaptureState.Symbol) {
        self.init(name: name, symbol: symbol, restName: restName)
        highest = state.newest
        holes = state.holes
        resumedAt = state.newest.id
        settled = state.known
    }

    /// Takes note of a trade. False when it came before.
    public mutating func observe(_ id: UInt64, time: Timestamp, receivedAt: Timestamp, cause: StaticString) -> Bool {
        guard let highest else {
            self.highest = RefillAnchor(id: id, time: time)
            return settled.insert(id)
        }
        if id <= highest.id { return settled.insert(id) || comesAfterAll(id, receivedAt) }
        if id > highest.id + 1 {
            open(after: highest, before: id, time, receivedAt, cause)
        }
        self.highest = RefillAnchor(id: id, time: time)
        return settled.insert(id)
    }

    /// A trade that was given up: it counts as new, and the verdict is taken back.
    private mutating func comesAfterAll(_ id: UInt64, _ receivedAt: Timestamp) -> Bool {
        guard abandoned.contains(id) else { return false }
        if cameAfterAll.insert(id) { cameAfterAllAt = receivedAt }
        return true
    }

    private mutating func open(after: RefillAnchor, before: UInt64, _ time: Timestamp, _ receivedAt: Timestamp, _ cause: StaticString) {
        var hole = Hole(
            first: after.id + 1, last: before - 1, afterTime: after.time, beforeTime: time, detectedAt: receivedAt, cause: "\(cause)")
        if before - after.id > Self.greatestStep {
            hole.verdicts = [Hole.Verdict(range: hole.range, state: .lost, cause: "series restarted")]
            settled.insert(contentsOf: hole.range)
            abandoned.insert(contentsOf: hole.range)
        }
        holes.append(hole)
        // Those before it were given up before, and wait for the next report.
        if holes.count > Self.maxHoles { settle(holes[holes.count - Self.maxHoles - 1].range, as: .lost, cause: "too many holes") }
    }

    /// Decides about ids that are missing: `empty` or `lost`. Ids that came meanwhile stay as they are.
    public mutating func settle(_ range: ClosedRange<UInt64>, as state: GapState, cause: String) {
        for part in settled.absent(from: range) {
            settled.insert(contentsOf: part)
            abandoned.insert(contentsOf: part)
            for index in holes.indices where holes[index].range.overlaps(part) {
                holes[index].verdicts.append(Hole.Verdict(range: part.clamped(to: holes[index].range), state: state, cause: cause))
            }
        }
    }

    /// Whether the hole is none any more.
    public func isSettled(_ hole: Hole) -> Bool { settled.absent(from: hole.range).isEmpty }

    /// Announces the holes seen before `time` or in an earlier run, and takes out those that are settled.
    /// - Returns: what there is to say, in order: opened holes, then parts that are settled.
    public mutating func report(seenBefore time: Timestamp) -> [HoleReport] {
        if !hasReports { return [] }
        var reports = takeBack()
        var kept: [Hole] = []
        for hole in holes {
            let missing = settled.absent(from: hole.range)
            if missing.isEmpty {
                if hole.isAnnounced || !hole.verdicts.isEmpty { reports += Self.closing(hole) }
            } else if hole.isAnnounced || hole.detectedAt >= time && !isOfEarlierRun(hole) {
                kept.append(hole)
            } else {
                for range in missing {
                    var part = hole.part(range)
                    part.isAnnounced = true
                    reports.append(HoleReport(hole: part, state: .open))
                    kept.append(part)
                }
                // Parts decided before the rest was announced are said at once.
                reports += hole.verdicts.map { HoleReport(hole: hole.part($0.range), state: $0.state, cause: $0.cause) }
            }
        }
        holes = kept
        return reports
    }

    /// Whether `report` may have something to say.
    public var hasReports: Bool { !holes.isEmpty || !cameAfterAll.ranges.isEmpty }

    /// Trades that came although they were given up.
    private mutating func takeBack() -> [HoleReport] {
        defer { cameAfterAll = SequenceSet() }
        return cameAfterAll.ranges.map {
            let hole = Hole(
                first: $0.lowerBound, last: $0.upperBound, afterTime: nil, beforeTime: nil,
                detectedAt: cameAfterAllAt, cause: "came after all", isAnnounced: true)
            return HoleReport(hole: hole, state: .filled)
        }
    }

    /// Then a record may have said that it is open after the state was saved.
    private func isOfEarlierRun(_ hole: Hole) -> Bool { resumedAt.map { hole.first <= $0 } ?? false }

    private static func closing(_ hole: Hole) -> [HoleReport] {
        hole.outcome()
            .filter { hole.isAnnounced || $0.state != .filled }
            .map { HoleReport(hole: hole.part($0.range), state: $0.state, cause: $0.cause) }
    }

    /// Notes that a message with trades of this symbol came over the stream.
    mutating func noteStream(at receivedAt: Timestamp) {
        counts.messages += 1
        activity.note(at: receivedAt)
    }

    /// Notes that history has trades that the stream did not bring.
    mutating func noteMissed(at time: Timestamp) { activity.missedAt = time }

    /// Notes that the symbol's newest trades were asked for.
    public mutating func noteLook(at time: Timestamp) { activity.lookedAt = time }
}

/// Totals of one symbol since the start.
public struct SeriesCounts: Sendable, Equatable {
    /// Stream messages with trades of it.
    public var messages: UInt64 = 0
    /// Trades that were new: over the stream, and by REST.
    public var trades: UInt64 = 0
    public var backfilled: UInt64 = 0
    /// Gap records by state: `open`, `filled`, `empty`, `lost`.
    public var gaps: [UInt64] = [0, 0, 0, 0]
}

/// Something to say about a hole or a part of one.
public struct HoleReport: Sendable, Equatable {
    public var hole: Hole
    public var state: GapState
    public var cause: String

    init(hole: Hole, state: GapState, cause: String? = nil) {
        self.hole = hole
        self.state = state
        self.cause = cause ?? hole.cause
    }
}

/// How often trades of a symbol come, to tell a quiet market from a dead subscription.
public struct SymbolActivity: Sendable {
    public private(set) var lastMessage: Timestamp?
    /// Mean time between messages, µs, the last ones counting most; nil before the second message.
    public private(set) var meanInterval: Int64?
    /// When the newest trades were last asked for.
    public var lookedAt: Timestamp?
    /// When they showed trades that the stream had not brought.
    public var missedAt: Timestamp?

    /// Silence of this many mean intervals, and at least `leastSilence`, is worth a look.
    private static let patience: Int64 = 20
    private static let leastSilence: Int64 = 30_000_000
    /// Very slow symbols are looked at as often.
    private static let greatestSilence: Int64 = 900_000_000
    /// Symbols of which nothing ever came, the first time.
    private static let firstSilence: Int64 = 60_000_000

    mutating func note(at time: Timestamp) {
        if let lastMessage {
            let interval = max(0, time.microseconds - lastMessage.microseconds)
            meanInterval = meanInterval.map { $0 + (interval - $0) / 16 } ?? interval
        }
        lastMessage = time
    }

    /// Whether silence is worth a look. Looks count as messages, so that a dead market is asked about rarely;
    /// but while the stream stays behind, they are what brings the trades.
    public func isDue(at now: Timestamp, since start: Timestamp) -> Bool {
        let last = max(lastMessage ?? start, lookedAt ?? start)
        return now.microseconds - last.microseconds > patience
    }

    private var patience: Int64 {
        if let missedAt, missedAt > lastMessage ?? Timestamp(microseconds: .min) { return Self.leastSilence }
        if let meanInterval { return min(max(meanInterval * Self.patience, Self.leastSilence), Self.greatestSilence) }
        return lastMessage == nil && lookedAt == nil ? Self.firstSilence : Self.greatestSilence
    }
}
