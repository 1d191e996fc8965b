import K2Bytes
import K2JSON

/// Reads single members of short answers. Not for trades: every text here allocates.
enum ReplyField {
    /// The string member `name` of the object at `node`.
    static func text(_ node: Int, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> String? {
        guard document.kind(node) == .object, let value = document.member(node, named: name, in: text), document.kind(value) == .string
        else { return nil }
        return JSONString.string(text.part(document.range(value)))
    }

    /// The member `name`, a number without fraction.
    static func integer(_ node: Int, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> Int? {
        guard document.kind(node) == .object, let value = document.member(node, named: name, in: text), document.kind(value) == .number
        else { return nil }
        return Int(text.part(document.range(value)).text)
    }
}

extension Array {
    /// The elements in order, at most `size` of them in each part.
    func chunked(_ size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
