/// Bit packing as the RLE hybrid and DELTA_BINARY_PACKED encodings use it: least significant bit first.
///
/// Source: Encodings.md of apache/parquet-format, section RLE.
enum BitPacking {
    /// Bits that `value` needs; 0 for 0.
    static func width(_ value: UInt64) -> Int { 64 - value.leadingZeroBitCount }

    /// Packs `count` values of `width` bits (0 to 32), a multiple of 8 of them in the end: missing ones are zero.
    static func pack<T: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafePointer<T>, count: Int, width: Int, into buffer: inout PageBuffer
    ) {
        let groups = (count + 7) / 8
        let length = groups * width
        let target = UnsafeMutableRawPointer(buffer.reserve(length + 8))
        switch width {
        case 0: break
        case 8: for index in 0..<count { target.storeBytes(of: UInt8(truncatingIfNeeded: values[index]), toByteOffset: index, as: UInt8.self) }
        case 16:
            for index in 0..<count {
                target.storeBytes(of: UInt16(truncatingIfNeeded: values[index]).littleEndian, toByteOffset: index * 2, as: UInt16.self)
            }
        default: packBits(values, count: count, width: width, to: target)
        }
        let used = (count * width + 7) / 8
        if used < length { (target + used).initializeMemory(as: UInt8.self, repeating: 0, count: length - used) }
        buffer.commit(length)
    }

    /// Writes up to 8 bytes behind the last one that counts.
    private static func packBits<T: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafePointer<T>, count: Int, width: Int, to target: UnsafeMutableRawPointer
    ) {
        var (pending, bits, offset): (UInt64, Int, Int) = (0, 0, 0)
        for index in 0..<count {
            pending |= UInt64(truncatingIfNeeded: values[index]) &<< UInt64(bits)
            bits += width
            if bits >= 32 {
                target.storeBytes(of: UInt32(truncatingIfNeeded: pending).littleEndian, toByteOffset: offset, as: UInt32.self)
                offset += 4
                pending &>>= 32
                bits -= 32
            }
        }
        target.storeBytes(of: pending.littleEndian, toByteOffset: offset, as: UInt64.self)
    }

    /// Packs `count` values of `width` bits (0 to 64); `count` × `width` must be whole bytes.
    static func packWide(_ values: UnsafePointer<UInt64>, count: Int, width: Int, into buffer: inout PageBuffer) {
        if width == 0 { return }
        let length = count * width / 8
        let target = UnsafeMutableRawPointer(buffer.reserve(length + 16))
        var (pending, bits, offset): (UInt64, Int, Int) = (0, 0, 0)
        for index in 0..<count {
            let value = values[index]
            pending |= value &<< UInt64(bits)
            if bits + width >= 64 {
                target.storeBytes(of: pending.littleEndian, toByteOffset: offset, as: UInt64.self)
                offset += 8
                pending = bits == 0 ? 0 : value &>> UInt64(64 - bits)
                bits += width - 64
            } else {
                bits += width
            }
        }
        if bits > 0 { target.storeBytes(of: pending.littleEndian, toByteOffset: offset, as: UInt64.self) }
        buffer.commit(length)
    }
}
