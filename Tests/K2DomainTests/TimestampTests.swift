import Foundation
import K2Bytes
import K2Domain
import K2TestSupport
import Testing

private func refusal(_ text: String) -> TimestampError? {
    let bytes = Array(text.utf8)
    do throws(TimestampError) {
        _ = try Timestamp(rfc3339: bytes.span)
        return nil
    } catch { return error }
}

private let yearOne = Timestamp("0001-01-01T00:00:00.000000Z")!
private let endOfTime = Timestamp("9999-12-31T23:59:59.999999Z")!

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999Z", -1), ("2026-02-18T00:00:00.023596Z", 1_771_372_800_023_596),
        ("2000-02-29T12:00:00Z", 951_825_600_000_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999), ("2026-02-18t00:00:00.023596z", 1_771_372_800_023_596),
        ("1970-01-01T02:00:00+02:00", 0), ("1969-12-31T18:30:00-05:30", 0), ("1970-01-01T00:00:00.5+00:00", 500_000),
        ("1970-01-01T00:00:00-00:00", 0), ("1970-01-01T00:00:60Z", 60_000_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
    ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds, "\(text)")
    }

    @Test func readsZeroToNineFractionDigitsAndCutsAfterTheSixth() {
        let digits = "123456789"
        for count in 0...9 {
            let fraction = count == 0 ? "" : "." + digits.prefix(count)
            let micros = Int64(digits.prefix(min(count, 6)).padding(toLength: 6, withPad: "0", startingAt: 0))!
            #expect(Timestamp("1970-01-01T00:00:01\(fraction)Z")?.microseconds == 1_000_000 + (count == 0 ? 0 : micros))
        }
        #expect(refusal("1970-01-01T00:00:01.1234567890Z") == .malformed)
    }

    @Test(arguments: [
        "", "2026", "2026-02-18", "2026-02-18T00:00:00", "2026-02-18 00:00:00Z", "2026-02-18T00:00:00.Z", "2026-02-18T00:00:00.1",
        "2026-02-18T00:00:00ZZ", "2026-02-18T00:00:00+0100", "2026-02-18T00:00:00+01", "2026-02-18T00:00:00+01:0", "2026-02-18T00:00:00*01:00",
        "2026/02/18T00:00:00Z", "2026-2-18T00:00:00.0Z", "+026-02-18T00:00:00Z", "2026-02-18T00-00:00Z", "2026-02-18T00:00:00,5Z",
        "2026-02-18T00:00:0aZ", "２026-02-18T00:00:00Z", "2026-02-18T00:00:00.5é",
    ])
    func refusesOtherForms(text: String) {
        #expect(refusal(text) == .malformed, "\(text)")
    }

    @Test(arguments: [
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60",
    ])
    func refusesDatesThatDoNotExist(text: String) {
        #expect(refusal(text) == .outOfRange, "\(text)")
    }

    @Test(arguments: [
        "0001-01-01T00:00:00+00:01", "0001-01-01T12:00:00+23:59", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z",
    ])
    func refusesInstantsOutsideTheYearsThatCanBePrinted(text: String) {
        #expect(refusal(text) == .outOfRange, "\(text)")
    }

    @Test func printsSixDecimalsAndRoundTripsOverAllYears() {
        var random = Seeded.start()
        let span = yearOne.microseconds...endOfTime.microseconds
        for _ in 0..<50_000 {
            let time = Timestamp(microseconds: Int64.random(in: span, using: &random))
            let text = time.description
            #expect(text.utf8.count == 27)
            #expect(Timestamp(text) == time, "\(text)")
        }
        for time in [yearOne, endOfTime] { #expect(Timestamp(time.description) == time) }
    }

    @Test func everyDayOf400YearsIsTheDayAfterTheOneBefore() {
        var (year, month, day): (Int64, Int64, Int64) = (1999, 12, 31)
        for count in Timestamp.days(year: 2000, month: 1, day: 1)..<Timestamp.days(year: 2400, month: 1, day: 1) {
            let date = Timestamp.civil(day: count)
            #expect(Timestamp.days(year: date.year, month: date.month, day: date.day) == count)
            if date.day == 1 {
                #expect(day >= 28 && (date.month == month + 1 || (date.month == 1 && month == 12 && date.year == year + 1)))
            } else {
                #expect(date.day == day + 1 && date.month == month && date.year == year)
            }
            (year, month, day) = (date.year, date.month, date.day)
        }
    }

    @Test func agreesWithFoundation() throws {
        let calendar = {
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = try! #require(TimeZone(identifier: "GMT"))
            return calendar
        }()
        var random = Seeded.start()
        // Foundation's Gregorian calendar is Julian before 1582.
        for _ in 0..<3_000 {
            let seconds = Int64.random(in: -12_000_000_000...253_402_300_799, using: &random)
            let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: Double(seconds)))
            let text = String(
                format: "%04d-%02d-%02dT%02d:%02d:%02d.000000Z", parts.year!, parts.month!, parts.day!, parts.hour!, parts.minute!, parts.second!)
            #expect(Timestamp(microseconds: seconds * 1_000_000).description == text)
        }
    }

    @Test func offsetsShiftTheInstant() {
        var random = Seeded.start()
        for _ in 0..<2_000 {
            let hours = random.int(0...23), minutes = random.int(0...59), sign = random.pick(["+", "-"])
            let offset = "\(sign)\(hours < 10 ? "0" : "")\(hours):\(minutes < 10 ? "0" : "")\(minutes)"
            let shift = Int64(hours * 60 + minutes) * 60_000_000 * (sign == "+" ? -1 : 1)
            #expect(Timestamp("2026-06-15T12:00:00\(offset)")?.microseconds == 1_781_524_800_000_000 + shift, "\(offset)")
        }
    }

    @Test func floorsToWindowsAlsoBefore1970() {
        #expect(Timestamp(microseconds: 61_000_000).floor(to: 60_000_000).microseconds == 60_000_000)
        #expect(Timestamp(microseconds: 60_000_000).floor(to: 60_000_000).microseconds == 60_000_000)
        #expect(Timestamp(microseconds: -1).floor(to: 60_000_000).microseconds == -60_000_000)
        #expect(Timestamp(microseconds: -60_000_000).floor(to: 60_000_000).microseconds == -60_000_000)
        #expect(Timestamp(microseconds: -1).day == -1)
        #expect(Timestamp(microseconds: -Timestamp.microsecondsPerDay).day == -1)
        #expect(Timestamp(microseconds: 0).day == 0)
    }
}
