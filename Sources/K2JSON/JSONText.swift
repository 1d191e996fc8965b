import CK2SimdJSON
import K2Bytes

extension ByteWriter {
    /// Appends `text` as a JSON string with its quotes; quotes, backslashes and control characters are
    /// escaped. Precondition: `text` is UTF-8.
    public mutating func appendJSONString(_ text: Span<UInt8>) {
        append(UInt8(ascii: "\""))
        var start = 0
        for index in 0..<text.count {
            let byte = text[index]
            if byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") { continue }
            append(text.extracting(start..<index))
            appendJSONEscape(byte)
            start = index + 1
        }
        append(text.extracting(start..<text.count))
        append(UInt8(ascii: "\""))
    }

    public mutating func appendJSONString(_ text: String) {
        let bytes = Array(text.utf8)
        appendJSONString(bytes.span)
    }

    private mutating func appendJSONEscape(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x0a: append(UInt8(ascii: "n"))
        case 0x0d: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        default:
            append("u00")
            append(Self.hexDigit(byte >> 4))
            append(Self.hexDigit(byte & 0xf))
        }
    }

    @inlinable static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}

extension Span where Element == UInt8 {
    /// Whether no byte is a control character, a backslash, or outside ASCII: strings in such a text
    /// stand for themselves.
    public var isPlainText: Bool { withUnsafeBufferPointer { ck2_is_plain($0.baseAddress, $0.count) != 0 } }
}

/// Turns the inside of a JSON string, escapes included, into the bytes it stands for.
public enum JSONString {
    /// Appends the decoded bytes. Unpaired surrogates become U+FFFD. Precondition: `text` came from a
    /// validated document.
    public static func decode(_ text: Span<UInt8>, into output: inout ByteWriter) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < text.count else {
                output.append(byte)
                continue
            }
            let escape = text[index]
            index += 1
            switch escape {
            case UInt8(ascii: "n"): output.append(0x0a)
            case UInt8(ascii: "r"): output.append(0x0d)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0c)
            case UInt8(ascii: "u"): appendScalar(text, &index, &output)
            default: output.append(escape)
            }
        }
    }

    private static func appendScalar(_ text: Span<UInt8>, _ index: inout Int, _ output: inout ByteWriter) {
        var value = hex4(text, at: index)
        index = min(index + 4, text.count)
        if (0xd800..<0xdc00).contains(value), index + 6 <= text.count,
            text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u"),
            case let low = hex4(text, at: index + 2), (0xdc00..<0xe000).contains(low)
        {
            value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
            index += 6
        }
        output.append(string: String(Character(Unicode.Scalar(value) ?? "\u{fffd}")))
    }

    private static func hex4(_ text: Span<UInt8>, at start: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in start..<min(start + 4, text.count) {
            let byte = text[index]
            value = value << 4 | UInt32(byte <= 0x39 ? byte & 0xf : (byte & 0xf) + 9)
        }
        return value
    }

    /// The decoded text as a string.
    public static func string(_ text: Span<UInt8>) -> String {
        var writer = ByteWriter(capacity: text.count + 4)
        decode(text, into: &writer)
        return writer.bytes.text
    }
}
