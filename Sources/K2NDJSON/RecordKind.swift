import K2Bytes
import K2JSON

/// The kinds of records in the stream; `kind` is the first member of each.
public enum RecordKind: Sendable {
    case raw, trade, bronze, candle, gap
    /// A kind that this program does not know: readers skip it.
    case other

    public init(_ name: Span<UInt8>) {
        if name.equals("trade") {
            self = .trade
        } else if name.equals("raw") {
            self = .raw
        } else if name.equals("bronze") {
            self = .bronze
        } else if name.equals("candle") {
            self = .candle
        } else if name.equals("gap") {
            self = .gap
        } else {
            self = .other
        }
    }

    /// The kind of the record that `document` holds; nil when it is no object with a `kind` string.
    public init?(of document: borrowing JSONDocument, in text: Span<UInt8>) {
        guard document.kind(0) == .object, document.next(0) > 1,
            let node = document.member(0, named: "kind", in: text), document.kind(node) == .string
        else { return nil }
        self.init(text.part(document.range(node)))
    }
}
