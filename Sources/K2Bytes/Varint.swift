/// LEB128 variable-length integers and their zigzag form, as Thrift's compact protocol and Avro use them.
public enum Varint {
    @inlinable public static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }

    @inlinable public static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}

extension ByteWriter {
    /// Appends `value` as an unsigned LEB128 varint: 1 to 10 bytes.
    public mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Appends `value` zigzag-encoded, so that small negative numbers stay short.
    public mutating func appendZigzag(_ value: Int64) { appendVarint(Varint.zigzag(value)) }
}
