import K2Bytes
import K2Domain
import K2JSON

/// What a line of a recording is: the pure part of replay.
enum RecordLine {
    /// A line that replay does not accept: the reason, `found` included.
    struct Refusal: Error, Equatable {
        var reason: String

        static let hint =
            #"a raw record looks like {"kind":"raw","exchange":"binance","origin":"stream","received_at":"2026-02-18T00:00:00.023596Z","connection":"b7f3","sequence":17,"message":{…}}"#
    }

    /// Accepts `raw` and `gap` records. The message inside is not looked at: that is what normalizing is for.
    static func check(_ line: Span<UInt8>, _ document: inout JSONDocument) throws(Refusal) {
        if hasUsualStart(line), endsWithBrace(line) { return }
        _ = try parse(line, &document)
    }

    /// The time at which a `raw` record was received; nil for a `gap` record, which has no such time.
    static func receivedAt(_ line: Span<UInt8>, _ document: inout JSONDocument) throws(Refusal) -> Timestamp? {
        guard try parse(line, &document) == .raw else { return nil }
        guard let node = document.member(0, named: "received_at", in: line), document.kind(node) == .string else {
            throw Refusal(reason: "received_at: expected a time, found none")
        }
        let text = line.part(document.range(node))
        do throws(TimestampError) {
            return try Timestamp(rfc3339: text)
        } catch {
            throw Refusal(reason: "received_at: expected a time, found \"\(shown(text))\"")
        }
    }

    private enum Kind { case raw, gap }

    /// Our own tools write `kind` first and without spaces.
    private static func hasUsualStart(_ line: Span<UInt8>) -> Bool {
        guard line.count >= 14 else { return false }
        let start = line.extracting(0..<14)
        return start.equals(#"{"kind":"raw","#) || start.equals(#"{"kind":"gap","#)
    }

    private static func endsWithBrace(_ line: Span<UInt8>) -> Bool { line[line.count - 1] == UInt8(ascii: "}") }

    private static func parse(_ line: Span<UInt8>, _ document: inout JSONDocument) throws(Refusal) -> Kind {
        do throws(JSONError) {
            try document.parse(line)
        } catch {
            throw Refusal(reason: "not a raw record: \(error)")
        }
        guard document.kind(0) == .object else { throw Refusal(reason: "not a raw record: expected an object, found another value") }
        guard let node = document.member(0, named: "kind", in: line) else {
            throw Refusal(reason: "not a raw record: expected kind \"raw\" or \"gap\", found no kind")
        }
        let kind = line.part(document.range(node))
        if document.kind(node) == .string {
            if kind.equals("raw") { return .raw }
            if kind.equals("gap") { return .gap }
        }
        throw Refusal(reason: "not a raw record: expected kind \"raw\" or \"gap\", found \"\(shown(kind))\"")
    }

    /// At most 40 bytes of foreign text, without control characters.
    private static func shown(_ text: Span<UInt8>) -> String {
        let head = text.extracting(0..<min(text.count, 40)).text
        return String(head.map { $0.isASCII && ($0.asciiValue ?? 0) < 0x20 ? " " : $0 }) + (text.count > 40 ? "…" : "")
    }
}
