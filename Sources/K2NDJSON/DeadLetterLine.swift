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
            output.appendBase64(input)
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
}
