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
