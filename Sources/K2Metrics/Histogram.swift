/// Counts values in buckets with fixed upper bounds.
public struct Histogram: Equatable, Sendable {
    /// Upper bounds, included in their buckets; ascending. Behind the last one stands a bucket without bound.
    public let bounds: [Double]
    /// Values in each bucket alone, one more than there are bounds.
    public private(set) var counts: [Int]
    /// Of all values.
    public private(set) var sum: Double = 0

    /// - Precondition: the bounds ascend and are finite.
    public init(bounds: [Double]) {
        precondition(bounds.allSatisfy(\.isFinite) && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    /// For latencies in seconds: 1 ms to 10 s, in steps of about 2.
    public static let latencyBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

    public var count: Int { counts.reduce(0, +) }

    /// Counts a value; one that is not a number is ignored. Allocates nothing.
    public mutating func observe(_ value: Double) {
        if value.isNaN { return }
        // Buckets are few, and most values lie in the first ones.
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts[index] += 1
        sum += value
    }
}
