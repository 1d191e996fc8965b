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
