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

    /// Reads `count` values of `width` bits (0 to 32) from the start of `bytes`.
    ///
    /// - Throws: when the bytes end before all values are there, or the width is impossible.
    static func decode(_ bytes: Span<UInt8>, width: Int, count: Int) throws(ByteError) -> [UInt32] {
        guard (0...32).contains(width) else { throw ByteError(.negativeLength, at: 0) }
        var values: [UInt32] = []
        var cursor = ByteCursor(bytes)
        var scratch: [UInt64] = []
        while values.count < count {
            let header = try cursor.readVarint()
            let wanted = count - values.count
            if header & 1 == 0 {
                var value: UInt32 = 0
                for index in 0..<((width + 7) / 8) { value |= UInt32(try cursor.readByte()) << UInt32(8 * index) }
                guard width == 32 || value >> UInt32(width) == 0 else { throw ByteError(.negativeLength, at: cursor.offset) }
                values.append(contentsOf: repeatElement(value, count: Int(min(header >> 1, UInt64(wanted)))))
            } else {
                try decodePacked(&cursor, groups: header >> 1, width: width, wanted: wanted, &scratch, &values)
            }
        }
        return values
    }

    /// Values that are unpacked at once: whole bytes at any width.
    private static let step = 1024

    /// A last packed run may be cut short after the values that count.
    private static func decodePacked(
        _ cursor: inout ByteCursor, groups: UInt64, width: Int, wanted: Int, _ scratch: inout [UInt64], _ values: inout [UInt32]
    ) throws(ByteError) {
        let count = groups >= UInt64(wanted) ? wanted : min(Int(groups) * 8, wanted)
        var done = 0
        while done < count {
            let part = min(count - done, step)
            let packed = try cursor.read((part * width + 7) / 8)
            if scratch.isEmpty { scratch = [UInt64](repeating: 0, count: step) }
            scratch.withUnsafeMutableBufferPointer { scratch in
                guard let target = scratch.baseAddress else { return }
                packed.withUnsafeBytes { BitPacking.unpack($0, width: width, count: part, to: target) }
            }
            for index in 0..<part { values.append(UInt32(truncatingIfNeeded: scratch[index])) }
            done += part
        }
        // What is left of the last group is padding.
        let (length, overflow) = groups.multipliedReportingOverflow(by: UInt64(width))
        let padding = overflow ? .max : length - min(length, UInt64((count * width + 7) / 8))
        try cursor.skip(Int(min(padding, UInt64(cursor.remaining))))
    }
}
