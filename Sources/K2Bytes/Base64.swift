/// Base64 with padding (RFC 4648, section 4).
public enum Base64 {
    public static func text(of bytes: [UInt8]) -> String {
        var text = ByteWriter(capacity: (bytes.count + 2) / 3 * 4)
        text.appendBase64(bytes.span)
        return String(decoding: text.array, as: UTF8.self)
    }
}

extension ByteWriter {
    private static let base64Digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// Appends `bytes` in Base64 with padding (RFC 4648, section 4).
    public mutating func appendBase64(_ bytes: Span<UInt8>) {
        reserve((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = min(3, bytes.count - index)
            var group = UInt32(bytes[index]) << 16
            if left > 1 { group |= UInt32(bytes[index + 1]) << 8 }
            if left > 2 { group |= UInt32(bytes[index + 2]) }
            for part in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * part)) & 63
                append(part <= left ? Self.base64Digits.utf8Start[digit] : UInt8(ascii: "="))
            }
            index += 3
        }
    }
}
