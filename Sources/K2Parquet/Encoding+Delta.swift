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
}

extension DeltaBinaryPacked {
    /// Reads exactly `count` values.
    ///
    /// - Returns: the values and the number of bytes that they took.
    static func decode<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
        _ bytes: Span<UInt8>, count: Int, as type: T.Type = T.self
    ) throws(ByteError) -> (values: [T], length: Int) {
        var values: [T] = []
        let length = try append(bytes, count: count, to: &values)
        return (values, length)
    }

    /// Appends exactly `count` values and returns the number of bytes that they took.
    static func append<T: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
        _ bytes: Span<UInt8>, count: Int, to values: inout [T]
    ) throws(ByteError) -> Int {
        var blocks = try Blocks(bytes, count: count)
        if count == 0 { return blocks.cursor.offset }
        var failure: ByteError?
        values.append(uninitialized: count) { target in
            do throws(ByteError) { try blocks.decode(to: target, count: count) } catch { failure = error }
        }
        if let failure { throw failure }
        return blocks.cursor.offset
    }

    private struct Blocks: ~Escapable {
        var cursor: ByteCursor
        let miniblocks: Int
        let miniblockSize: Int
        let first: Int64

        @_lifetime(copy bytes)
        init(_ bytes: Span<UInt8>, count: Int) throws(ByteError) {
            var cursor = ByteCursor(bytes)
            let (block, parts, total) = (try cursor.readVarint(), try cursor.readVarint(), try cursor.readVarint())
            first = try cursor.readZigzag()
            guard block > 0, block <= 1 << 20, block % 128 == 0, parts > 0, block % parts == 0, (block / parts) % 32 == 0,
                total == UInt64(count)
            else { throw ByteError(.negativeLength, at: 0) }
            (miniblocks, miniblockSize) = (Int(parts), Int(block / parts))
            self.cursor = cursor
        }

        @_lifetime(self: copy self)
        mutating func decode<T: FixedWidthInteger & SignedInteger>(to target: UnsafeMutablePointer<T>, count: Int) throws(ByteError) {
            var last = T(truncatingIfNeeded: first)
            target[0] = last
            var done = 1
            while done < count {
                let least = T(truncatingIfNeeded: try cursor.readZigzag())
                let widths = try cursor.read(miniblocks)
                for part in 0..<miniblocks where done < count {
                    let width = Int(widths[part])
                    guard width <= 64 else { throw ByteError(.negativeLength, at: cursor.offset) }
                    let wanted = min(miniblockSize, count - done)
                    let length = (wanted * width + 7) / 8
                    guard length <= cursor.remaining else { throw ByteError(.pastEnd, at: cursor.offset) }
                    let packed = cursor.bytes.extracting(cursor.offset...)
                    last = packed.withUnsafeBytes { DeltaBinaryPacked.sum($0, width, wanted, least, from: last, to: target + done) }
                    done += wanted
                    // The last miniblock is padded to its full length; a writer that leaves the padding out is understood.
                    try cursor.skip(min(miniblockSize * width / 8, cursor.remaining))
                }
            }
        }
    }

    /// Writes the running sums of `count` differences of `width` bits, each with `least` added; returns the last sum.
    @inline(__always)
    private static func sum<T: FixedWidthInteger & SignedInteger>(
        _ source: UnsafeRawBufferPointer, _ width: Int, _ count: Int, _ least: T, from start: T, to target: UnsafeMutablePointer<T>
    ) -> T {
        var last = start
        guard width > 0, let base = source.baseAddress else {
            for index in 0..<count {
                last = last &+ least
                target[index] = last
            }
            return last
        }
        // Values that one load of 8 bytes holds, wherever in a byte they start, and that do not lie at the very end.
        let safe = width <= 57 && source.count >= 8 ? min(count, ((source.count - 8) * 8) / width + 1) : 0
        let mask: UInt64 = width == 64 ? .max : (1 &<< UInt64(width)) &- 1
        for index in 0..<safe {
            let bit = index &* width
            let delta = (BitPacking.load(base + bit &>> 3) &>> UInt64(bit & 7)) & mask
            last = last &+ (least &+ T(truncatingIfNeeded: delta))
            target[index] = last
        }
        for index in safe..<count {
            last = last &+ least &+ T(truncatingIfNeeded: BitPacking.value(source, bit: index * width, width: width))
            target[index] = last
        }
        return last
    }
}
