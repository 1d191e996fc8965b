import K2Bytes

extension FixedDecimal {
    /// Reads `[-]digits[.digits][e±digits]`. Leading zeros are allowed, a leading `+` or a bare point is not.
    public init(_ text: Span<UInt8>) throws(DecimalError) {
        var plain = false
        self = try Self.parse(text, isPlain: &plain)
    }

    /// As `init(_:)`; `isPlain` tells whether the text has no exponent, no needless leading zero and no
    /// sign before a zero, so that printing the value would give the same text again.
    public static func parse(_ text: Span<UInt8>, isPlain: inout Bool) throws(DecimalError) -> FixedDecimal {
        var index = 0
        let count = text.count
        let negative = count > 0 && text[0] == UInt8(ascii: "-")
        if negative { index = 1 }
        let firstDigit = index
        // Digits are gathered 18 at a time in 64 bits: nearly every price and quantity ends in the first part.
        var upper: Int128 = 0
        var small: UInt64 = 0
        var inSmall = 0
        var digits = 0
        var pointAt = -1
        while index < count {
            let byte = text[index]
            let digit = byte &- 0x30
            if digit <= 9 {
                if inSmall == 18 {
                    upper = upper * 1_000_000_000_000_000_000 + Int128(small)
                    (small, inSmall) = (0, 0)
                }
                small = small &* 10 &+ UInt64(digit)
                digits += digits > 0 || digit != 0 ? 1 : 0
                inSmall += digits > 0 ? 1 : 0
                if digits > maxDigits { break }
            } else if byte == UInt8(ascii: "."), pointAt < 0, index > firstDigit {
                pointAt = index
            } else {
                break
            }
            index += 1
        }
        let scale = pointAt < 0 ? 0 : count - pointAt - 1
        if index == count, index > firstDigit, pointAt != count - 1, scale <= 38 {
            let mantissa = upper == 0 ? Int128(small) : upper * powerOfTen(inSmall) + Int128(small)
            isPlain = (text[firstDigit] != 0x30 || count - firstDigit == 1 || pointAt == firstDigit + 1) && !(negative && mantissa == 0)
            return FixedDecimal(mantissa: negative ? -mantissa : mantissa, scale: UInt8(truncatingIfNeeded: scale))
        }
        return try parseGeneral(text, isPlain: &isPlain)
    }

    @inline(never)
    private static func parseGeneral(_ text: Span<UInt8>, isPlain: inout Bool) throws(DecimalError) -> FixedDecimal {
        var index = 0
        let negative = text.count > 0 && text[0] == UInt8(ascii: "-")
        if negative { index = 1 }
        let firstDigit = index
        var mantissa: Int128 = 0
        var digits = 0
        var pointAt = -1
        var fraction = 0
        scan: while index < text.count {
            let byte = text[index]
            switch byte {
            case 0x30...0x39:
                digits += digits > 0 || byte != 0x30 ? 1 : 0
                if digits > maxDigits { throw .tooManyDigits }
                mantissa = mantissa * 10 + Int128(byte - 0x30)
                fraction += pointAt >= 0 ? 1 : 0
            case UInt8(ascii: ".") where pointAt < 0 && index > firstDigit: pointAt = index
            default: break scan
            }
            index += 1
        }
        let mantissaEnd = index
        guard mantissaEnd > firstDigit, text[mantissaEnd - 1] != UInt8(ascii: ".") else { throw .malformed(offset: index) }
        let exponent = try parseExponent(text, from: &index)
        guard index == text.count else { throw .malformed(offset: index) }
        isPlain = mantissaEnd == text.count && fraction <= maxDigits && !(negative && mantissa == 0)
            && (text[firstDigit] != 0x30 || mantissaEnd - firstDigit == 1 || pointAt == firstDigit + 1)
        return try scaled(mantissa: negative ? -mantissa : mantissa, fraction: fraction, exponent: exponent)
    }

