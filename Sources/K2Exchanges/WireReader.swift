import K2Bytes
import K2Domain
import K2JSON

/// Typed reads of single values of a message, each with an error that names field and place.
enum WireReader {
    /// A decimal sent as a JSON string or as a bare number. `copy` is set to its text when that is
    /// plain notation, so that it can be handed on without printing it again.
    static func decimal(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>,
        copy: inout ByteRange
    ) throws(WireError) -> FixedDecimal {
        let kind = document.kind(node)
        let range = document.range(node)
        guard kind == .string || kind == .number else {
            throw WireError(field, expected: "a decimal", found: document.verbatim(node))
        }
        do throws(DecimalError) {
            var plain = false
            let value = try FixedDecimal.parse(text.part(range), isPlain: &plain)
            copy = plain ? range : .empty
            return value
        } catch {
            let expected: StaticString = error == .tooManyDigits ? "a decimal of at most 38 digits" : "a decimal"
            throw WireError(field, expected: expected, found: range)
        }
    }

    /// A trade id sent as an integer or as a string of digits, at most `Int64.max`.
    static func id(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> UInt64 {
        let range = document.range(node)
        let kind = document.kind(node)
        guard kind == .string || kind == .number, let value = unsigned(text.part(range)) else {
            throw WireError(field, expected: "an integer of at most 63 bits", found: document.verbatim(node))
        }
        return value
    }

    /// Decimal digits only, at most `Int64.max`; nil otherwise.
    static func unsigned(_ digits: Span<UInt8>) -> UInt64? {
        guard digits.count >= 1, digits.count <= 19 else { return nil }
        var value: UInt64 = 0
        for index in 0..<digits.count {
            let digit = digits[index] &- 0x30
            guard digit <= 9 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value <= UInt64(Int64.max) ? value : nil
    }

    /// A time sent as RFC 3339 text.
    static func rfc3339(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> Timestamp {
        let range = document.range(node)
        guard document.kind(node) == .string else {
            throw WireError(field, expected: "an RFC 3339 time", found: document.verbatim(node))
        }
        do throws(TimestampError) { return try Timestamp(rfc3339: text.part(range)) } catch {
            throw WireError(field, expected: "an RFC 3339 time", found: range)
        }
    }

    /// A time sent as an integer of milliseconds or microseconds since 1970; the size tells which.
    /// Values that fit neither unit between the years 1973 and 5138 are refused rather than guessed.
    static func epoch(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> Timestamp {
        let value = document.kind(node) == .number ? unsigned(text.part(document.range(node))) : nil
        switch value {
        case let value? where value >= 100_000_000_000 && value < 100_000_000_000_000:
            return Timestamp(microseconds: Int64(value) * 1_000)
        case let value? where value >= 100_000_000_000_000 && value < 100_000_000_000_000_000:
            return Timestamp(microseconds: Int64(value))
        default:
            throw WireError(field, expected: "a time in ms or µs since 1970", found: document.verbatim(node))
        }
    }

    /// A time sent as decimal seconds since 1970, digits after the sixth decimal cut off.
    static func seconds(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> Timestamp {
        var copy = ByteRange.empty
        let value = try decimal(node, field, document, text, copy: &copy)
        let micros: Int128? =
            value.scale <= 6
            ? value.rescaled(to: 6)?.mantissa
            : value.mantissa / FixedDecimal.powerOfTen(Int(value.scale) - 6)
        // 1973 to 5138, as for integers: anything else is another unit.
        guard let micros, micros >= 100_000_000_000_000, micros < 100_000_000_000_000_000 else {
            throw WireError(field, expected: "a time in seconds since 1970", found: document.range(node))
        }
        return Timestamp(microseconds: Int64(micros))
    }

    static func boolean(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument
    ) throws(WireError) -> Bool {
        switch document.kind(node) {
        case .true: return true
        case .false: return false
        default: throw WireError(field, expected: "true or false", found: document.verbatim(node))
        }
    }

    /// A string that is not empty, as it stands between its quotes.
    static func string(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument
    ) throws(WireError) -> ByteRange {
        let range = document.range(node)
        guard document.kind(node) == .string, !range.isEmpty else {
            throw WireError(field, expected: "a name", found: document.verbatim(node))
        }
        return range
    }

    /// `buy`, `sell`, `b` or `s` in either case.
    static func side(
        _ node: Int, _ field: StaticString, _ document: borrowing JSONDocument, _ text: Span<UInt8>
    ) throws(WireError) -> Side {
        let range = document.range(node)
        if document.kind(node) == .string {
            let word = text.part(range)
            if word.equals("buy") || word.equals("BUY") || word.equals("b") { return .buy }
            if word.equals("sell") || word.equals("SELL") || word.equals("s") { return .sell }
        }
        throw WireError(field, expected: "buy or sell", found: range)
    }

    /// Keeps a member that has no column of its own; null and empty values are left out.
    static func keep(_ key: Int, _ document: borrowing JSONDocument, in fields: inout [NamedText]) {
        let value = document.range(key + 1)
        let kind = document.kind(key + 1)
        if value.isEmpty || kind == .null { return }
        fields.append(
            NamedText(key: document.range(key), value: value, isStructured: kind == .object || kind == .array))
    }

    /// The taker's order type. An unknown one is none, not an error: exchanges add types without notice.
    static func condition(_ node: Int, _ document: borrowing JSONDocument, _ text: Span<UInt8>) -> WireTrade.Condition {
        let word = text.part(document.range(node))
        if word.equals("limit") || word.equals("l") { return .limit }
        if word.equals("market") || word.equals("m") { return .market }
        return .none
    }
}

/// Ticks off the fields that a trade cannot do without.
struct RequiredFields: OptionSet {
    let rawValue: UInt8
    static let symbol = RequiredFields(rawValue: 1)
    static let id = RequiredFields(rawValue: 2)
    static let price = RequiredFields(rawValue: 4)
    static let quantity = RequiredFields(rawValue: 8)
    static let side = RequiredFields(rawValue: 16)
    static let time = RequiredFields(rawValue: 32)
    static let all: RequiredFields = [.symbol, .id, .price, .quantity, .side, .time]

    /// Throws for the first field of `all` that is not in `self`; `names` are the exchange's, in that order.
    func check(_ names: StaticString, _ id: StaticString, _ price: StaticString, _ quantity: StaticString,
               _ side: StaticString, _ time: StaticString, in payload: ByteRange) throws(WireError) {
        if self == .all { return }
        let missing: StaticString =
            !contains(.symbol) ? names : !contains(.id) ? id : !contains(.price) ? price
            : !contains(.quantity) ? quantity : !contains(.side) ? side : time
        throw WireError(missing, expected: "this field in the trade", found: payload)
    }
}
