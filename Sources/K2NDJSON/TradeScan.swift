import K2Bytes
import K2JSON

/// Where the members of a `trade` record stand in its line, for lines in exactly the form in which
/// `TradeLine` writes them: known members, known order, no white space, no escapes, ASCII only.
///
/// Most of a stream is such lines, and their structure need not be discovered. `scan` checks every
/// byte of the line against that form; where it says no, `JSONDocument` decides what the line is.
public struct TradeScan: Sendable {
    /// Members in the order of the silver table. Ranges of strings lie between the quotes, those of
    /// lists and maps between the brackets. An absent member has a negative lower bound.
    public enum Member: Int, CaseIterable, Sendable {
        case messageID, tradeID, exchange, symbol, canonicalSymbol, assetClass, currency, price, quantity, quoteVolume, side
        case tradeConditions, timestamp, ingestionTimestamp, sourceSequence, origin, vendorData, isValid, validationErrors
    }

    private static let absent = ByteRange(-1, -1)
    private var ranges = InlineArray<19, ByteRange>(repeating: absent)

    public init() {}

    public subscript(member: Member) -> ByteRange { range(member.rawValue) }

    /// The range of the member at `index` of the silver table.
    public func range(_ index: Int) -> ByteRange { ranges[index] }

    public func has(_ member: Member) -> Bool { ranges[member.rawValue].lower >= 0 }

    /// Finds the members of `line`. Returns false when the line is in any other form; the ranges mean nothing then.
    public mutating func scan(_ line: Span<UInt8>) -> Bool {
        guard line.count > 64, line.isPlainText else { return false }
        return line.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return false }
            var cursor = Cursor(base: base, count: bytes.count)
            return scan(&cursor)
        }
    }

    private mutating func scan(_ cursor: inout Cursor) -> Bool {
        // Each head begins with the quote that ends the string before it.
        guard cursor.skip("{\"kind\":\"trade\",\"message_id\":\""), take(.messageID, &cursor),
            cursor.skip("\",\"trade_id\":\""), take(.tradeID, &cursor),
            cursor.skip("\",\"exchange\":\""), take(.exchange, &cursor),
            cursor.skip("\",\"symbol\":\""), take(.symbol, &cursor),
            cursor.skip("\",\"canonical_symbol\":\""), take(.canonicalSymbol, &cursor),
            cursor.skip("\",\"asset_class\":\""), take(.assetClass, &cursor),
            cursor.skip("\",\"currency\":\""), take(.currency, &cursor),
            cursor.skip("\",\"price\":\""), take(.price, &cursor),
            cursor.skip("\",\"quantity\":\""), take(.quantity, &cursor),
            cursor.skip("\",\"quote_volume\":\""), take(.quoteVolume, &cursor),
            cursor.skip("\",\"side\":\""), take(.side, &cursor)
        else { return false }
        ranges[Member.tradeConditions.rawValue] = Self.absent
        if cursor.skip("\",\"trade_conditions\":[") {
            guard let list = cursor.strings(until: UInt8(ascii: "]"), isMap: false) else { return false }
            ranges[Member.tradeConditions.rawValue] = list
            guard cursor.skip("],\"timestamp\":\"") else { return false }
        } else if !cursor.skip("\",\"timestamp\":\"") {
            return false
        }
        guard take(.timestamp, &cursor), cursor.skip("\",\"ingestion_timestamp\":\""), take(.ingestionTimestamp, &cursor),
            cursor.skip("\"")
        else { return false }
        ranges[Member.sourceSequence.rawValue] = Self.absent
        if cursor.skip(",\"source_sequence\":") {
            ranges[Member.sourceSequence.rawValue] = cursor.digits()
            if ranges[Member.sourceSequence.rawValue].isEmpty { return false }
        }
        guard cursor.skip(",\"origin\":\""), take(.origin, &cursor), cursor.skip("\"") else { return false }
        return scanEnd(&cursor)
    }

    private mutating func scanEnd(_ cursor: inout Cursor) -> Bool {
        ranges[Member.vendorData.rawValue] = Self.absent
        if cursor.skip(",\"vendor_data\":{") {
            guard let map = cursor.strings(until: UInt8(ascii: "}"), isMap: true) else { return false }
            ranges[Member.vendorData.rawValue] = map
            guard cursor.skip("}") else { return false }
        }
        guard cursor.skip(",\"is_valid\":") else { return false }
        let start = cursor.offset
        guard cursor.skip("true") || cursor.skip("false") else { return false }
        ranges[Member.isValid.rawValue] = ByteRange(start, cursor.offset)
        ranges[Member.validationErrors.rawValue] = Self.absent
        if cursor.skip(",\"validation_errors\":[") {
            guard let list = cursor.strings(until: UInt8(ascii: "]"), isMap: false) else { return false }
            ranges[Member.validationErrors.rawValue] = list
            guard cursor.skip("]") else { return false }
        }
        return cursor.skip("}") && cursor.offset == cursor.count
    }

    @inline(__always)
    private mutating func take(_ member: Member, _ cursor: inout Cursor) -> Bool {
        guard let range = cursor.string() else { return false }
        ranges[member.rawValue] = range
        return true
    }
}

