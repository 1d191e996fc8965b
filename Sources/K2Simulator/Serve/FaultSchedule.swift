/// Which fault comes when: seeded, exponentially spaced, each of the plan's momentary faults equally likely.
struct FaultSchedule {
    private let faults: [ServeFault]
    private let interval: Int64
    private var random: RandomSource
    /// Time of the next fault, in the market's µs; nil before the market opens, and without faults.
    private(set) var due: Int64?

    init(_ plan: ServePlan) {
        faults = plan.faults.filter { !$0.kind.isStanding }
        interval = plan.faultInterval
        random = RandomSource(seed: plan.seed, stream: 11)
    }

    mutating func start(at time: Int64) {
        if !faults.isEmpty { due = time + gap() }
    }

    mutating func stop() { due = nil }

    /// The fault that is due by `time`, or nil. Call until nil.
    mutating func next(until time: Int64) -> ServeFault? {
        guard let now = due, now <= time else { return nil }
        due = now + gap()
        return faults[Int(random.below(Int64(faults.count)))]
    }

    /// A tenth of the mean at least, so that faults stay apart.
    private mutating func gap() -> Int64 { max(random.exponential(mean: interval), interval / 10) }
}
