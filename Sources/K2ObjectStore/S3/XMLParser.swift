/// Reads the XML of S3's answers: elements, attributes (which are skipped), text, character references, CDATA and comments.
///
/// Strict: what is not well-formed is an error, and so is a document type, which could define entities.
struct XMLParser {
    private let bytes: [UInt8]
    private var index = 0

    static func parse(_ bytes: [UInt8]) throws(XMLError) -> XMLElement {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw XMLError(reason: "not UTF-8", offset: 0) }
        var parser = XMLParser(bytes: bytes)
        return try parser.document()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
    }

    private mutating func document() throws(XMLError) -> XMLElement {
        try skipMisc()
        let root = try element(depth: 0)
        try skipMisc()
        guard index == bytes.count else { throw error("text behind the document") }
        return root
    }

    /// Space, comments and processing instructions, the XML declaration among them.
    private mutating func skipMisc() throws(XMLError) {
        while true {
            skipSpace()
            if take("<?") { try skip(to: "?>") } else if take("<!--") { try skip(to: "-->") } else { return }
        }
    }

    private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
        guard depth < 64 else { throw error("elements nested too deeply") }
        guard take("<") else { throw error("expected an element") }
        var element = XMLElement(name: try name())
        if try skipAttributes() { return element }
        var text: [UInt8] = []
        while !take("</") {
            if take("<!--") {
                try skip(to: "-->")
            } else if take("<![CDATA[") {
                let start = index
                try skip(to: "]]>")
                text += bytes[start..<(index - 3)]
            } else if take("<?") {
                try skip(to: "?>")
            } else if byte == UInt8(ascii: "<") {
                element.children.append(try self.element(depth: depth + 1))
            } else {
                text += try characters()
            }
        }
        guard try name() == element.name else { throw error("expected </\(element.name)>") }
        skipSpace()
        guard take(">") else { throw error("expected >") }
        element.text = String(decoding: text, as: UTF8.self)
        return element
    }

    /// What stands behind the name in a start tag; true when the element ends there.
    private mutating func skipAttributes() throws(XMLError) -> Bool {
        while true {
            let before = index
            skipSpace()
            if take("/>") { return true }
            if take(">") { return false }
            guard index > before else { throw error("expected >") }
            _ = try name()
            skipSpace()
            guard take("=") else { throw error("expected =") }
            skipSpace()
            guard let quote = byte, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw error("expected a quote") }
            index += 1
            while let next = byte, next != quote {
                guard next != UInt8(ascii: "<") else { throw error("< in an attribute") }
                index += 1
            }
            guard byte == quote else { throw error("attribute without end") }
            index += 1
        }
    }

    private mutating func name() throws(XMLError) -> String {
        let start = index
        while let byte, Self.isNameByte(byte) { index += 1 }
        guard index > start, !Self.isDigitOrMark(bytes[start]) else { throw error("expected a name") }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || isDigitOrMark(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":") || byte >= 0x80
    }

    private static func isDigitOrMark(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// Text up to the next `<`, or one reference.
    private mutating func characters() throws(XMLError) -> [UInt8] {
        guard let first = byte else { throw error("document ends in an element") }
        if first == UInt8(ascii: "&") { return try reference() }
        let start = index
        while let byte, byte != UInt8(ascii: "<"), byte != UInt8(ascii: "&") {
            guard byte >= 0x20 || byte == 0x9 || byte == 0xa || byte == 0xd else { throw error("control character") }
            index += 1
        }
        return Array(bytes[start..<index])
    }

    private mutating func reference() throws(XMLError) -> [UInt8] {
        let start = index
        // The longest is &#x10ffff; with some leading zeros.
        guard let end = bytes[start...].prefix(16).firstIndex(of: UInt8(ascii: ";")) else { throw error("reference without ;") }
        let name = String(decoding: bytes[(start + 1)..<end], as: UTF8.self)
        guard let scalar = Self.scalar(name) else { throw error("unknown reference &\(name);") }
        index = end + 1
        return Array(String(scalar).utf8)
    }

    private static func scalar(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        let digits = name.hasPrefix("#x") ? name.dropFirst(2) : name.dropFirst()
        let isNumber = name.hasPrefix("#") && digits.utf8.first.map { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") } == true
        guard isNumber, let value = UInt32(digits, radix: name.hasPrefix("#x") ? 16 : 10), let scalar = Unicode.Scalar(value),
            XMLText.isAllowed(scalar)
        else { return nil }
        return scalar
    }

    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x9 || byte == 0xa || byte == 0xd { index += 1 }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes.count - index >= wanted.count, bytes[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    private mutating func skip(to end: StaticString) throws(XMLError) {
        let start = index
        while !take(end) {
            guard index < bytes.count else { throw XMLError(reason: "expected \(end)", offset: start) }
            index += 1
        }
    }

    private func error(_ reason: String) -> XMLError { XMLError(reason: reason, offset: index) }
}
