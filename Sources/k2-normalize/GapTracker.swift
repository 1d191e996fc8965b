import K2Domain

/// A hole in the ids of one instrument, both ends inclusive.
struct Hole: Equatable {
    var first: UInt64
    var last: UInt64
    var afterTime: Timestamp?
    var beforeTime: Timestamp?
    /// Receive time of the message that showed the hole.
    var detectedAt: Timestamp
}

/// What the tracker has to say: a hole that is open, or one reported earlier that got filled.
struct HoleReport: Equatable {
    var instrument: Int
    var hole: Hole
    var isFilled: Bool
}

/// Finds holes in the trade ids, per instrument, from the order in which trades arrive.
///
/// A hole waits for `patience` of receive time before it is reported, so that trades that merely
/// overtook each other, and gap records that arrive a little later, leave no trace. When all trades
/// of a reported hole come in after all, it is reported again as filled. Pure: time comes with the trades.
struct GapTracker {
    /// Bounds per instrument; beyond them the oldest hole is reported at once, or no longer followed.
    static let maxPending = 1024
    static let maxReported = 256
    static let maxCovered = 64

    private let patience: Int64
    private var states: [State?] = []
    /// No pending hole is due before this.
    private var nextDue = Timestamp(microseconds: .max)
    private(set) var reports: [HoleReport] = []

    private struct State {
        var highest: UInt64
        var highestTime: Timestamp
        var pending: [Hole] = []
        var reported: [Followed] = []
        /// Ranges that gap records of the feed named ahead of the trades behind them.
        var covered: [ClosedRange<UInt64>] = []
    }

    /// A hole that was reported, and which of its ids have not come yet.
    private struct Followed {
        var hole: Hole
        var missing: [ClosedRange<UInt64>]
    }

    init(patience: Int64) { self.patience = patience }

    /// Takes note of a trade. Reports end up in `reports`.
    mutating func observe(_ id: UInt64, time: Timestamp, receivedAt: Timestamp, instrument: Int) {
        while states.count <= instrument { states.append(nil) }
        guard states[instrument] != nil else {
            states[instrument] = State(highest: id, highestTime: time)
            return
        }
        let highest = states[instrument]!.highest
        if id > highest {
            if id > highest + 1 { open(highest + 1, id - 1, time, receivedAt, instrument) }
            states[instrument]!.highest = id
            states[instrument]!.highestTime = time
        } else if id < highest {
            fill(id, time, receivedAt, instrument)
        }
    }

    /// Takes note of a gap record of the feed: its range is not reported a second time.
    mutating func cover(_ range: ClosedRange<UInt64>, instrument: Int) {
        while states.count <= instrument { states.append(nil) }
        guard states[instrument] != nil else { return }
        states[instrument]!.pending = states[instrument]!.pending.flatMap { Self.subtract(range, from: $0) }
        states[instrument]!.reported.removeAll { range.lowerBound <= $0.hole.first && range.upperBound >= $0.hole.last }
        states[instrument]!.covered.append(range)
        if states[instrument]!.covered.count > Self.maxCovered { states[instrument]!.covered.removeFirst() }
    }

    /// Reports the holes that waited long enough.
    mutating func advance(to receivedAt: Timestamp) {
        if receivedAt < nextDue { return }
        let patience = self.patience
        release { $0.detectedAt.microseconds + patience <= receivedAt.microseconds }
    }

    /// Reports all holes still waiting: the input has ended.
    mutating func finish() { release { _ in true } }

    mutating func removeReports() { reports.removeAll(keepingCapacity: true) }

    private mutating func open(
        _ first: UInt64, _ last: UInt64, _ time: Timestamp, _ receivedAt: Timestamp, _ instrument: Int
    ) {
        let hole = Hole(
            first: first, last: last, afterTime: states[instrument]!.highestTime, beforeTime: time,
            detectedAt: receivedAt)
        var parts = [hole]
        for range in states[instrument]!.covered { parts = parts.flatMap { Self.subtract(range, from: $0) } }
        states[instrument]!.pending += parts
        while states[instrument]!.pending.count > Self.maxPending {
            report(states[instrument]!.pending.removeFirst(), instrument)
        }
        if !parts.isEmpty { nextDue = min(nextDue, Timestamp(microseconds: receivedAt.microseconds + patience)) }
    }

    private mutating func fill(_ id: UInt64, _ time: Timestamp, _ receivedAt: Timestamp, _ instrument: Int) {
        if let index = states[instrument]!.pending.firstIndex(where: { $0.first <= id && id <= $0.last }) {
            let whole = states[instrument]!.pending[index]
            var parts = Self.subtract(id...id, from: whole)
            for part in parts.indices {
                if parts[part].last < id { parts[part].beforeTime = time } else { parts[part].afterTime = time }
            }
            states[instrument]!.pending.replaceSubrange(index...index, with: parts)
            return
        }
        guard
            let index = states[instrument]!.reported.firstIndex(where: { $0.missing.contains { $0.contains(id) } })
        else { return }
        states[instrument]!.reported[index].missing = states[instrument]!.reported[index].missing.flatMap {
            Self.subtract(id...id, from: $0)
        }
        if states[instrument]!.reported[index].missing.isEmpty {
            var hole = states[instrument]!.reported.remove(at: index).hole
            hole.detectedAt = receivedAt
            reports.append(HoleReport(instrument: instrument, hole: hole, isFilled: true))
        }
    }

    private mutating func release(_ isDue: (Hole) -> Bool) {
        var next = Int64.max
        for instrument in states.indices where !(states[instrument]?.pending.isEmpty ?? true) {
            let due = states[instrument]!.pending.filter(isDue)
            states[instrument]!.pending.removeAll(where: isDue)
            for hole in due { report(hole, instrument) }
            for hole in states[instrument]!.pending { next = min(next, hole.detectedAt.microseconds + patience) }
        }
        nextDue = Timestamp(microseconds: next)
    }

    private mutating func report(_ hole: Hole, _ instrument: Int) {
        reports.append(HoleReport(instrument: instrument, hole: hole, isFilled: false))
        states[instrument]!.reported.append(Followed(hole: hole, missing: [hole.first...hole.last]))
        if states[instrument]!.reported.count > Self.maxReported { states[instrument]!.reported.removeFirst() }
    }

    static func subtract(_ range: ClosedRange<UInt64>, from hole: Hole) -> [Hole] {
        subtract(range, from: hole.first...hole.last).map {
            var part = hole
            part.first = $0.lowerBound
            part.last = $0.upperBound
            return part
        }
    }

    private static func subtract(
        _ range: ClosedRange<UInt64>, from whole: ClosedRange<UInt64>
    ) -> [ClosedRange<UInt64>] {
        guard range.overlaps(whole) else { return [whole] }
        var parts: [ClosedRange<UInt64>] = []
        if whole.lowerBound < range.lowerBound { parts.append(whole.lowerBound...(range.lowerBound - 1)) }
        if whole.upperBound > range.upperBound { parts.append((range.upperBound + 1)...whole.upperBound) }
        return parts
    }
}
