import K2Domain

/// How fast a recording is replayed.
enum ReplaySpeed: Equatable, Sendable {
    case max
    /// Times faster than recorded, above 0 and at most a million.
    case factor(Double)

    init?(_ text: String) {
        if text == "max" {
            self = .max
        } else if let factor = Double(text), factor > 0, factor <= 1_000_000 {
            self = .factor(factor)
        } else {
            return nil
        }
    }
}

/// Decides when a record is due: the pure part of pacing, without a clock.
struct Pacer {
    private let speed: ReplaySpeed
    /// Recorded time and the moment on our clock (µs) that belong together.
    private var anchor: (recorded: Int64, clock: Int64)?
    private var last = Int64.min

    init(speed: ReplaySpeed) { self.speed = speed }

    /// Whether the times in the records matter at all.
    var needsTimes: Bool { speed != .max }

    /// The moment on our clock, in µs, at which the record that was received at `time` is due.
    ///
    /// Where recorded time goes back the record is due at once, and spacing counts from there.
    mutating func due(_ time: Timestamp, now: Int64) -> Int64 {
        guard case .factor(let factor) = speed else { return now }
        let recorded = time.microseconds
        guard let anchor, recorded >= last else {
            self.anchor = (recorded, now)
            last = recorded
            return now
        }
        last = recorded
        // Years at slow speeds exceed Int64; a wait that long never ends anyhow.
        let wait = Double(recorded - anchor.recorded) / factor
        return anchor.clock + Int64(min(wait, 1e17))
    }
}
