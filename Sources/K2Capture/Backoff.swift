/// Growing delays between tries of the same thing, with jitter so that many clients do not come back at once.
public struct Backoff: Sendable {
    public let range: ClosedRange<Int64>
    public private(set) var failures = 0

    /// - Parameter range: least and greatest delay, µs.
    public init(_ range: ClosedRange<Int64>) { self.range = range }

    /// The delay after one more failure, µs: it doubles each time, and is drawn from its upper half.
    /// - Parameter random: any 64 random bits.
    public mutating func fail(random: UInt64) -> Int64 {
        let doubled = range.lowerBound << Int64(min(failures, 20))
        let ceiling = min(max(doubled, range.lowerBound), range.upperBound)
        failures += 1
        return ceiling / 2 + Int64(random % UInt64(max(ceiling / 2, 1)))
    }

    public mutating func succeed() { failures = 0 }
}

/// Keeps to "at most so many in so long".
public struct AttemptBudget: Sendable {
    private let attempts: Int
    private let window: Int64
    /// Times of the latest attempts, oldest first.
    private var latest: [Int64] = []

    /// - Parameter window: µs.
    public init(attempts: Int, window: Int64) {
        self.attempts = attempts
        self.window = window
    }

    /// The first moment from `now` on at which another attempt is allowed.
    public func allowed(from now: Int64) -> Int64 {
        latest.count < attempts ? now : max(now, latest[latest.count - attempts] + window)
    }

    public mutating func use(at now: Int64) {
        latest.append(now)
        if latest.count > attempts { latest.removeFirst(latest.count - attempts) }
    }
}

/// Lets a burst through at once, then one every interval.
public struct RequestBudget: Sendable {
    private let burst: Int
    private let interval: Int64
    /// When the bucket is full again.
    private var fullAt: Int64 = .min

    /// - Parameter interval: µs.
    public init(burst: Int, interval: Int64) {
        self.burst = burst
        self.interval = interval
    }

    /// The first moment from `now` on at which a request may be sent.
    public func allowed(from now: Int64) -> Int64 { max(now, fullAt == .min ? now : fullAt - Int64(burst - 1) * interval) }

    public mutating func use(at now: Int64) { fullAt = max(fullAt, now) + interval }

    /// Sends nothing before `time`: the exchange asked for it.
    public mutating func pause(until time: Int64) { fullAt = max(fullAt, time + Int64(burst - 1) * interval) }
}
