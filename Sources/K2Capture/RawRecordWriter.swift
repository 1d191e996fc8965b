import K2Bytes
import K2Domain
import K2JSON
import K2NDJSON

/// Writes the envelope of `raw` records.
enum RawRecordWriter {
    /// Appends everything up to the message:
    /// `{"kind":"raw","exchange":"binance","origin":"stream","received_at":"…","connection":"b7f3","sequence":17,"message":`.
    static func begin(
        _ exchange: Exchange, _ origin: Origin, at receivedAt: Timestamp, connection: Span<UInt8>, sequence: UInt64,
        to output: inout ByteWriter
    ) {
        output.append("{\"kind\":\"raw\",\"exchange\":\"")
        output.append(exchange.name)
        output.append("\",\"origin\":\"")
        output.append(origin.name)
        output.append("\",\"received_at\":\"")
        output.append(receivedAt)
        output.append("\",\"connection\":\"")
        output.append(connection)
        output.append("\",\"sequence\":")
        output.append(decimal: sequence)
        output.append(",\"message\":")
    }

    /// The same for a REST page: `…,"origin":"rest","received_at":"…","request":"/path?query","message":`.
    static func beginPage(_ exchange: Exchange, at receivedAt: Timestamp, request: String, to output: inout ByteWriter) {
        output.append("{\"kind\":\"raw\",\"exchange\":\"")
        output.append(exchange.name)
        output.append("\",\"origin\":\"rest\",\"received_at\":\"")
        output.append(receivedAt)
        output.append("\",\"request\":")
        output.appendJSONString(request)
        output.append(",\"message\":")
    }

    /// Appends JSON text as it is; a newline, which JSON has between values only, becomes a space.
    static func appendMessage(_ text: Span<UInt8>, to output: inout ByteWriter) {
        if text.isPlainText { return output.append(text) }
        var start = 0
        for index in 0..<text.count where text[index] == 0x0a || text[index] == 0x0d {
            output.append(text.extracting(start..<index))
            output.append(0x20)
            start = index + 1
        }
        output.append(text.extracting(start..<text.count))
    }
}
