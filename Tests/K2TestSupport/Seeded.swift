import Foundation

/// A random source for property tests (SplitMix64) whose seed can be printed and given again.
///
/// `K2_TEST_SEED` sets the seed of every property test; otherwise each run takes a new one.
public struct Seeded: RandomNumberGenerator, Sendable {
    public let seed: UInt64
    private var state: UInt64

    public init(_ seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A source with a new seed, or that of `K2_TEST_SEED`, which is printed with the name of the test.
    public static func start(_ test: String = #function) -> Seeded {
        let asked = ProcessInfo.processInfo.environment["K2_TEST_SEED"].flatMap { UInt64($0) }
        let source = Seeded(asked ?? UInt64.random(in: 1...999_999_999))
        print("\(test): seed \(source.seed)")
        return source
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    public mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// True once in `count` calls on average.
    public mutating func once(in count: Int) -> Bool { int(1...count) == 1 }

    public mutating func pick<T>(_ values: [T]) -> T { values[int(0...(values.count - 1))] }

    public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// An integer whose length in bits is uniform: small and large ones are equally likely.
    public mutating func anyWidth() -> UInt64 {
        let bits = int(0...64)
        return bits == 0 ? 0 : next() >> UInt64(64 - bits)
    }

    /// `count` decimal digits.
    public mutating func digits(_ count: Int) -> String { String((0..<count).map { _ in pick(Array("0123456789")) }) }
}
