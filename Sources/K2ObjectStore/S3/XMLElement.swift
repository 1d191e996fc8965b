/// An element of an XML document: S3's answers are small, so the whole tree is kept.
struct XMLElement: Equatable {
    /// As it is written, with a prefix if there is one.
    var name: String
    /// Its own text, without that of its children.
    var text = ""
    var children: [XMLElement] = []

    /// The first child of that name.
    subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}

/// Why bytes are not such a document.
struct XMLError: Error, Equatable, CustomStringConvertible {
    var reason: String
    /// Byte at which it was seen, from 0.
    var offset: Int

    var description: String { "XML: \(reason) (byte \(offset))" }
}

/// Text for an answer to S3.
enum XMLText {
    /// `text` as the content of an element; nil when it holds characters that XML 1.0 cannot express.
    static func escape(_ text: String) -> String? {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            // A parser would turn it into a line feed.
            case "\r": result += "&#13;"
            default:
                guard isAllowed(scalar) else { return nil }
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// XML 1.0, production 2.
    static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xa, 0xd, 0x20...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
        default: false
        }
    }
}
