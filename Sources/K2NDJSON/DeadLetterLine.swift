import K2Bytes
import K2JSON

/// A `dead_letter` record: an input line that could not be used, with the reason.
///
/// `{"kind":"dead_letter","tool":"k2-normalize","line":17,"reason":"…","input":"…"}`. Input that is not
/// UTF-8 stands in `input_base64` instead. Nothing is cut, except lines over the length limit, whose
/// reason says so.
public enum DeadLetterLine {
    public static func write(
        tool: String, line: Int, reason: String, input: Span<UInt8>, to output: inout ByteWriter
    ) {
        output.append("{\"kind\":\"dead_letter\",\"tool\":")
        output.appendJSONString(tool)
        output.append(",\"line\":")
        output.append(decimal: Int64(line))
        output.append(",\"reason\":")
        output.appendJSONString(reason)
        if isUTF8(input) {
            output.append(",\"input\":")
            output.appendJSONString(input)
        } else {
            output.append(",\"input_base64\":\"")
            appendBase64(input, to: &output)
            output.append("\"")
        }
        output.append("}\n")
    }

    private static func isUTF8(_ bytes: Span<UInt8>) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes)
            return true
        } catch {
            return false
        }
    }

    private static func appendBase64(_ bytes: Span<UInt8>, to output: inout ByteWriter) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var index = 0
        while index < bytes.count {
            let left = min(3, bytes.count - index)
            var group = UInt32(bytes[index]) << 16
            if left > 1 { group |= UInt32(bytes[index + 1]) << 8 }
            if left > 2 { group |= UInt32(bytes[index + 2]) }
            for part in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * part)) & 63
                output.append(part <= left ? alphabet.utf8Start[digit] : UInt8(ascii: "="))
            }
            index += 3
        }
    }
}
