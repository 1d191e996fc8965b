/// Dates of HTTP (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT` and the two old forms
/// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
enum HTTPDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// Microseconds since 1970; nil when `text` is no date. `now` says what century a year of two digits means.
    static func parse(_ text: String, now: Int64) -> Int64? {
        let words = text.split { $0 == " " || $0 == "-" || $0 == "," }
        // Day name, then day, month, year, time, GMT; or month, day, time, year.
        if words.count == 6, words[5].lowercased() == "gmt" {
            return time(day: words[1], month: words[2], year: words[3], clock: words[4], now)
        }
        if words.count == 5 { return time(day: words[2], month: words[1], year: words[4], clock: words[3], now) }
        return nil
    }

    private static func time(day: Substring, month: Substring, year: Substring, clock: Substring, _ now: Int64) -> Int64? {
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false).compactMap { number($0, 2...2) }
        guard parts.count == 3, parts[0] < 24, parts[1] < 60, parts[2] <= 60,
            let day = number(day, 1...2), (1...31).contains(day), let month = months.firstIndex(of: month.lowercased()),
            var year = number(year, 2...4), year < 100 || year >= 1900
        else { return nil }
        if year < 100 { year += century(of: year, now) }
        let seconds = ((days(year, month + 1, day) * 24 + parts[0]) * 60 + parts[1]) * 60 + parts[2]
        return Int64(seconds) * 1_000_000
    }

    /// "More than 50 years in the future" means the past century.
    private static func century(of year: Int, _ now: Int64) -> Int {
        let thisYear = 1970 + Int(now / 1_000_000 / 31_556_952)
        let century = thisYear / 100 * 100
        return century + year > thisYear + 50 ? century - 100 : century
    }

    /// Days since 1970-01-01 in the Gregorian calendar; years begin in March here, so that the leap day comes last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        return 365 * year + year / 4 - year / 100 + year / 400 + (153 * monthFromMarch + 2) / 5 + day - 1 - 719_468
    }

    private static func number(_ text: Substring, _ digits: ClosedRange<Int>) -> Int? {
        digits.contains(text.utf8.count) && text.utf8.allSatisfy { $0 &- 0x30 <= 9 } ? Int(text) : nil
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
enum RetryAfter {
    /// Microseconds to wait from `now` (microseconds since 1970) on, never negative; nil when it cannot be read.
    static func parse(_ text: String, now: Int64) -> Int64? {
        if text.utf8.allSatisfy({ $0 &- 0x30 <= 9 }), let seconds = Int64(text) {
            let (wait, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
            return overflow ? Int64.max : wait
        }
        return HTTPDate.parse(text, now: now).map { max(0, $0 - now) }
    }
}
