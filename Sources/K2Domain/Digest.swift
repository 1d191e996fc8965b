import CK2XXHash

/// 128-bit digests of bytes (XXH3-128): the same on every machine and in every run.
public enum Digest {
    /// The digest of `bytes` as one number.
    public static func hash128(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt128 {
        bytes.withUnsafeBufferPointer {
            let hash = ck2_xxh3_128($0.baseAddress, $0.count, seed)
            return UInt128(hash.high) << 64 | UInt128(hash.low)
        }
    }
}
