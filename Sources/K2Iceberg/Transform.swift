/// How a partition value or sort key is made from a column: https://iceberg.apache.org/spec/#partition-transforms
public enum Transform: Hashable, Sendable {
    case identity, year, month, day, hour, void
    case bucket(Int)
    case truncate(Int)
    /// A transform that is not known here: read and kept, never applied.
    case unknown(String)
}

extension Transform: CustomStringConvertible {
    public var description: String {
        switch self {
        case .identity: "identity"
        case .year: "year"
        case .month: "month"
        case .day: "day"
        case .hour: "hour"
        case .void: "void"
        case .bucket(let count): "bucket[\(count)]"
        case .truncate(let width): "truncate[\(width)]"
        case .unknown(let text): text
        }
    }

    public init(_ text: String) {
        switch text {
        case "identity": self = .identity
        case "year": self = .year
        case "month": self = .month
        case "day": self = .day
        case "hour": self = .hour
        case "void": self = .void
        default: self = Self.parameter(text, "bucket").map { .bucket($0) } ?? Self.parameter(text, "truncate").map { .truncate($0) } ?? .unknown(text)
        }
    }

    private static func parameter(_ text: String, _ name: String) -> Int? {
        guard text.hasPrefix(name + "["), text.hasSuffix("]"), let value = Int32(text.dropFirst(name.count + 1).dropLast()), value > 0 else { return nil }
        return Int(value)
    }
}

extension Transform {
    /// The type of the result for a column of `source`; nil when the transform cannot be applied to it.
    public func resultType(_ source: PrimitiveType) -> PrimitiveType? {
        let isTimestamp = source == .timestamp || source == .timestamptz
        switch self {
        case .identity, .void: return source
        case .year, .month: return isTimestamp || source == .date ? .int : nil
        case .day: return isTimestamp || source == .date ? .date : nil
        case .hour: return isTimestamp ? .int : nil
        case .bucket:
            switch source {
            case .boolean, .float, .double: return nil
            default: return .int
            }
        case .truncate:
            switch source {
            case .int, .long, .decimal, .string, .binary: return source
            default: return nil
            }
        case .unknown: return nil
        }
    }

    /// The partition value of a column value; null stays null.
    ///
    /// - Throws: `invalid` when the transform cannot be applied to such a value.
    public func apply(_ value: Datum?) throws(IcebergError) -> Datum? {
        guard let value, self != .void else { return nil }
        let result: Datum?
        switch self {
        case .identity: result = value
        case .year: result = Self.day(value).map { .int(Int32(clamping: CalendarDay(day: $0).year - 1970)) }
        case .month: result = Self.day(value).map { .int(Int32(clamping: CalendarDay(day: $0).monthsSince1970)) }
        case .day: result = Self.day(value).map { .date(Int32(clamping: $0)) }
        case .hour: result = Self.microseconds(value).map { .int(Int32(clamping: Self.floorDivide($0, 3_600_000_000))) }
        case .bucket(let count): result = Murmur3.hash(value).map { .int(Int32(Int($0 & 0x7fff_ffff) % count)) }
        case .truncate(let width): result = Self.truncate(value, to: width)
        case .void, .unknown: result = nil
        }
        guard let result else { throw IcebergError(.invalid, "transform \(self) cannot be applied to \(value)") }
        return result
    }

    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }

    /// Never negative.
    private static func remainder(_ value: Int64, _ width: Int) -> Int64 {
        let rest = value % Int64(width)
        return rest < 0 ? rest + Int64(width) : rest
    }

    private static func microseconds(_ value: Datum) -> Int64? {
        if case .timestamp(let micros) = value { micros } else { nil }
    }

    private static func day(_ value: Datum) -> Int64? {
        if case .date(let day) = value { return Int64(day) }
        return microseconds(value).map { floorDivide($0, 86_400_000_000) }
    }

    /// Rounds down to a multiple of `width`, or keeps the first `width` characters or bytes.
    private static func truncate(_ value: Datum, to width: Int) -> Datum? {
        switch value {
        case .int(let number):
            return .int(Int32(truncatingIfNeeded: Int64(number) - remainder(Int64(number), width)))
        case .long(let number):
            return .long(number &- remainder(number, width))
        case .decimal(let number):
            var rest = number % Int128(width)
            if rest < 0 { rest += Int128(width) }
            return .decimal(number - rest)
        case .string(let text): return .string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(width))))
        case .binary(let bytes): return .binary(Array(bytes.prefix(width)))
        default: return nil
        }
    }
}

/// Year and month of a day count since 1970-01-01 in the proleptic Gregorian calendar.
struct CalendarDay {
    var year: Int64
    var month: Int64

    init(day: Int64) {
        // Days are counted from 1 March of year 0, so that leap days come last: the classic era arithmetic.
        let shifted = day + 719_468
        let era = Transform.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var monthsSince1970: Int64 { (year - 1970) * 12 + month - 1 }
}
