import K2Bytes

/// A UUID as one big-endian 128-bit number.
public struct UUIDValue: Hashable, Comparable, Sendable {
    public var bits: UInt128

    @inlinable public init(bits: UInt128) { self.bits = bits }

    @inlinable public static func < (a: UUIDValue, b: UUIDValue) -> Bool { a.bits < b.bits }

    /// A version 8 UUID (RFC 9562 §5.8, custom) whose other 122 bits are those of `digest`.
    public init(digest: UInt128) {
        let versionMask: UInt128 = 0xf000 << 64
        let variantMask: UInt128 = 0xc000_0000_0000_0000
        bits = (digest & ~versionMask & ~variantMask) | (0x8000 << 64) | 0x8000_0000_0000_0000
    }

    /// The `message_id` of a trade: made from its identity alone, so it is the same on every run.
    ///
    /// The digest is XXH3-128 with seed 0 of `exchange|symbol|trade_id` in UTF-8, for instance
    /// `binance|BTCUSDT|BINANCE-388511`.
    public static func message(identity: Span<UInt8>) -> UUIDValue { UUIDValue(digest: Digest.hash128(identity)) }

    /// Reads the 36-character form, hexadecimal digits in either case; nil when it is none.
    public init?(_ text: Span<UInt8>) {
        guard text.count == 36 else { return nil }
        guard text[8] == UInt8(ascii: "-"), text[13] == UInt8(ascii: "-"), text[18] == UInt8(ascii: "-"),
            text[23] == UInt8(ascii: "-"),
            let a = Self.hex(text, 0..<8), let b = Self.hex(text, 9..<13), let c = Self.hex(text, 14..<18),
            let d = Self.hex(text, 19..<23), let e = Self.hex(text, 24..<36)
        else { return nil }
        bits = UInt128(a << 32 | b << 16 | c) << 64 | UInt128(d << 48 | e)
    }

    /// Up to 16 hexadecimal digits.
    private static func hex(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in range {
            let byte = text[index]
            let lower = byte | 0x20
            let digit = byte &- 0x30 <= 9 ? byte &- 0x30 : lower &- 0x61 <= 5 ? lower &- 0x57 : 0xff
            if digit > 15 { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}

extension ByteWriter {
    /// Appends the 36-character lower-case form.
    public mutating func append(_ value: UUIDValue) {
        appendHex(UInt64(truncatingIfNeeded: value.bits >> 96), digits: 8)
        append(UInt8(ascii: "-"))
        appendHex(UInt64(truncatingIfNeeded: value.bits >> 80), digits: 4)
        append(UInt8(ascii: "-"))
        appendHex(UInt64(truncatingIfNeeded: value.bits >> 64), digits: 4)
        append(UInt8(ascii: "-"))
        appendHex(UInt64(truncatingIfNeeded: value.bits >> 48), digits: 4)
        append(UInt8(ascii: "-"))
        appendHex(UInt64(truncatingIfNeeded: value.bits), digits: 12)
    }

    /// Appends the lowest `digits` hexadecimal digits of `value`, 16 at most.
    public mutating func appendHex(_ value: UInt64, digits: Int) {
        append(count: digits) { target in
            var rest = value
            var position = digits
            while position > 0 {
                position -= 1
                let nibble = UInt8(truncatingIfNeeded: rest) & 0xf
                // 0x27 lies between "9" + 1 and "a".
                target[position] = 0x30 &+ nibble &+ (nibble > 9 ? 0x27 : 0)
                rest >>= 4
            }
        }
    }
}

extension UUIDValue: CustomStringConvertible {
    public var description: String {
        var writer = ByteWriter(capacity: 40)
        writer.append(self)
        return writer.bytes.text
    }
}
