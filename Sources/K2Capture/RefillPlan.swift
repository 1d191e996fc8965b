import K2Domain
import K2Exchanges
import K2Retry

/// Decides which REST request comes next, and what its answer means for the holes. Pure: monotonic times, in
/// µs, come as arguments.
///
/// A hole is asked for until every id of it came, was proven not to exist, or cannot be had any more. Proof
/// is two trades that follow each other in a page, seen twice with a pause between: an exchange's history
/// may show a trade a little later than its neighbours. What the history does not have while it has later
/// trades is lost after `attempts` looks; while it lags behind, we wait for `patience`.
public struct RefillPlan: Sendable {
    public struct Policy: Sendable {
        /// How long the history may lag behind the stream, µs.
        public var patience: Int64 = 900_000_000
        /// Looks at a history that is past the hole and does not have it.
        public var attempts = 4
        /// Pause before a proof is confirmed, µs.
        public var confirmation: Int64 = 3_000_000
        public var delay: ClosedRange<Int64> = 500_000...30_000_000

        public init() {}
    }

    /// Why the newest trades of a symbol are asked for.
    public enum LookReason: Sendable, Equatable {
        /// The stream has just been subscribed: trades may have taken place before.
        case subscribed
        /// The stream is silent for longer than usual.
        case silent
        /// The connection lost messages.
        case jumped
    }

    /// What is being asked.
    public enum Errand: Sendable, Equatable {
        case look(series: Int, reason: LookReason)
        case hole(series: Int, first: UInt64)
    }

    /// What an answer led to, beyond the account of the ids.
    public enum Finding: Sendable, Equatable {
        /// History has trades that the stream should have brought.
        case streamIsBehind(series: Int)
        /// The exchange will not answer for this symbol.
        case refused(series: Int, String)
    }

    private struct Look {
        var series: Int
        var reason: LookReason
        var notBefore: Int64
        /// When the reason arose, by the clock of the exchange's times.
        var since: Timestamp
        var tries = 0
    }

    private struct Job {
        var series: Int
        var range: ClosedRange<UInt64>
        var pager: any RefillPager
        var evidence = RefillEvidence()
        /// Proven to be empty the last time.
        var suspected = SequenceSet()
        var backoff: Backoff
        var notBefore: Int64
        /// Looks that found history past the hole but not the trades.
        var misses = 0
        var startedAt: Int64
    }

    public let policy: Policy
    private let feed: any ExchangeFeed
    private var looks: [Look] = []
    private var jobs: [Job] = []
    private var random: RandomBits

    public init(feed: any ExchangeFeed, policy: Policy = Policy(), seed: UInt64) {
        self.feed = feed
        self.policy = policy
        random = RandomBits(seed: seed)
    }

    /// Holes that are being asked for.
    public var openHoles: Int { jobs.count }
    public var isIdle: Bool { jobs.isEmpty && looks.isEmpty }

    // MARK: Wishes

    /// Asks for the newest trades of a symbol, unless that is planned already.
    /// - Parameter delays: when, in µs from now; later ones are left out once the stream has brought a trade.
    public mutating func look(_ series: Int, for reason: LookReason, after delays: [Int64], since: Timestamp, now: Int64) {
        looks.removeAll { $0.series == series && $0.reason == reason }
        for delay in delays { looks.append(Look(series: series, reason: reason, notBefore: now + delay, since: since)) }
    }

    /// Asks for the trades of an announced hole.
    public mutating func refill(_ hole: Hole, series: Int, restName: String, now: Int64) {
        guard !jobs.contains(where: { $0.series == series && $0.range == hole.range }) else { return }
        jobs.append(
            Job(
                series: series, range: hole.range, pager: pager(hole, restName), backoff: Backoff(policy.delay), notBefore: now,
                startedAt: now))
    }

    private func pager(_ hole: Hole, _ restName: String) -> any RefillPager {
        feed.refill(RefillHole(symbol: restName, first: hole.first, last: hole.last, afterTime: hole.afterTime))
    }

    // MARK: Requests

    /// The errand that is due first, not before `now`; nil when there is none at all.
    public mutating func next(now: Int64, capture: borrowing Capture) -> (at: Int64, errand: Errand, request: RESTRequest)? {
        looks.removeAll { Self.isNeedless($0, capture) }
        jobs.removeAll { capture.series[$0.series].settled.absent(from: $0.range).isEmpty }
        let look = looks.min { $0.notBefore < $1.notBefore }
        let job = jobs.min { $0.notBefore < $1.notBefore }
        if let look, look.notBefore <= max(job?.notBefore ?? .max, now) {
            let request = feed.newestTrades(capture.series[look.series].restName)
            return (max(now, look.notBefore), .look(series: look.series, reason: look.reason), request)
        }
        guard let job, let request = job.pager.next else { return nil }
        return (max(now, job.notBefore), .hole(series: job.series, first: job.range.lowerBound), request)
    }

    /// A trade over the stream shows by its id what is missing before it.
    private static func isNeedless(_ look: Look, _ capture: borrowing Capture) -> Bool {
        guard look.reason != .jumped, let last = capture.series[look.series].activity.lastMessage else { return false }
        return last > look.since
    }

    // MARK: Answers

