import Glibc

/// A path as a key: two are equal when their bytes are.
///
/// Swift compares texts by what they look like: an `é` of one character and one of two are the same to it. To a file system or an object store they
/// are two names, of which one may be needed and the other not.
public struct ExactPath: Hashable, Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (a: ExactPath, b: ExactPath) -> Bool {
        var (a, b) = (a.text, b.text)
        return a.withUTF8 { a in b.withUTF8 { b in a.count == b.count && (a.isEmpty || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0) } }
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension UInt8 {
    static let slash = UInt8(ascii: "/")
}
