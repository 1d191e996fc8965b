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
        var bits: UInt128 = 0
        for index in 0..<36 {
            let byte = text[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let lower = byte | 0x20
            if byte &- 0x30 <= 9 {
                bits = bits << 4 | UInt128(byte &- 0x30)
            } else if lower &- 0x61 <= 5 {
                bits = bits << 4 | UInt128(lower &- 0x57)
            } else {
                return nil
            }
        }
        self.bits = bits
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
