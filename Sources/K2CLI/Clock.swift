import Glibc
import K2Domain

/// Microseconds since some moment in the past; never goes back.
public enum MonotonicClock {
    public static func now() -> Int64 { read(CLOCK_MONOTONIC) }

    fileprivate static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}

/// The time of day, UTC.
public enum WallClock {
    public static func now() -> Timestamp { Timestamp(microseconds: MonotonicClock.read(CLOCK_REALTIME)) }
}
