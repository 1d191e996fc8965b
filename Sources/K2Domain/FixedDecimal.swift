import K2Bytes

/// Why a decimal was refused.
public enum DecimalError: Error, Equatable, Sendable {
    /// The text is not a decimal number; the offset is that of the first unexpected byte.
    case malformed(offset: Int)
    /// More than 38 significant digits, or an exponent that would need them.
    case tooManyDigits
}

/// An exact decimal number: `mantissa` × 10^−`scale`, with at most 38 digits.
///
/// Nothing here passes through binary floating point. The scale is kept as it was sent, so
/// `0.00044780` prints again with its trailing zero; `==` and `<` compare the values all the same.
public struct FixedDecimal: Sendable {
    /// The digits without the point; its magnitude is below 10^38.
    public var mantissa: Int128
    /// Number of digits after the point, 0 to 38.
    public var scale: UInt8

    public static let maxDigits = 38
    public static let zero = FixedDecimal(mantissa: 0, scale: 0)

    @inlinable public init(mantissa: Int128, scale: UInt8) {
        self.mantissa = mantissa
        self.scale = scale
    }

    @inlinable public var isPositive: Bool { mantissa > 0 }

    /// 10^`exponent` for 0 to 38.
    @inlinable public static func powerOfTen(_ exponent: Int) -> Int128 {
        if exponent < 19 { return Int128(smallPowers[exponent]) }
        let lower = Int128(smallPowers[18])
        return exponent <= 36 ? Int128(smallPowers[exponent - 18]) * lower : lower * lower * Int128(smallPowers[exponent - 36])
    }

    @usableFromInline static let smallPowers: InlineArray<19, Int64> = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
        10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000,
        100_000_000_000_000, 1_000_000_000_000_000, 10_000_000_000_000_000,
        100_000_000_000_000_000, 1_000_000_000_000_000_000,
    ]

    /// 10^38.
    @usableFromInline static var limit: Int128 { 100_000_000_000_000_000_000_000_000_000_000_000_000 }

    /// The same value with `scale` digits after the point, or nil when digits would be lost or
    /// more than 38 were needed.
    public func rescaled(to scale: UInt8) -> FixedDecimal? {
        if scale == self.scale { return self }
        if scale > self.scale {
            let steps = Int(scale) - Int(self.scale)
            guard steps <= 38 else { return mantissa == 0 ? FixedDecimal(mantissa: 0, scale: scale) : nil }
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: Self.powerOfTen(steps))
            guard !overflow, product.magnitude < Self.limit.magnitude else { return nil }
            return FixedDecimal(mantissa: product, scale: scale)
        }
        let (quotient, rest) = mantissa.quotientAndRemainder(dividingBy: Self.powerOfTen(Int(self.scale) - Int(scale)))
        return rest == 0 ? FixedDecimal(mantissa: quotient, scale: scale) : nil
    }

    /// The exact product, its scale the sum of both; nil when it needs more than 38 digits.
    public func multiplied(by other: FixedDecimal) -> FixedDecimal? {
        let scale = scale &+ other.scale
        let product: Int128
        if let a = Int64(exactly: mantissa), let b = Int64(exactly: other.mantissa) {
            let wide = a.multipliedFullWidth(by: b)
            product = Int128(wide.high) << 64 | Int128(wide.low)
        } else {
            let (wide, overflow) = mantissa.multipliedReportingOverflow(by: other.mantissa)
            if overflow { return multipliedTrimmed(by: other) }
            product = wide
        }
        let result = FixedDecimal(mantissa: product, scale: scale)
        guard scale <= 38, product.magnitude < Self.limit.magnitude else {
            return multipliedTrimmed(by: other)
        }
        return result
    }

    /// As `multiplied`, without trailing zeros in the product: what does not fit here fits nowhere.
    private func multipliedTrimmed(by other: FixedDecimal) -> FixedDecimal? {
        var (a, b) = (mantissa, other.mantissa)
        var scale = Int(self.scale) + Int(other.scale)
        while scale > 0, Self.divideProductByTen(&a, &b) { scale -= 1 }
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        guard !overflow, scale <= 38, product.magnitude < Self.limit.magnitude else { return nil }
        return FixedDecimal(mantissa: product, scale: UInt8(scale))
    }

    /// Makes the product of `a` and `b` ten times smaller, without computing it; false when it ends in no zero.
    private static func divideProductByTen(_ a: inout Int128, _ b: inout Int128) -> Bool {
        let fives = (a % 5 == 0, b % 5 == 0)
        guard fives.0 || fives.1, a % 2 == 0 || b % 2 == 0 else { return false }
        if fives.0 { a /= 5 } else { b /= 5 }
        if a % 2 == 0 { a /= 2 } else { b /= 2 }
        return true
    }

    /// The exact sum, its scale the larger of both; nil when it needs more than 38 digits.
    public func adding(_ other: FixedDecimal) -> FixedDecimal? {
        if scale == other.scale, let sum = Self.sum(mantissa, other.mantissa) {
            return FixedDecimal(mantissa: sum, scale: scale)
        }
        let common = max(scale, other.scale)
        guard let a = rescaled(to: common), let b = other.rescaled(to: common) else { return nil }
        return Self.sum(a.mantissa, b.mantissa).map { FixedDecimal(mantissa: $0, scale: common) }
    }

    /// The sum of two mantissas, nil beyond 38 digits.
    @inline(__always)
    private static func sum(_ a: Int128, _ b: Int128) -> Int128? {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow || sum >= limit || sum <= -limit ? nil : sum
    }

    /// The same value without trailing zeros after the point.
    public var trimmed: FixedDecimal {
        var result = self
        while result.scale > 0 {
            let (quotient, rest) = result.mantissa.quotientAndRemainder(dividingBy: 10)
            if rest != 0 { break }
            result = FixedDecimal(mantissa: quotient, scale: result.scale - 1)
        }
        return result
    }
}

extension FixedDecimal: Comparable {
    @inlinable public static func == (a: FixedDecimal, b: FixedDecimal) -> Bool {
        if a.scale == b.scale { return a.mantissa == b.mantissa }
        return order(a, b) == 0
    }

    @inlinable public static func < (a: FixedDecimal, b: FixedDecimal) -> Bool {
        if a.scale == b.scale { return a.mantissa < b.mantissa }
        return order(a, b) < 0
    }

    /// −1, 0 or 1, for values of different scales.
    @usableFromInline static func order(_ a: FixedDecimal, _ b: FixedDecimal) -> Int {
        if a.scale > b.scale { return -order(b, a) }
        let steps = Int(b.scale) - Int(a.scale)
        // 10^38 times a 38-digit number needs 256 bits: compare the parts before and after the point instead.
        let (whole, rest) = b.mantissa.quotientAndRemainder(dividingBy: powerOfTen(min(steps, 38)))
        if a.mantissa != whole { return a.mantissa < whole ? -1 : 1 }
        return rest == 0 ? 0 : (rest > 0 ? -1 : 1)
    }
}

extension FixedDecimal: Hashable {
    public func hash(into hasher: inout Hasher) {
        let plain = trimmed
        hasher.combine(plain.mantissa)
        hasher.combine(plain.scale)
    }
}
