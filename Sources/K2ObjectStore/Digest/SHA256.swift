import CK2SHA256

/// SHA-256 (FIPS 180-4, section 6.2) of bytes that come in pieces. Allocates nothing until the end.
///
/// ```swift
/// var hash = SHA256()
/// hash.update(part.span)
/// let digest = hash.finish()        // 32 bytes
/// ```
public struct SHA256: Sendable {
    /// The hash so far, a…h of the standard.
    private var state = SIMD8<UInt32>(
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
    private var pending = DigestBlock()

    private let hasInstructions: Bool
    private static let processorHasInstructions = ck2_sha256_is_available() != 0

    public init() { self.init(hasInstructions: Self.processorHasInstructions) }

    /// - Parameter hasInstructions: whether the processor's instructions for SHA-256 are used.
    init(hasInstructions: Bool) { self.hasInstructions = hasInstructions && Self.processorHasInstructions }

    public mutating func update(_ bytes: Span<UInt8>) {
        // Apart for the time of the call: the closure changes the other fields.
        var pending = pending
        pending.take(bytes) { compress($0, $1) }
        self.pending = pending
    }

    /// The digest of what was given, 32 bytes.
    public consuming func finish() -> [UInt8] {
        var pending = pending
        pending.pad(bitCount: UInt64(pending.total * 8).bigEndian) { compress($0, $1) }
        return [UInt8](unsafeUninitializedCapacity: 32) { target, count in
            for word in 0..<8 {
                for byte in 0..<4 { target[4 * word + byte] = UInt8(truncatingIfNeeded: state[word] >> UInt32(24 - 8 * byte)) }
            }
            count = 32
        }
    }

    /// The digest of `bytes`, 32 bytes.
    public static func digest(_ bytes: Span<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    private mutating func compress(_ blocks: UnsafeRawPointer, _ count: Int) {
        if hasInstructions {
            withUnsafeMutableBytes(of: &state) { ck2_sha256_blocks($0.assumingMemoryBound(to: UInt32.self).baseAddress, blocks, count) }
            return
        }
        // Held here and not in the struct, so that the rounds run in registers.
        var state = state
        for index in 0..<count { Self.compress(&state, blocks + index * DigestBlock.size) }
        self.state = state
    }

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: InlineArray<16, SIMD4<UInt32>> = [
        SIMD4(0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5),
        SIMD4(0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5),
        SIMD4(0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3),
        SIMD4(0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174),
        SIMD4(0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc),
        SIMD4(0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da),
        SIMD4(0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7),
        SIMD4(0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967),
        SIMD4(0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13),
        SIMD4(0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85),
        SIMD4(0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3),
        SIMD4(0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070),
        SIMD4(0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5),
        SIMD4(0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3),
        SIMD4(0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208),
        SIMD4(0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2),
    ]

    /// Works one block of 64 bytes into the state.
    private static func compress(_ state: inout SIMD8<UInt32>, _ block: UnsafeRawPointer) {
        // The window of the message schedule: words t-16 … t-1.
        var w0 = words(block, 0)
        var w1 = words(block, 16)
        var w2 = words(block, 32)
        var w3 = words(block, 48)
        var work = Work(state)
        for first in stride(from: 0, to: 48, by: 16) {
            work.rounds(w0 &+ constants[first / 4])
            w0 = next(w0, w1, w2, w3)
            work.rounds(w1 &+ constants[first / 4 + 1])
            w1 = next(w1, w2, w3, w0)
            work.rounds(w2 &+ constants[first / 4 + 2])
            w2 = next(w2, w3, w0, w1)
            work.rounds(w3 &+ constants[first / 4 + 3])
            w3 = next(w3, w0, w1, w2)
        }
        work.rounds(w0 &+ constants[12])
        work.rounds(w1 &+ constants[13])
        work.rounds(w2 &+ constants[14])
        work.rounds(w3 &+ constants[15])
        state = state &+ work.state
    }

    @inline(__always)
    private static func words(_ block: UnsafeRawPointer, _ offset: Int) -> SIMD4<UInt32> {
        let raw = block.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt32>.self)
        return SIMD4(raw.x.bigEndian, raw.y.bigEndian, raw.z.bigEndian, raw.w.bigEndian)
    }

    /// The four words of the schedule that follow the sixteen given ones.
    @inline(__always)
    private static func next(
        _ a: SIMD4<UInt32>, _ b: SIMD4<UInt32>, _ c: SIMD4<UInt32>, _ d: SIMD4<UInt32>
    ) -> SIMD4<UInt32> {
        let early = SIMD4(a.y, a.z, a.w, b.x)
        let sum = a &+ SIMD4(c.y, c.z, c.w, d.x) &+ (rotate(early, 7) ^ rotate(early, 18) ^ (early &>> 3))
        // The last two depend on the first two.
        let (x, y) = (sum.x &+ late(d.z), sum.y &+ late(d.w))
        return SIMD4(x, y, sum.z &+ late(x), sum.w &+ late(y))
    }

    @inline(__always)
    private static func late(_ word: UInt32) -> UInt32 { rotate(word, 17) ^ rotate(word, 19) ^ (word &>> 10) }

    @inline(__always)
    private static func rotate(_ value: SIMD4<UInt32>, _ count: UInt32) -> SIMD4<UInt32> {
        value &>> SIMD4(repeating: count) | value &<< SIMD4(repeating: 32 &- count)
    }

    @inline(__always)
    fileprivate static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value &>> count | value &<< (32 &- count) }
}

/// The eight working variables of a block.
private struct Work {
    private var a, b, c, d, e, f, g, h: UInt32
    /// b ^ c, which the round before has computed.
    private var difference: UInt32

    @inline(__always)
    init(_ state: SIMD8<UInt32>) {
        (a, b, c, d) = (state[0], state[1], state[2], state[3])
        (e, f, g, h) = (state[4], state[5], state[6], state[7])
        difference = b ^ c
    }

    @inline(__always)
    var state: SIMD8<UInt32> { SIMD8(a, b, c, d, e, f, g, h) }

    /// Four rounds, after which each variable has gone on by four places.
    @inline(__always)
    mutating func rounds(_ words: SIMD4<UInt32>) {
        Self.round(a, b, &d, e, f, g, &h, words.x, &difference)
        Self.round(h, a, &c, d, e, f, &g, words.y, &difference)
        Self.round(g, h, &b, c, d, e, &f, words.z, &difference)
        Self.round(f, g, &a, b, c, d, &e, words.w, &difference)
        (a, b, c, d, e, f, g, h) = (e, f, g, h, a, b, c, d)
    }

    @inline(__always)
    private static func round(
        _ a: UInt32, _ b: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32, _ word: UInt32,
        _ difference: inout UInt32
    ) {
        let choice = g ^ (e & (f ^ g))
        let other = a ^ b
        // Of a, b and c what two of them agree on.
        let majority = b ^ (other & difference)
        difference = other
        // The rotations by 6, 11 and 25, and by 2, 13 and 22, one on top of the other.
        let upper = SHA256.rotate(SHA256.rotate(SHA256.rotate(e, 14) ^ e, 5) ^ e, 6)
        let lower = SHA256.rotate(SHA256.rotate(SHA256.rotate(a, 9) ^ a, 11) ^ a, 2)
        h = h &+ word &+ upper &+ choice
        d = d &+ h
        h = h &+ lower &+ majority
    }
}
