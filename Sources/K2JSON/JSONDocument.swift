import CK2SimdJSON
import K2Bytes

/// Why a text is not a JSON document, and the byte where that was seen.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        case empty, notUTF8, badString, syntax, tooDeep, tooManyValues, outOfMemory
    }
    public var code: Code
    public var offset: Int

    public init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    public var description: String {
        switch code {
        case .empty: "empty line, expected a JSON value"
        case .notUTF8: "not UTF-8"
        case .badString: "broken JSON string"
        case .syntax: "broken JSON (byte \(offset))"
        case .tooDeep: "JSON nested deeper than 64 levels (byte \(offset))"
        case .tooManyValues: "more JSON values than a line may hold (byte \(offset))"
        case .outOfMemory: "out of memory"
        }
    }

    init(status: Int32, offset: UInt32) {
        let code: Code =
            switch UInt32(status) {
            case CK2_JSON_EMPTY.rawValue: .empty
            case CK2_JSON_NOT_UTF8.rawValue: .notUTF8
            case CK2_JSON_BAD_STRING.rawValue: .badString
            case CK2_JSON_TOO_DEEP.rawValue: .tooDeep
            case CK2_JSON_TOO_MANY_VALUES.rawValue: .tooManyValues
            case CK2_JSON_MEMORY.rawValue: .outOfMemory
            default: .syntax
            }
        self.init(code, at: Int(offset))
    }
}

/// In the order of `ck2_json_kind`.
@frozen
public enum JSONKind: UInt8, Sendable {
    case object = 0, array, string, number, `true`, `false`, null, key
}

/// The values of one JSON text in document order, reused from text to text.
///
/// A node is an index; node 0 is the root. The document keeps offsets, not bytes: `range` is
/// resolved against the text that was parsed. Numbers are left as their text and strings as they
/// stand between their quotes, escapes included. The whole text is validated before the first node
/// is seen. Objects with a repeated key keep all its occurrences; `member(_:named:in:)` finds the first.
public struct JSONDocument: ~Copyable {
    private let parser: OpaquePointer
    @usableFromInline var nodes: UnsafePointer<ck2_json_node>?
    /// Number of nodes of the last text, keys included.
    public private(set) var count = 0
    /// Whether the last text has a backslash anywhere: without one, strings stand for themselves.
    public private(set) var hasEscapes = false

    /// - Parameter maxValues: bound on values and keys of one text; it bounds memory too (16 bytes each).
    public init(maxValues: Int = 1 << 20) {
        guard let parser = ck2_json_create(UInt32(clamping: maxValues)) else { preconditionFailure("out of memory") }
        self.parser = parser
    }

    deinit { ck2_json_destroy(parser) }

    /// Validates `text` and lists its values. The nodes of the text before are gone, also on error.
    public mutating func parse(_ text: Span<UInt8>) throws(JSONError) {
        var found: UnsafePointer<ck2_json_node>?
        var total: UInt32 = 0
        var offset: UInt32 = 0
        var escapes: UInt32 = 0
        let parser = self.parser
        let status = text.withUnsafeBufferPointer {
            ck2_json_parse(parser, $0.baseAddress, $0.count, &found, &total, &escapes, &offset)
        }
        count = 0
        guard status == 0, let found else { throw JSONError(status: status, offset: offset) }
        nodes = found
        count = Int(total)
        hasEscapes = escapes != 0
    }

    @inlinable public func kind(_ node: Int) -> JSONKind {
        precondition(node < count)
        // The parser writes no other numbers than those of the cases.
        return unsafeBitCast(UInt8(truncatingIfNeeded: nodes.unsafelyUnwrapped[node].kind), to: JSONKind.self)
    }

    /// The bytes of a value; for strings and keys what stands between the quotes.
    @inlinable public func range(_ node: Int) -> ByteRange {
        precondition(node < count)
        return ByteRange(Int(nodes.unsafelyUnwrapped[node].start), Int(nodes.unsafelyUnwrapped[node].end))
    }

    /// The bytes of a value as it stands in the text, quotes included.
    @inlinable public func verbatim(_ node: Int) -> ByteRange {
        let inner = range(node)
        return isText(node) ? ByteRange(Int(inner.lower) - 1, Int(inner.upper) + 1) : inner
    }

    /// The node after this value and everything inside it.
    @inlinable public func next(_ node: Int) -> Int {
        precondition(node < count)
        return Int(nodes.unsafelyUnwrapped[node].next)
    }

    @inlinable func isText(_ node: Int) -> Bool {
        kind(node) == .string || kind(node) == .key
    }

    /// The value of the first member of `object` called `name`, or nil. Precondition: `object` is an object.
    public func member(_ object: Int, named name: StaticString, in text: Span<UInt8>) -> Int? {
        var key = object + 1
        let end = next(object)
        while key < end {
            if text.part(range(key)).equals(name) { return key + 1 }
            key = next(key + 1)
        }
        return nil
    }
}
