import K2Bytes

/// DELTA_BINARY_PACKED: differences in blocks, each with its own least difference and bit widths.
///
/// Source: Encodings.md of apache/parquet-format, section Delta Encoding. Blocks of 128 values in four
/// miniblocks are what the reference implementations write.
enum DeltaBinaryPacked {
    static let blockSize = 128
    static let miniblocks = 4
    private static let miniblockSize = blockSize / miniblocks

    /// Encodes `count` values. `T` is Int32 or Int64; differences wrap around in 64 bits, or in 32.
    ///
    /// `byteAligned` rounds widths up to whole bytes: longer before compression, often shorter after it.
    static func encode<T: FixedWidthInteger & SignedInteger>(
        _ values: UnsafePointer<T>, count: Int, byteAligned: Bool = false, into buffer: inout PageBuffer
    ) {
        buffer.appendVarint(UInt64(blockSize))
        buffer.appendVarint(UInt64(miniblocks))
        buffer.appendVarint(UInt64(count))
        buffer.appendVarint(Varint.zigzag(count > 0 ? Int64(values[0]) : 0))
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: blockSize) { scratch in
            guard let deltas = scratch.baseAddress else { return }
            var position = 1
            while position < count {
                let length = min(count - position, blockSize)
                encodeBlock(values + position, count: length, deltas: deltas, byteAligned: byteAligned, into: &buffer)
                position += length
            }
        }
    }

    /// `values[-1]` is the value before the block.
    private static func encodeBlock<T: FixedWidthInteger & SignedInteger>(
        _ values: UnsafePointer<T>, count: Int, deltas: UnsafeMutablePointer<UInt64>, byteAligned: Bool, into buffer: inout PageBuffer
    ) {
        var least = T.max
        for index in 0..<count {
            let delta = values[index] &- values[index - 1]
            least = min(least, delta)
            deltas[index] = UInt64(bitPattern: Int64(delta))
        }
        let base = UInt64(bitPattern: Int64(least))
        let mask: UInt64 = T.bitWidth == 64 ? .max : (1 << UInt64(T.bitWidth)) - 1
        for index in 0..<count { deltas[index] = (deltas[index] &- base) & mask }
        for index in count..<blockSize { deltas[index] = 0 }
        buffer.appendVarint(Varint.zigzag(Int64(least)))
        var widths: InlineArray<4, Int> = [0, 0, 0, 0]
        for miniblock in 0..<miniblocks {
            var bits: UInt64 = 0
            for index in 0..<miniblockSize { bits |= deltas[miniblock * miniblockSize + index] }
            let width = BitPacking.width(bits)
            widths[miniblock] = byteAligned ? (width + 7) & ~7 : width
            buffer.append(UInt8(truncatingIfNeeded: widths[miniblock]))
        }
        for miniblock in 0..<miniblocks where miniblock * miniblockSize < count {
            BitPacking.packWide(deltas + miniblock * miniblockSize, count: miniblockSize, width: widths[miniblock], into: &buffer)
        }
    }

    /// Reads exactly `count` values, or all that the header announces when `count` is nil.
    ///
    /// - Returns: the values and the number of bytes that they took.
    static func decode<T: FixedWidthInteger & SignedInteger>(
        _ bytes: Span<UInt8>, count expected: Int, as type: T.Type = T.self
    ) throws(ByteError) -> (values: [T], length: Int) {
        var cursor = ByteCursor(bytes)
        let (block, parts) = (try cursor.readVarint(), try cursor.readVarint())
        let total = try cursor.readVarint()
        var last = T(truncatingIfNeeded: try cursor.readZigzag())
        guard block > 0, block <= 1 << 20, block % 128 == 0, parts > 0, block % parts == 0, (block / parts) % 32 == 0,
            total == UInt64(expected)
        else { throw ByteError(.negativeLength, at: 0) }
        if expected == 0 { return ([], cursor.offset) }
        var values: [T] = [last]
        var scratch = [UInt64](repeating: 0, count: Int(block / parts))
        while values.count < expected {
            let least = T(truncatingIfNeeded: try cursor.readZigzag())
            let widths = try cursor.read(Int(parts))
            for part in 0..<Int(parts) where values.count < expected {
                let width = Int(widths[part])
                guard width <= 64 else { throw ByteError(.negativeLength, at: cursor.offset) }
                try decodeMiniblock(&cursor, width, least, expected, &last, &scratch, &values)
            }
        }
        return (values, cursor.offset)
    }

    private static func decodeMiniblock<T: FixedWidthInteger & SignedInteger>(
        _ cursor: inout ByteCursor, _ width: Int, _ least: T, _ expected: Int, _ last: inout T, _ scratch: inout [UInt64],
        _ values: inout [T]
    ) throws(ByteError) {
        let size = scratch.count
        let packed = try cursor.read(size * width / 8)
        scratch.withUnsafeMutableBufferPointer { scratch in
            guard let target = scratch.baseAddress else { return }
            packed.withUnsafeBytes { BitPacking.unpack($0, width: width, count: size, to: target) }
        }
        for index in 0..<min(size, expected - values.count) {
            last = last &+ least &+ T(truncatingIfNeeded: scratch[index])
            values.append(last)
        }
    }
}
