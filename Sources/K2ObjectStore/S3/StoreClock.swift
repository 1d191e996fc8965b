import Glibc

/// Time, waiting and chance, handed in so that tests need none of them.
struct StoreClock: Sendable {
    /// Seconds since 1970.
    var now: @Sendable () -> Int64
    /// µs on a clock that only goes forward.
    var steady: @Sendable () -> Int64
    /// Waits for some µs.
    var sleep: @Sendable (Int64) -> Void
    var random: @Sendable () -> UInt64

    /// The machine's own.
    static let system = StoreClock(
        now: { microseconds(CLOCK_REALTIME) / 1_000_000 },
        steady: { microseconds(CLOCK_MONOTONIC) },
        sleep: { time in
            var left = timespec(tv_sec: Int(time / 1_000_000), tv_nsec: Int(time % 1_000_000) * 1_000)
            var rest = timespec()
            while nanosleep(&left, &rest) != 0 && errno == EINTR { left = rest }
        },
        random: { UInt64.random(in: .min ... .max) })

    private static func microseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
