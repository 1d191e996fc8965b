/// A small, fast generator whose numbers are the same on every machine: xoshiro256**, seeded by SplitMix64.
///
/// Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", prng.di.unimi.it.
/// Not for secrets.
public struct RandomSource: Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    /// - Parameter stream: separates generators that share a seed but must not follow each other.
    public init(seed: UInt64, stream: UInt64 = 0) {
        var state = seed ^ Self.mixed(stream)
        func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            return Self.finalized(state)
        }
        s0 = next()
        s1 = next()
        s2 = next()
        s3 = next()
    }

    public mutating func next() -> UInt64 {
        let result = Self.rotated(s1 &* 5, 7) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = Self.rotated(s3, 45)
        return result
    }

    /// A number in `0 ..< bound`; `bound` is at least 1. The bias is below `bound` / 2^64.
    public mutating func below(_ bound: Int64) -> Int64 {
        Int64(next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }

    /// True once in `count` calls on average.
    public mutating func once(in count: Int64) -> Bool { below(count) == 0 }

    /// Exponentially distributed with mean `mean` (0 to 2^36), without floating point: −log2 of a uniform
    /// number is its count of leading zeros plus one minus its mantissa, a straight line between powers of two.
    public mutating func exponential(mean: Int64) -> Int64 {
        let bits = next() | 1
        let zeros = bits.leadingZeroBitCount
        let mantissa = Int64(((bits << UInt64(zeros)) << 1) >> 48)
        let logarithm = Int64(zeros) << 16 + 65_536 - mantissa
        // The mean of `logarithm` is 1.5 × 65,536.
        return mean * logarithm / 98_304
    }

    /// The same well mixed number for the same input.
    public static func mixed(_ value: UInt64) -> UInt64 { finalized(value &+ 0x9e37_79b9_7f4a_7c15) }

    private static func finalized(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    private static func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
        (value << count) | (value >> (64 - count))
    }
}