/// Steps through a line whose bytes are known to be plain.
private struct Cursor {
    let base: UnsafePointer<UInt8>
    let count: Int
    var offset = 0

    init(base: UnsafePointer<UInt8>, count: Int) {
        self.base = base
        self.count = count
    }

    /// Steps over `text` if it stands here.
    @inline(__always)
    mutating func skip(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard offset + length <= count else { return false }
        let here = UnsafeRawBufferPointer(start: base + offset, count: length)
        guard here.isSame(as: UnsafeRawPointer(text.utf8Start)) else { return false }
        offset += length
        return true
    }

    /// Steps to the quote that ends the string that begins here; nil when there is none.
    @inline(__always)
    mutating func string() -> ByteRange? {
        let start = offset
        while offset < count {
            if base[offset] == UInt8(ascii: "\"") { return ByteRange(start, offset) }
            offset += 1
        }
        return nil
    }

    /// An integer: digits without a leading zero, bare or between quotes. Empty when there is none.
    mutating func digits() -> ByteRange {
        let isQuoted = skip("\"")
        let start = offset
        while offset < count, base[offset] &- 0x30 <= 9 { offset += 1 }
        let range = ByteRange(start, offset)
        if isQuoted && !skip("\"") || range.count > 1 && base[start] == 0x30 { return .empty }
        return range
    }

    /// Steps over `"a","b"` (or `"a":"b","c":"d"`) to `end`, which is not passed; nil for anything else.
    mutating func strings(until end: UInt8, isMap: Bool) -> ByteRange? {
        let start = offset
        if offset < count, base[offset] == end { return ByteRange(start, offset) }
        while true {
            guard skip("\""), string() != nil, skip("\"") else { return nil }
            if isMap { guard skip(":\""), string() != nil, skip("\"") else { return nil } }
            if offset < count, base[offset] == end { return ByteRange(start, offset) }
            guard skip(",") else { return nil }
        }
    }
}

/// Walks the strings of a list or map that `TradeScan` found.
public struct PlainStrings: ~Escapable {
    private let text: Span<UInt8>
    private var offset = 0

    /// - Parameter text: the bytes between the brackets.
    @_lifetime(copy text)
    public init(_ text: Span<UInt8>) { self.text = text }

    /// The next key, value or element; nil after the last.
    @_lifetime(self: copy self)
    public mutating func next() -> ByteRange? {
        while offset < text.count, text[offset] != UInt8(ascii: "\"") { offset += 1 }
        if offset >= text.count { return nil }
        let start = offset + 1
        offset = start
        while offset < text.count, text[offset] != UInt8(ascii: "\"") { offset += 1 }
        let range = ByteRange(start, offset)
        offset += 1
        return range
    }
}
