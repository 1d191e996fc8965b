// The reading half of BitPacking. Source: Encodings.md of apache/parquet-format, sections RLE and Bit-packed.

extension BitPacking {
    /// Reads `count` values of `width` bits (1 to 32) that start at `source`, where `available` bytes may be read.
    ///
    /// - Precondition: the values lie within the available bytes, and their width fits `T`.
    @inline(__always)
    static func unpack<T: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafeRawPointer, available: Int, width: Int, count: Int, to target: UnsafeMutablePointer<T>
    ) {
        precondition(width >= 1 && width <= 32 && width <= T.bitWidth && (count * width + 7) / 8 <= available)
        switch width {
        case 8: for index in 0..<count { target[index] = T(truncatingIfNeeded: source.load(fromByteOffset: index, as: UInt8.self)) }
        case 16:
            for index in 0..<count {
                target[index] = T(truncatingIfNeeded: UInt16(littleEndian: source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
            }
        default:
            // Groups of 8 values are whole bytes; those near the end are read without looking behind it.
            let groups = available >= width + 8 ? min(count / 8, (available - width - 8) / width + 1) : 0
            unpackGroups(source, groups, width, to: target)
            let bytes = UnsafeRawBufferPointer(start: source, count: available)
            for index in groups * 8..<count { target[index] = T(truncatingIfNeeded: value(bytes, bit: index * width, width: width)) }
        }
    }

    /// May read 8 bytes behind the last group.
    @inline(__always)
    private static func unpackGroups<T: FixedWidthInteger & UnsignedInteger>(
        _ source: UnsafeRawPointer, _ groups: Int, _ width: Int, to target: UnsafeMutablePointer<T>
    ) {
        let mask: UInt64 = (1 &<< UInt64(width)) &- 1
        let step = UInt64(width)
        if width == 1 {
            for group in 0..<groups {
                let word = bits(source.load(fromByteOffset: group, as: UInt8.self))
                let out = target + group &* 8
                for index in 0..<8 { out[index] = T(truncatingIfNeeded: word &>> UInt64(index &* 8)) & 1 }
            }
        } else if width <= 8 {
            for group in 0..<groups {
                let word = load(source + group &* width)
                let out = target + group &* 8
                for index in 0..<8 { out[index] = T(truncatingIfNeeded: (word &>> (UInt64(index) &* step)) & mask) }
            }
        } else if width < 16 {
            let shift = UInt64(width &* 4 & 7)
            for group in 0..<groups {
                let start = source + group &* width
                let (low, high) = (load(start), load(start + width / 2) &>> shift)
                let out = target + group &* 8
                for index in 0..<4 {
                    out[index] = T(truncatingIfNeeded: (low &>> (UInt64(index) &* step)) & mask)
                    out[index + 4] = T(truncatingIfNeeded: (high &>> (UInt64(index) &* step)) & mask)
                }
            }
        } else {
            for index in 0..<groups &* 8 {
                let bit = index &* width
                target[index] = T(truncatingIfNeeded: (load(source + bit &>> 3) &>> UInt64(bit & 7)) & mask)
            }
        }
    }

    /// The bits of `byte` in a byte each, the least significant in the lowest.
    @inline(__always)
    static func bits(_ byte: UInt8) -> UInt64 {
        let spread = (UInt64(byte) &* 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201
        return ((spread &+ 0x7f7f_7f7f_7f7f_7f7f) &>> 7) & 0x0101_0101_0101_0101
    }

    @inline(__always)
    static func load(_ source: UnsafeRawPointer) -> UInt64 { UInt64(littleEndian: source.loadUnaligned(as: UInt64.self)) }

    /// The value of `width` bits (1 to 64) that starts at `bit`; what lies past the end counts as zeros.
    static func value(_ source: UnsafeRawBufferPointer, bit: Int, width: Int) -> UInt64 {
        let mask: UInt64 = width == 64 ? .max : (1 &<< UInt64(width)) &- 1
        let (byte, shift) = (bit >> 3, bit & 7)
        var word = load(source, byte) >> UInt64(shift)
        if shift + width > 64, byte + 8 < source.count { word |= UInt64(source[byte + 8]) << UInt64(64 - shift) }
        return word & mask
    }

    /// Up to 8 bytes from `offset`, least significant first; those past the end are zero.
    private static func load(_ source: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        if offset + 8 <= source.count { return UInt64(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for index in min(offset, source.count)..<source.count {
            word |= UInt64(source[index]) << shift
            shift += 8
        }
        return word
    }
}

extension BitPacking {
    /// The older packing of levels, BIT_PACKED: most significant bit first, values of `width` bits (1 to 8).
    ///
    /// - Precondition: `source` holds them all.
    static func unpackFromTop(_ source: UnsafeRawBufferPointer, width: Int, count: Int, to target: UnsafeMutablePointer<UInt8>) {
        precondition(width >= 1 && width <= 8 && (count * width + 7) / 8 <= source.count)
        for index in 0..<count {
            let (byte, shift) = ((index * width) >> 3, (index * width) & 7)
            let pair = UInt16(source[byte]) << 8 | (byte + 1 < source.count ? UInt16(source[byte + 1]) : 0)
            target[index] = UInt8(truncatingIfNeeded: pair >> UInt16(16 - width - shift)) & UInt8((1 << UInt16(width)) - 1)
        }
    }
}
