import Glibc

/// The time of day, µs since 1970, that never goes back: read once, and counted on from there.
struct SteadyClock {
    private let offset: Int64

    init() { offset = Self.read(CLOCK_REALTIME) - Self.read(CLOCK_MONOTONIC) }

    var now: Int64 { Self.read(CLOCK_MONOTONIC) + offset }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
