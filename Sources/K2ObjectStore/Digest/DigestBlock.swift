/// Cuts what a digest is made of into blocks of 64 bytes, as SHA-256 and MD5 both take them.
struct DigestBlock: Sendable {
    static let size = 64
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0
    /// Bytes taken so far.
    private(set) var total = 0

    /// Calls `body` with the address of full blocks and their number; the rest waits.
    mutating func take(_ more: Span<UInt8>, _ body: (UnsafeRawPointer, Int) -> Void) {
        total += more.count
        more.withUnsafeBytes { source in
            var start = 0
            if count > 0 {
                start = min(Self.size - count, source.count)
                fill(source, 0..<start)
                if count < Self.size { return }
                give(body)
            }
            let blocks = (source.count - start) / Self.size
            if blocks > 0 {
                body(source.baseAddress.unsafelyUnwrapped + start, blocks)
                start += blocks * Self.size
            }
            fill(source, start..<source.count)
        }
    }

    /// Ends the message: a one bit, zeros, and the length in the last eight bytes.
    /// - Parameter bitCount: in the byte order of the digest.
    mutating func pad(bitCount: UInt64, _ body: (UnsafeRawPointer, Int) -> Void) {
        bytes[count] = 0x80
        count += 1
        if count > Self.size - 8 {
            for index in count..<Self.size { bytes[index] = 0 }
            give(body)
        }
        for index in count..<(Self.size - 8) { bytes[index] = 0 }
        withUnsafeBytes(of: bitCount) { length in
            for index in 0..<8 { bytes[Self.size - 8 + index] = length[index] }
        }
        give(body)
    }

    private mutating func fill(_ source: UnsafeRawBufferPointer, _ range: Range<Int>) {
        for index in range {
            bytes[count] = source[index]
            count += 1
        }
    }

    private mutating func give(_ body: (UnsafeRawPointer, Int) -> Void) {
        bytes.span.withUnsafeBytes { body($0.baseAddress.unsafelyUnwrapped, 1) }
        count = 0
    }
}
