import K2Bytes
import K2Domain
import K2JSON

/// Typed reads of the members of our own records; used by all stages behind `k2-normalize`.
public enum RecordReader {
    /// A decimal from a string, in which all decimals of our records stand.
    public static func decimal(
        _ node: Int32, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> FixedDecimal {
        let node = try required(node, name)
        if document.kind(node) == .string {
            do throws(DecimalError) { return try FixedDecimal(text.part(document.range(node))) } catch {}
        }
        throw refused(node, name, "a decimal string", document, text)
    }

    public static func time(
        _ node: Int32, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> Timestamp {
        let node = try required(node, name)
        if document.kind(node) == .string {
            do throws(TimestampError) { return try Timestamp(rfc3339: text.part(document.range(node))) } catch {}
        }
        throw refused(node, name, "an RFC 3339 time", document, text)
    }

    /// An integer from 0 to `Int64.max`, as a number or, above 2^53, as a string of digits.
    public static func integer(
        _ node: Int32, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> Int64 {
        let node = try required(node, name)
        let kind = document.kind(node)
        if kind == .number || kind == .string, let value = integer(text.part(document.range(node))) { return value }
        throw refused(node, name, "an integer", document, text)
    }

    /// The range of a string's bytes, escapes included.
    public static func string(
        _ node: Int32, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> ByteRange {
        let node = try required(node, name)
        if document.kind(node) == .string { return document.range(node) }
        throw refused(node, name, "a string", document, text)
    }

    public static func boolean(
        _ node: Int32, _ name: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(RecordError) -> Bool {
        let node = try required(node, name)
        switch document.kind(node) {
        case .true: return true
        case .false: return false
        default: throw refused(node, name, "true or false", document, text)
        }
    }

    /// Digits with an optional minus sign that fit into 64 bits; nil otherwise.
    public static func integer(_ digits: Span<UInt8>) -> Int64? {
        let negative = digits.count > 0 && digits[0] == UInt8(ascii: "-")
        let first = negative ? 1 : 0
        guard digits.count > first, digits.count - first <= 19 else { return nil }
        var value: UInt64 = 0
        for index in first..<digits.count {
            let digit = digits[index] &- 0x30
            guard digit <= 9 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        if negative { return value <= UInt64(Int64.max) + 1 ? Int64(truncatingIfNeeded: 0 &- value) : nil }
        return Int64(exactly: value)
    }

    private static func required(_ node: Int32, _ name: StaticString) throws(RecordError) -> Int {
        if node >= 0 { return Int(node) }
        throw RecordError("\(name)", expected: "this member", found: nil)
    }

    public static func refused(
        _ node: Int, _ name: StaticString, _ expected: StaticString, _ document: borrowing JSONDocument,
        _ text: Span<UInt8>
    ) -> RecordError {
        let range = document.verbatim(node)
        let shown = text.extracting(Int(range.lower)..<min(Int(range.upper), Int(range.lower) + 64)).text
        return RecordError("\(name)", expected: "\(expected)", found: shown)
    }
}

extension ByteWriter {
    /// Appends an id or count: an integer up to 2^53, beyond it a string of digits, so that no reader rounds it.
    public mutating func appendInteger(_ value: UInt64) {
        if value <= 1 << 53 { return append(decimal: value) }
        append(UInt8(ascii: "\""))
        append(decimal: value)
        append(UInt8(ascii: "\""))
    }
}
