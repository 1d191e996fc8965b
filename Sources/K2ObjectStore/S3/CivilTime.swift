/// A moment in the forms that S3 uses, in UTC and the Gregorian calendar.
struct CivilTime {
    /// Since 1970.
    let seconds: Int64

    init(_ seconds: Int64) { self.seconds = seconds }

    /// `20130524T000000Z`.
    var basic: String {
        let day = seconds.quotientAndFloorRemainder(86_400)
        let (year, month, date) = Self.civil(day.quotient)
        let time = [day.remainder / 3_600, day.remainder / 60 % 60, day.remainder % 60]
        return "\(Self.padded(year, 4))\(Self.padded(month, 2))\(Self.padded(date, 2))T\(time.map { Self.padded($0, 2) }.joined())Z"
    }

    /// Microseconds since 1970 of `2013-05-24T00:00:00.000Z`, whatever the number of decimals; nil when it is no such time.
    static func microseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            bytes[range].allSatisfy { $0 &- 0x30 <= 9 } ? Int64(String(decoding: bytes[range], as: UTF8.self)) : nil
        }
        let marks = [4: "-", 7: "-", 10: "T", 13: ":", 16: ":"]
        guard marks.allSatisfy({ bytes[$0.key] == $0.value.utf8.first }), let year = number(0..<4), let month = number(5..<7),
            let day = number(8..<10), let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let decimals = bytes[19..<(bytes.count - 1)]
        guard decimals.isEmpty || decimals.count > 1 && decimals.first == UInt8(ascii: "."),
            decimals.dropFirst().allSatisfy({ $0 &- 0x30 <= 9 })
        else { return nil }
        let fraction = decimals.dropFirst().prefix(6).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        let scale = (0..<(6 - min(6, max(decimals.count - 1, 0)))).reduce(Int64(1)) { product, _ in product * 10 }
        return (days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + fraction * scale
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // Both count years from March, so that the leap day ends one (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).quotientAndFloorRemainder(146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).quotientAndFloorRemainder(400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Int64 {
    fileprivate func quotientAndFloorRemainder(_ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = (self % divisor + divisor) % divisor
        return ((self - remainder) / divisor, remainder)
    }
}
