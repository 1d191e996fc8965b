import K2Bytes

/// Why a JSON text was refused.
public struct JSONValueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was expected or found, in lower case.
    public var reason: String
    /// Offset in bytes of the first byte that does not fit.
    public var offset: Int

    public init(_ reason: String, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String { "json: \(reason) (byte \(offset))" }
}

extension JSONValue {
    /// Parses one RFC 8259 text. Duplicate keys, trailing bytes, a byte order mark and more than
    /// `maxDepth` nested arrays and objects are refused.
    public init(parsing bytes: [UInt8], maxDepth: Int = 128) throws(JSONValueError) {
        var parser = JSONTreeParser(bytes: bytes, maxDepth: maxDepth)
        self = try parser.document()
    }

    public init(parsing text: String, maxDepth: Int = 128) throws(JSONValueError) {
        try self.init(parsing: Array(text.utf8), maxDepth: maxDepth)
    }

    /// The compact text: no spaces, members in their order, numbers as they were.
    public var text: String {
        var writer = ByteWriter(capacity: 256)
        writer.append(json: self)
        return writer.bytes.text
    }

    /// The UTF-8 bytes of `text`.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 1024)
        writer.append(json: self)
        return writer.array
    }
}

extension ByteWriter {
    /// Appends the compact text of `value`.
    public mutating func append(json value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .number(let text): append(string: text)
        case .string(let text): appendJSONString(text)
        case .array(let items):
            append(UInt8(ascii: "["))
            for (place, item) in items.enumerated() {
                if place > 0 { append(UInt8(ascii: ",")) }
                append(json: item)
            }
            append(UInt8(ascii: "]"))
        case .object(let object):
            append(UInt8(ascii: "{"))
            for (place, member) in object.members.enumerated() {
                if place > 0 { append(UInt8(ascii: ",")) }
                appendJSONString(member.key)
                append(UInt8(ascii: ":"))
                append(json: member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }
}

/// Recursive descent over the bytes; recursion is bounded by `maxDepth`.
struct JSONTreeParser {
    let bytes: [UInt8]
    let maxDepth: Int
    var offset = 0

    init(bytes: [UInt8], maxDepth: Int) {
        self.bytes = bytes
        self.maxDepth = maxDepth
    }

    mutating func document() throws(JSONValueError) -> JSONValue {
        let result = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw JSONValueError("unexpected bytes after the document", at: offset) }
        return result
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { offset += 1 }
    }

    private func failure(expected what: String) -> JSONValueError {
        guard let byte = next else { return JSONValueError("expected \(what), found the end", at: offset) }
        let shown = (0x21...0x7e).contains(byte) ? "\"\(Character(UnicodeScalar(byte)))\"" : "byte \(byte)"
        return JSONValueError("expected \(what), found \(shown)", at: offset)
    }

    private mutating func value(depth: Int) throws(JSONValueError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), .some(0x30...0x39): return .number(try number())
        default: throw failure(expected: "a value")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONValueError) -> JSONValue {
        for place in 0..<text.utf8CodeUnitCount {
            guard next == text.utf8Start[place] else { throw failure(expected: "\(text)") }
            offset += 1
        }
        return value
    }

    private mutating func enter(depth: Int) throws(JSONValueError) {
        guard depth < maxDepth else { throw JSONValueError("nested more than \(maxDepth) deep", at: offset) }
        offset += 1
        skipSpace()
    }

    private mutating func object(depth: Int) throws(JSONValueError) -> JSONObject {
        try enter(depth: depth)
        var result = JSONObject()
        if next == UInt8(ascii: "}") {
            offset += 1
            return result
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure(expected: "a key") }
            let start = offset
            let key = try string()
            guard result[key] == nil else { throw JSONValueError("key \"\(key)\" stands twice", at: start) }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw failure(expected: "\":\"") }
            offset += 1
            result[key] = try value(depth: depth + 1)
            skipSpace()
            if next == UInt8(ascii: ",") {
                offset += 1
            } else if next == UInt8(ascii: "}") {
                offset += 1
                return result
            } else {
                throw failure(expected: "\",\" or \"}\"")
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONValueError) -> [JSONValue] {
        try enter(depth: depth)
        var result: [JSONValue] = []
        if next == UInt8(ascii: "]") {
            offset += 1
            return result
        }
        while true {
            result.append(try value(depth: depth + 1))
            skipSpace()
            if next == UInt8(ascii: ",") {
                offset += 1
            } else if next == UInt8(ascii: "]") {
                offset += 1
                return result
            } else {
                throw failure(expected: "\",\" or \"]\"")
            }
        }
    }

    private mutating func digits() throws(JSONValueError) {
        guard let byte = next, (0x30...0x39).contains(byte) else { throw failure(expected: "a digit") }
        while let byte = next, (0x30...0x39).contains(byte) { offset += 1 }
    }

    private mutating func number() throws(JSONValueError) -> String {
        let start = offset
        if next == UInt8(ascii: "-") { offset += 1 }
        if next == 0x30 {
            offset += 1
            if let byte = next, (0x30...0x39).contains(byte) { throw JSONValueError("number with a leading zero", at: start) }
        } else {
            try digits()
        }
        if next == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func string() throws(JSONValueError) -> String {
        let start = offset
        offset += 1
        var text: [UInt8] = []
        var plainFrom = offset
        while let byte = next {
            if byte == UInt8(ascii: "\"") {
                text.append(contentsOf: bytes[plainFrom..<offset])
                offset += 1
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw JSONValueError("string is not utf-8", at: start)
                }
                return result
            }
            guard byte >= 0x20 else { throw JSONValueError("control byte \(byte) in a string", at: offset) }
            if byte == UInt8(ascii: "\\") {
                text.append(contentsOf: bytes[plainFrom..<offset])
                try escape(into: &text)
                plainFrom = offset
            } else {
                offset += 1
            }
        }
        throw JSONValueError("string without an end", at: start)
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONValueError) {
        let start = offset
        offset += 1
        guard let kind = next else { throw failure(expected: "an escape") }
        offset += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(from: start, into: &text)
        default: throw JSONValueError("unknown escape", at: start)
        }
    }

    private mutating func unicodeEscape(from start: Int, into text: inout [UInt8]) throws(JSONValueError) {
        var code = UInt32(try hex4())
        if (0xd800..<0xdc00).contains(code) {
            guard next == UInt8(ascii: "\\"), offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "u") else {
                throw JSONValueError("half of a surrogate pair", at: start)
            }
            offset += 2
            let low = UInt32(try hex4())
            guard (0xdc00..<0xe000).contains(low) else { throw JSONValueError("half of a surrogate pair", at: start) }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        }
        guard let scalar = UnicodeScalar(code) else { throw JSONValueError("half of a surrogate pair", at: start) }
        text.append(contentsOf: String(scalar).utf8)
    }

    private mutating func hex4() throws(JSONValueError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw failure(expected: "four hexadecimal digits") }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw failure(expected: "a hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }
}
