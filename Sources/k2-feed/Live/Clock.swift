import Glibc
import K2Domain

/// The clocks of a live capture, both in µs.
enum MonotonicClock {
    /// Since some moment in the past; never goes back.
    static func now() -> Int64 { read(CLOCK_MONOTONIC) }

    fileprivate static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}

enum WallClock {
    static func now() -> Timestamp { Timestamp(microseconds: MonotonicClock.read(CLOCK_REALTIME)) }
}