    /// The page that an errand brought, already entered into `capture`.
    public mutating func answered(
        _ errand: Errand, _ page: RefillPage, new: Int, newest: RefillAnchor?, capture: inout Capture, at time: Timestamp, now: Int64
    ) -> Finding? {
        switch errand {
        case .look(let series, let reason):
            let look = removeLook(series, reason)
            capture.noteLook(series, at: time)
            // The stream gets a moment: its message may be on the way.
            guard reason == .silent, new > 0, let newest, let look, newest.time > look.since,
                time.microseconds - newest.time.microseconds > 3_000_000
            else { return nil }
            capture.noteMissed(series, at: time)
            return .streamIsBehind(series: series)
        case .hole(let series, let first):
            guard let index = jobs.firstIndex(where: { $0.series == series && $0.range.lowerBound == first }) else { return nil }
            jobs[index].evidence.add(page, within: jobs[index].range)
            jobs[index].pager.advance(page)
            if jobs[index].pager.next == nil { conclude(index, &capture, now) } else { jobs[index].notBefore = now }
            return nil
        }
    }

    private mutating func removeLook(_ series: Int, _ reason: LookReason) -> Look? {
        firstLook(series, reason).map { looks.remove(at: $0) }
    }

    /// The one that was asked: the earliest.
    private func firstLook(_ series: Int, _ reason: LookReason) -> Int? {
        looks.indices.filter { looks[$0].series == series && looks[$0].reason == reason }
            .min { looks[$0].notBefore < looks[$1].notBefore }
    }

    /// All pages of a hole were read: decides about the ids that are still missing, or when to ask again.
    private mutating func conclude(_ index: Int, _ capture: inout Capture, _ now: Int64) {
        let job = jobs[index]
        var unproven: [ClosedRange<UInt64>] = []
        var isToConfirm = false
        for missing in capture.series[job.series].settled.absent(from: job.range) {
            let open = job.evidence.empty.absent(from: missing)
            unproven += open
            for proven in Self.parts(of: missing, without: open) {
                for fresh in job.suspected.absent(from: proven) { isToConfirm = isToConfirm || !fresh.isEmpty }
                for confirmed in Self.parts(of: proven, without: job.suspected.absent(from: proven)) {
                    capture.settle(job.series, confirmed, as: .empty, cause: "exchange has no such trades")
                }
            }
        }
        jobs[index].suspected = job.evidence.empty
        if unproven.isEmpty {
            if isToConfirm { restart(index, capture, at: now + policy.confirmation) } else { jobs.remove(at: index) }
            return
        }
        wait(index, for: unproven, isToConfirm, &capture, now)
    }

    private mutating func wait(
        _ index: Int, for unproven: [ClosedRange<UInt64>], _ isToConfirm: Bool, _ capture: inout Capture, _ now: Int64
    ) {
        let job = jobs[index]
        let isPast = (job.evidence.highest ?? 0) > job.range.upperBound
        if isPast { jobs[index].misses += 1 }
        let isLost = isPast ? jobs[index].misses >= policy.attempts : now - job.startedAt > policy.patience
        if isLost {
            let cause = isPast ? "exchange does not have them any more" : "exchange's history does not reach them"
            for range in unproven { capture.settle(job.series, range, as: .lost, cause: cause) }
            if !isToConfirm {
                jobs.remove(at: index)
                return
            }
        }
        let delay = max(jobs[index].backoff.fail(random: random.next()), isToConfirm ? policy.confirmation : 0)
        restart(index, capture, at: now + delay)
    }

    private mutating func restart(_ index: Int, _ capture: borrowing Capture, at time: Int64) {
        let series = capture.series[jobs[index].series]
        guard let hole = series.holes.first(where: { $0.range == jobs[index].range }) else {
            jobs.remove(at: index)
            return
        }
        jobs[index].pager = pager(hole, series.restName)
        jobs[index].evidence = RefillEvidence()
        jobs[index].notBefore = time
    }

    /// The parts of `whole` that are not in `parts`, which are ascending and inside it.
    private static func parts(of whole: ClosedRange<UInt64>, without parts: [ClosedRange<UInt64>]) -> [ClosedRange<UInt64>] {
        var set = SequenceSet()
        for part in parts { set.insert(contentsOf: part) }
        return set.absent(from: whole)
    }

    /// The errand was refused or did not get through: it is tried again later, unless it never will be answered.
    public mutating func failed(_ errand: Errand, _ refusal: RESTRefusal, capture: inout Capture, now: Int64) -> Finding? {
        switch errand {
        case .look(let series, let reason):
            guard let index = firstLook(series, reason) else { return nil }
            looks[index].tries += 1
            looks[index].notBefore = now + policy.delay.lowerBound << Int64(min(looks[index].tries, 6))
            if case .never(let message) = refusal {
                looks.remove(at: index)
                return .refused(series: series, message)
            }
            return nil
        case .hole(let series, let first):
            guard let index = jobs.firstIndex(where: { $0.series == series && $0.range.lowerBound == first }) else { return nil }
            jobs[index].notBefore = now + jobs[index].backoff.fail(random: random.next())
            guard case .never(let message) = refusal else { return nil }
            jobs[index].misses += 1
            if jobs[index].misses < policy.attempts { return nil }
            capture.settle(series, jobs[index].range, as: .lost, cause: message)
            jobs.remove(at: index)
            return .refused(series: series, message)
        }
    }
}

/// A small generator for jitter: splitmix64 (Steele, Lea, Flood 2014). Seeded, so that runs can be repeated.
struct RandomBits: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}
