import Testing

@testable import K2Parquet

struct BitUnpackingTests {
    private static func oracle(_ bytes: [UInt8], width: Int, count: Int, fromTop: Bool) -> [UInt32] {
        (0..<count).map { index in
            (0..<width).reduce(UInt32(0)) { value, bit in
                let position = index * width + bit
                let shift = fromTop ? 7 - position % 8 : position % 8
                let one = UInt32(bytes[position / 8] >> UInt8(shift)) & 1
                return fromTop ? value << 1 | one : value | one << UInt32(bit)
            }
        }
    }

    /// The bytes end right behind the values, so whatever reads further is seen by the address sanitizer, and wrong values by the oracle.
    @Test func everyWidthAndCount() {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for width in 1...32 {
            for count in Array(0...40) + [1000] {
                let bytes = (0..<(count * width + 7) / 8).map { _ in UInt8.random(in: 0...255, using: &random) }
                var words: [UInt32] = []
                bytes.withUnsafeBytes { source in
                    guard let base = source.baseAddress else { return }
                    words.append(uninitialized: count) { BitPacking.unpack(base, available: bytes.count, width: width, count: count, to: $0) }
                }
                let expected = Self.oracle(bytes, width: width, count: count, fromTop: false)
                #expect(words == expected, "seed \(seed) width \(width) count \(count)")
                guard width <= 8 else { continue }
                var (levels, older): ([UInt8], [UInt8]) = ([], [])
                bytes.withUnsafeBytes { source in
                    guard let base = source.baseAddress else { return }
                    levels.append(uninitialized: count) { BitPacking.unpack(base, available: bytes.count, width: width, count: count, to: $0) }
                    older.append(uninitialized: count) { BitPacking.unpackFromTop(source, width: width, count: count, to: $0) }
                }
                #expect(levels.map { UInt32($0) } == expected, "seed \(seed) width \(width) count \(count)")
                #expect(older.map { UInt32($0) } == Self.oracle(bytes, width: width, count: count, fromTop: true), "seed \(seed) width \(width) count \(count)")
            }
        }
    }
}
