import K2Domain

/// Ids of one symbol that did not come, both ends inclusive.
public struct Hole: Sendable, Equatable {
    public var first: UInt64
    public var last: UInt64
    /// Times of the trades before and after it.
    public var afterTime: Timestamp?
    public var beforeTime: Timestamp?
    /// Receive time of what showed it.
    public var detectedAt: Timestamp
    public var cause: String
    /// Whether a record says that it is open.
    public var isAnnounced: Bool
    /// Parts that are settled without a trade: proven to be empty, or lost. Ascending.
    public internal(set) var verdicts: [Verdict] = []

    public struct Verdict: Sendable, Equatable {
        public var range: ClosedRange<UInt64>
        /// `empty` or `lost`.
        public var state: GapState
        public var cause: String
    }

    public init(
        first: UInt64, last: UInt64, afterTime: Timestamp?, beforeTime: Timestamp?, detectedAt: Timestamp, cause: String,
        isAnnounced: Bool = false
    ) {
        self.first = first
        self.last = last
        self.afterTime = afterTime
        self.beforeTime = beforeTime
        self.detectedAt = detectedAt
        self.cause = cause
        self.isAnnounced = isAnnounced
    }

    public var range: ClosedRange<UInt64> { first...last }

    /// The hole cut down to a part of it.
    func part(_ range: ClosedRange<UInt64>) -> Hole {
        var part = self
        part.first = range.lowerBound
        part.last = range.upperBound
        part.verdicts = []
        return part
    }

    /// Takes the verdict on one id back. False when there is none.
    mutating func withdraw(_ id: UInt64) -> Bool {
        guard let index = verdicts.firstIndex(where: { $0.range.contains(id) }) else { return false }
        let verdict = verdicts.remove(at: index)
        for part in SequenceSet(ranges: [id...id]).absent(from: verdict.range) {
            verdicts.append(Verdict(range: part, state: verdict.state, cause: verdict.cause))
        }
        return true
    }

    /// The hole cut by its verdicts, ascending, each part with what became of it: what no verdict names was filled.
    func outcome() -> [Verdict] {
        var parts: [Verdict] = []
        var next = first
        for verdict in verdicts.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            if verdict.range.lowerBound > next {
                parts.append(Verdict(range: next...(verdict.range.lowerBound - 1), state: .filled, cause: cause))
            }
            parts.append(verdict)
            next = verdict.range.upperBound + 1
        }
        if next <= last { parts.append(Verdict(range: next...last, state: .filled, cause: cause)) }
        return parts
    }
}
