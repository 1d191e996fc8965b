import K2Bytes
import K2Domain
import K2Iceberg

/// The values of partitions as people read them.
///
/// Source: `Transform.toHumanString` and `TransformUtil` of apache/iceberg, which print with the classes of Java named here.
enum PartitionText {
    /// - Parameter source: the type of the column that the field is made from; nil when the table does not have it any more.
    static func text(_ value: Datum?, _ transform: Transform, _ source: PrimitiveType?) -> String {
        guard let value else { return "null" }
        switch (transform, value) {
        case (.year, .int(let number)): return padded(1970 + Int64(number), 4)
        case (.month, .int(let number)): return month(Int64(number))
        case (.day, .int(let number)): return date(Int64(number))
        case (.hour, .int(let number)): return "\(date(floorDivide(Int64(number), 24)))-\(padded(Int64(number) - floorDivide(Int64(number), 24) * 24, 2))"
        default: return text(value, source)
        }
    }

    private static func text(_ value: Datum, _ type: PrimitiveType?) -> String {
        switch value {
        case .boolean(let value): "\(value)"
        case .int(let value): "\(value)"
        case .long(let value): "\(value)"
        case .float(let value): "\(value)"
        case .double(let value): "\(value)"
        case .date(let day): date(Int64(day))
        case .time(let micros): time(micros)
        case .timestamp(let micros): timestamp(micros) + (type == .timestamptz ? "Z" : "")
        case .string(let text): text
        case .uuid(let bytes): uuid(bytes)
        case .fixed(let bytes), .binary(let bytes): Base64.text(of: bytes)
        case .decimal(let number): decimal(number, scale: scale(type))
        }
    }

    private static func scale(_ type: PrimitiveType?) -> Int { if case .decimal(_, let scale)? = type { scale } else { 0 } }

    // MARK: Times

    private static func date(_ day: Int64) -> String {
        let civil = Timestamp.civil(day: day)
        return "\(padded(civil.year, 4))-\(padded(civil.month, 2))-\(padded(civil.day, 2))"
    }

    private static func month(_ months: Int64) -> String {
        let years = floorDivide(months, 12)
        return "\(padded(1970 + years, 4))-\(padded(months - years * 12 + 1, 2))"
    }

    /// As `LocalDateTime`.
    private static func timestamp(_ micros: Int64) -> String {
        let day = Timestamp(microseconds: micros).day
        return "\(date(day))T\(time(micros - day * Timestamp.microsecondsPerDay))"
    }

    /// As `LocalTime`: without seconds where these are none, with milliseconds or microseconds where it takes them.
    private static func time(_ micros: Int64) -> String {
        let (seconds, rest) = micros.quotientAndRemainder(dividingBy: 1_000_000)
        var text = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2))"
        if seconds % 60 > 0 || rest > 0 { text += ":\(padded(seconds % 60, 2))" }
        if rest > 0 { text += rest % 1_000 == 0 ? ".\(padded(rest / 1_000, 3))" : ".\(padded(rest, 6))" }
        return text
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }

    // MARK: Others

    private static func uuid(_ bytes: [UInt8]) -> String {
        var text = ByteWriter(capacity: 36)
        text.append(UUIDValue(bits: bytes.reduce(0) { $0 << 8 | UInt128($1) }))
        return text.bytes.text
    }

    /// As `BigDecimal`: plain, but for values far below one.
    private static func decimal(_ unscaled: Int128, scale: Int) -> String {
        let digits = Array(String(unscaled.magnitude))
        let exponent = digits.count - 1 - scale
        let sign = unscaled < 0 ? "-" : ""
        if scale == 0 { return sign + String(digits) }
        if exponent < -6 { return "\(sign)\(digits[0])\(digits.count > 1 ? "." + String(digits[1...]) : "")E\(exponent)" }
        let whole = exponent < 0 ? "0" : String(digits[...exponent])
        let zeros = String(repeating: "0", count: max(-exponent - 1, 0))
        return "\(sign)\(whole).\(zeros)\(String(digits[max(exponent + 1, 0)...]))"
    }
}
