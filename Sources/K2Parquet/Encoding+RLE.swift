import K2Bytes

/// The hybrid of run lengths and bit packing that holds levels and dictionary codes.
///
/// Source: Encodings.md of apache/parquet-format, section RLE.
enum HybridRLE {
    /// Shortest run that is written as a run; it also is the size of a packed group.
    private static let shortestRun = 8
    /// Groups of 8 that are packed under one header: readers allocate room for a whole run.
    private static let maxGroups = 4096

    /// Encodes `count` values, each below 2^`width`, `width` 0 to 32.
    static func encode<T: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafePointer<T>, count: Int, width: Int, into buffer: inout PageBuffer
    ) {
        var position = 0
        var literals = 0
        while position < count {
            let value = values[position]
            var end = position + 1
            while end < count && values[end] == value { end += 1 }
            if end - position >= shortestRun {
                let padding = -(position - literals) & 7
                if end - position - padding >= shortestRun {
                    position += padding
                    packed(values + literals, count: position - literals, width: width, into: &buffer)
                    encodeRun(of: value, count: end - position, width: width, into: &buffer)
                    literals = end
                }
            }
            position = end
        }
        packed(values + literals, count: count - literals, width: width, into: &buffer)
    }

    /// One run of `count` times `value`.
    static func encodeRun<T: FixedWidthInteger & UnsignedInteger>(
        of value: T, count: Int, width: Int, into buffer: inout PageBuffer
    ) {
        buffer.appendVarint(UInt64(count) << 1)
        var rest = UInt64(truncatingIfNeeded: value)
        for _ in 0..<((width + 7) / 8) {
            buffer.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    private static func packed<T: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafePointer<T>, count: Int, width: Int, into buffer: inout PageBuffer
    ) {
        var position = 0
        while position < count {
            let part = min(count - position, maxGroups * 8)
            buffer.appendVarint(UInt64((part + 7) / 8) << 1 | 1)
            BitPacking.pack(values + position, count: part, width: width, into: &buffer)
            position += part
        }
    }
}

extension HybridRLE {
    /// Reads `count` values of `width` bits (0 to 32) from the start of `bytes`.
    ///
    /// - Throws: when the bytes end before all values are there, or the width is impossible.
    static func decode(_ bytes: Span<UInt8>, width: Int, count: Int) throws(ByteError) -> [UInt32] {
        var values: [UInt32] = []
        try bytes.withUnsafeBytes { source throws(ByteError) in try append(source, width: width, count: count, to: &values) }
        return values
    }

    /// Appends `count` values of `width` bits, 0 to the bits of `T`, from the start of `source`.
    static func append<T: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, width: Int, count: Int, to values: inout [T]
    ) throws(ByteError) {
        var failure: ByteError?
        values.append(uninitialized: count) { target in
            do throws(ByteError) { try decode(source, width: width, count: count, to: target) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private static func decode<T: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafeRawBufferPointer, width: Int, count: Int, to target: UnsafeMutablePointer<T>
    ) throws(ByteError) {
        guard width >= 0, width <= min(32, T.bitWidth) else { throw ByteError(.negativeLength, at: 0) }
        // Values without bits are all 0; not every writer puts runs there.
        if width == 0 { return target.initialize(repeating: 0, count: count) }
        var (offset, done) = (0, 0)
        while done < count {
            let header = try varint(source, &offset)
            let left = source.count - offset
            guard let here = source.baseAddress.map({ $0 + offset }) else { throw ByteError(.pastEnd, at: offset) }
            if header & 1 == 0 {
                let length = (width + 7) / 8
                guard length <= left else { throw ByteError(.pastEnd, at: offset) }
                var value: UInt64 = 0
                for index in 0..<length { value |= UInt64(here.load(fromByteOffset: index, as: UInt8.self)) << UInt64(8 * index) }
                guard value >> UInt64(width) == 0 else { throw ByteError(.negativeLength, at: offset) }
                let run = Int(min(header >> 1, UInt64(count - done)))
                (target + done).initialize(repeating: T(truncatingIfNeeded: value), count: run)
                offset += length
                done += run
            } else {
                let groups = header >> 1
                let part = groups >= UInt64(count - done) ? count - done : min(Int(groups) * 8, count - done)
                // A last packed run may be cut short after the values that count; what is left of its last group is padding.
                guard (part * width + 7) / 8 <= left else { throw ByteError(.pastEnd, at: offset) }
                BitPacking.unpack(here, available: left, width: width, count: part, to: target + done)
                let (length, overflow) = groups.multipliedReportingOverflow(by: UInt64(width))
                offset += overflow || length > UInt64(left) ? left : Int(length)
                done += part
            }
        }
    }

    @inline(__always)
    private static func varint(_ source: UnsafeRawBufferPointer, _ offset: inout Int) throws(ByteError) -> UInt64 {
        guard offset < source.count else { throw ByteError(.pastEnd, at: offset) }
        let first = source[offset]
        offset += 1
        if first < 0x80 { return UInt64(first) }
        var (value, shift): (UInt64, UInt64) = (UInt64(first & 0x7f), 7)
        while offset < source.count {
            let byte = source[offset]
            offset += 1
            if shift == 63 && byte > 1 { break }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { break }
        }
        throw ByteError(offset < source.count ? .varintTooLong : .pastEnd, at: offset)
    }
}
