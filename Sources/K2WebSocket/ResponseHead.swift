/// The head of an HTTP answer (RFC 9112, sections 2 to 5). Read here and not with NIOHTTP1, because the bytes behind it
/// are no HTTP: a tunnel or frames.
struct ResponseHead: Equatable {
    var status: Int
    /// Names in lower case, values trimmed, in the order of the wire.
    var headers: [Header]

    struct Header: Equatable {
        var name: String
        var value: String
    }

    /// The values of a header, joined with commas (RFC 9110, section 5.3); nil when it is missing.
    subscript(_ name: String) -> String? {
        let values = headers.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Whether `token` is in the comma-separated list of a header, in any case.
    func lists(_ token: String, in name: String) -> Bool {
        (self[name] ?? "").split(separator: ",").contains { HTTPText.trimmed($0).lowercased() == token }
    }

    /// nil when the text is no head of an HTTP/1 answer. `text`: the lines with their ends.
    init?(_ text: [UInt8]) {
        let lines = text.split(separator: 0x0a).map { $0.last == 0x0d ? $0.dropLast() : $0 }.filter { !$0.isEmpty }
        guard let first = lines.first, let status = Self.status(String(decoding: first, as: UTF8.self)) else { return nil }
        self.status = status
        headers = []
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { return nil }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = HTTPText.trimmed(Substring(String(decoding: line[(colon + 1)...], as: UTF8.self)))
            headers.append(Header(name: name, value: String(value)))
        }
    }

    /// `HTTP/1.1 101 Switching Protocols`
    private static func status(_ line: String) -> Int? {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3 else { return nil }
        guard let number = Int(words[1]), (100...999).contains(number) else { return nil }
        return number
    }
}

/// Collects the head of an answer from the pieces in which it arrives.
struct HeadReader {
    private var bytes: [UInt8] = []

    static let limit = 64 << 10

    enum Step {
        case incomplete
        case notHTTP
        case head(ResponseHead)
    }

    /// Takes bytes from the front of `input` up to the empty line that ends the head.
    mutating func read(_ input: inout UnsafeRawBufferPointer) -> Step {
        while let byte = input.first {
            input = UnsafeRawBufferPointer(rebasing: input.dropFirst())
            bytes.append(byte)
            if byte == 0x0a, isAtEmptyLine {
                defer { bytes = [] }
                return ResponseHead(bytes).map { .head($0) } ?? .notHTTP
            }
            if bytes.count >= Self.limit { return .notHTTP }
        }
        return looksLikeHTTP ? .incomplete : .notHTTP
    }

    private var isAtEmptyLine: Bool { bytes.suffix(2) == [0x0a, 0x0a] || bytes.suffix(4) == [0x0d, 0x0a, 0x0d, 0x0a] }

    /// So that a server of another protocol is told at once and not by a time limit.
    private var looksLikeHTTP: Bool { "HTTP/1.".utf8.starts(with: bytes.prefix(7)) }
}

enum HTTPText {
    /// Without spaces and tabs at both ends.
    static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...last]
    }
}
