/// 32-bit Murmur3, x86 variant, seed 0, as bucket partitioning hashes values:
/// https://iceberg.apache.org/spec/#appendix-b-32-bit-hash-requirements
enum Murmur3 {
    /// The hash of a value; nil for types that cannot be bucketed.
    static func hash(_ value: Datum) -> UInt32? {
        switch value {
        case .int(let number), .date(let number): hash(Datum.long(Int64(number)).singleValue)
        case .long, .time, .timestamp, .string, .uuid, .fixed, .binary, .decimal: hash(value.singleValue)
        case .boolean, .float, .double: nil
        }
    }

    static func hash(_ bytes: [UInt8]) -> UInt32 {
        var state: UInt32 = 0
        var index = 0
        while index + 4 <= bytes.count {
            let word = UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16 | UInt32(bytes[index + 3]) << 24
            state = rotate(state ^ scramble(word), 13) &* 5 &+ 0xe654_6b64
            index += 4
        }
        var tail: UInt32 = 0
        for place in (index..<bytes.count).reversed() { tail = tail << 8 | UInt32(bytes[place]) }
        state ^= scramble(tail)
        state ^= UInt32(truncatingIfNeeded: bytes.count)
        state = (state ^ state >> 16) &* 0x85eb_ca6b
        state = (state ^ state >> 13) &* 0xc2b2_ae35
        return state ^ state >> 16
    }

    private static func scramble(_ word: UInt32) -> UInt32 { rotate(word &* 0xcc9e_2d51, 15) &* 0x1b87_3593 }
    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
