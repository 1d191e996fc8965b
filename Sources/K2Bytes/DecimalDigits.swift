/// Prints unsigned integers two digits a step.
public enum DecimalDigits {
    /// "00" to "99", one after the other.
    @usableFromInline static let pairs: StaticString = """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """

    /// Number of decimal digits of `value`, at least 1.
    static func count(_ value: UInt64) -> Int {
        if value < 10 { return 1 }
        // 1233 / 4096 is a little more than log10(2).
        let estimate = ((64 - value.leadingZeroBitCount) * 1233) >> 12
        return value < powers[estimate] ? estimate : estimate + 1
    }

    private static let powers: InlineArray<20, UInt64> = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
        100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
        10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]

    /// Writes the lowest `digits` decimal digits of `value`, leading zeros included.
    @inlinable
    public static func write(_ value: UInt64, digits: Int, to target: UnsafeMutablePointer<UInt8>) {
        var rest = value
        var position = digits
        while position >= 2 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            rest = quotient
            position -= 2
            writePair(pair, to: target + position)
        }
        if position == 1 { target[0] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10) }
    }

    /// Writes a number below 100 in two digits.
    @inlinable
    @inline(__always)
    public static func writePair(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) {
        let source = pairs.utf8Start + Int(truncatingIfNeeded: value &* 2)
        target[0] = source[0]
        target[1] = source[1]
    }
}
