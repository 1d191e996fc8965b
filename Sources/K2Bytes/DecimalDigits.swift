/// Prints unsigned integers two digits a step.
enum DecimalDigits {
    static func count(_ value: UInt64) -> Int {
        var limit: UInt64 = 10
        var digits = 1
        while digits < 20 && value >= limit {
            digits += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = next
        }
        return digits
    }

    /// Writes the lowest `digits` decimal digits of `value`, leading zeros included.
    static func write(_ value: UInt64, digits: Int, to target: UnsafeMutablePointer<UInt8>) {
        var rest = value
        var position = digits
        while position >= 2 {
            let pair = Int(rest % 100)
            rest /= 100
            position -= 2
            target[position] = 0x30 &+ UInt8(truncatingIfNeeded: pair / 10)
            target[position + 1] = 0x30 &+ UInt8(truncatingIfNeeded: pair % 10)
        }
        if position == 1 { target[0] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10) }
    }
}