    private static func parseExponent(_ text: Span<UInt8>, from index: inout Int) throws(DecimalError) -> Int {
        guard index < text.count, text[index] | 0x20 == UInt8(ascii: "e") else { return 0 }
        index += 1
        var sign = 1
        if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
            sign = text[index] == UInt8(ascii: "-") ? -1 : 1
            index += 1
        }
        let start = index
        var value = 0
        while index < text.count, case let digit = text[index] &- 0x30, digit <= 9 {
            value = min(value * 10 + Int(digit), 100_000)
            index += 1
        }
        guard index > start else { throw .malformed(offset: index) }
        return sign * value
    }

    private static func scaled(mantissa: Int128, fraction: Int, exponent: Int) throws(DecimalError) -> FixedDecimal {
        let scale = fraction - exponent
        if scale < 0 {
            if mantissa == 0 { return .zero }
            guard -scale <= 38 else { throw .tooManyDigits }
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: powerOfTen(-scale))
            guard !overflow, product.magnitude < limit.magnitude else { throw .tooManyDigits }
            return FixedDecimal(mantissa: product, scale: 0)
        }
        if scale <= 38 { return FixedDecimal(mantissa: mantissa, scale: UInt8(scale)) }
        var rest = mantissa
        var left = scale
        while left > 38 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { throw .tooManyDigits }
            rest = quotient
            left -= 1
            if rest == 0 { left = min(left, 38) }
        }
        return FixedDecimal(mantissa: rest, scale: UInt8(left))
    }
}

extension ByteWriter {
    /// Appends `value` in plain notation with all digits of its scale: `0.00044780`, `-3`, `12.50`.
    public mutating func append(_ value: FixedDecimal) {
        if value.mantissa < 0 { append(UInt8(ascii: "-")) }
        let magnitude = value.mantissa.magnitude
        let scale = Int(value.scale)
        if magnitude <= UInt128(UInt64.max) && scale < 19 {
            let small = UInt64(truncatingIfNeeded: magnitude)
            if scale == 0 { return append(decimal: small) }
            let (whole, fraction) = small.quotientAndRemainder(dividingBy: UInt64(FixedDecimal.smallPower(scale)))
            append(decimal: whole)
            append(UInt8(ascii: "."))
            return append(decimal: fraction, width: scale)
        }
        appendWide(magnitude, scale: scale)
    }

    private mutating func appendWide(_ magnitude: UInt128, scale: Int) {
        let unit = UInt128(FixedDecimal.powerOfTen(scale))
        let (whole, fraction) = magnitude.quotientAndRemainder(dividingBy: unit)
        appendWhole(whole)
        if scale == 0 { return }
        append(UInt8(ascii: "."))
        if scale <= 19 { return append(decimal: UInt64(truncatingIfNeeded: fraction), width: scale) }
        let lower: UInt128 = 10_000_000_000_000_000_000
        append(decimal: UInt64(truncatingIfNeeded: fraction / lower), width: scale - 19)
        append(decimal: UInt64(truncatingIfNeeded: fraction % lower), width: 19)
    }

    private mutating func appendWhole(_ value: UInt128) {
        let lower: UInt128 = 10_000_000_000_000_000_000
        if value < lower { return append(decimal: UInt64(truncatingIfNeeded: value)) }
        append(decimal: UInt64(truncatingIfNeeded: value / lower))
        append(decimal: UInt64(truncatingIfNeeded: value % lower), width: 19)
    }
}

extension FixedDecimal: CustomStringConvertible {
    static func smallPower(_ exponent: Int) -> Int64 { smallPowers[exponent] }

    public var description: String {
        var writer = ByteWriter(capacity: 48)
        writer.append(self)
        return writer.bytes.text
    }

    /// Reads a decimal from a string; nil when it is none.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        do throws(DecimalError) { self = try FixedDecimal(bytes.span) } catch { return nil }
    }
}
