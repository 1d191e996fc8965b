/// A plain reading of RFC 8259, byte by byte: the oracle for `JSONDocument`.
struct ReferenceJSON {
    /// A value or key as `JSONDocument` lists it: its kind and its bytes, strings without their quotes.
    struct Item: Equatable {
        var kind: String
        var start: Int
        var end: Int
        /// Index of the item after this one and everything inside it.
        var next: Int
    }

    static let maxDepth = 64

    private let bytes: [UInt8]
    private var offset = 0
    private(set) var items: [Item] = []

    /// The items of `bytes` in document order; nil when it is no JSON text.
    static func items(of bytes: [UInt8]) -> [Item]? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = ReferenceJSON(bytes: bytes)
        guard reader.value(depth: 0) else { return nil }
        reader.space()
        return reader.offset == bytes.count ? reader.items : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func space() {
        while let byte, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { offset += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[offset...].starts(with: text.utf8) else { return false }
        offset += text.utf8.count
        return true
    }

    private mutating func value(depth: Int) -> Bool {
        space()
        let start = offset
        let index = items.count
        items.append(Item(kind: "", start: start, end: 0, next: 0))
        let kind: String
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < Self.maxDepth else { return false }
            kind = byte == UInt8(ascii: "{") ? "object" : "array"
            guard container(isObject: kind == "object", depth: depth) else { return false }
        case UInt8(ascii: "\""):
            guard string() else { return false }
            items[index] = Item(kind: "string", start: start + 1, end: offset - 1, next: items.count)
            return true
        case UInt8(ascii: "t"):
            kind = "true"
            guard take("true") else { return false }
        case UInt8(ascii: "f"):
            kind = "false"
            guard take("false") else { return false }
        case UInt8(ascii: "n"):
            kind = "null"
            guard take("null") else { return false }
        default:
            kind = "number"
            guard number() else { return false }
        }
        items[index] = Item(kind: kind, start: start, end: offset, next: items.count)
        return true
    }

    private mutating func container(isObject: Bool, depth: Int) -> Bool {
        offset += 1
        space()
        if take(isObject ? "}" : "]") { return true }
        while true {
            if isObject {
                space()
                let start = offset
                guard byte == UInt8(ascii: "\""), string() else { return false }
                items.append(Item(kind: "key", start: start + 1, end: offset - 1, next: items.count + 1))
                space()
                guard take(":") else { return false }
            }
            guard value(depth: depth + 1) else { return false }
            space()
            if take(",") { continue }
            return take(isObject ? "}" : "]")
        }
    }

    private mutating func string() -> Bool {
        offset += 1
        while let byte {
            offset += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 0x20 { return false }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escape = self.byte else { return false }
            offset += 1
            if escape == UInt8(ascii: "u") {
                for _ in 0..<4 {
                    guard let digit = self.byte, Character(UnicodeScalar(digit)).isHexDigit, digit < 0x80 else { return false }
                    offset += 1
                }
            } else if !"\"\\/bfnrt".utf8.contains(escape) {
                return false
            }
        }
        return false
    }

    private mutating func digits() -> Bool {
        let start = offset
        while let byte, (0x30...0x39).contains(byte) { offset += 1 }
        return offset > start
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") {
            guard digits() else { return false }
        }
        if take(".") {
            guard digits() else { return false }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() else { return false }
        }
        return true
    }
}
