/// An instant in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// The years 0001 to 9999 can be printed and read; arithmetic stays inside `Int64`.
public struct Timestamp: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }
    @inlinable public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    public static let microsecondsPerDay: Int64 = 86_400_000_000

    /// Whole days since 1970-01-01, rounded down.
    @inlinable public var day: Int64 {
        let quotient = microseconds / 86_400_000_000
        return microseconds % 86_400_000_000 < 0 ? quotient - 1 : quotient
    }

    /// The start of the half-open window of `width` microseconds that holds this instant.
    @inlinable public func floor(to width: Int64) -> Timestamp {
        let rest = microseconds % width
        return Timestamp(microseconds: microseconds - (rest < 0 ? rest + width : rest))
    }

    /// Year, month and day of the proleptic Gregorian calendar for a day count since 1970-01-01.
    public static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    /// Days since 1970-01-01 of a calendar date.
    public static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
