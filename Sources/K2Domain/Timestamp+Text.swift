import K2Bytes

/// Why a time was refused.
public enum TimestampError: Error, Equatable, Sendable {
    /// Not of the form `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)`.
    case malformed
    /// A calendar field outside its range (month 13, 30 February, hour 25), or an instant outside the
    /// years 0001 to 9999 in UTC.
    case outOfRange
}

extension Timestamp {
    /// Reads RFC 3339 text with 0 to 9 fraction digits; digits after the sixth are cut off.
    ///
    /// Second 60 (a leap second) is taken as the first instant of the next minute.
    public init(rfc3339 text: Span<UInt8>) throws(TimestampError) {
        guard text.count >= 20,
            text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"), text[10] | 0x20 == UInt8(ascii: "t"),
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":")
        else { throw .malformed }
        let year = try Self.digits(text, 0, 2) * 100 + Self.digits(text, 2, 2)
        let month = try Self.digits(text, 5, 2)
        let day = try Self.digits(text, 8, 2)
        let hour = try Self.digits(text, 11, 2)
        let minute = try Self.digits(text, 14, 2)
        let second = try Self.digits(text, 17, 2)
        guard year >= 1, (1...12).contains(month), day >= 1, day <= Self.daysInMonth(year, month),
            hour < 24, minute < 60, second <= 60
        else { throw .outOfRange }
        var index = 19
        let fraction = try Self.fraction(text, &index)
        let offset = try Self.offset(text, index)
        let seconds = Self.days(year: year, month: month, day: day) * 86_400 + hour * 3_600 + minute * 60 + second
        self.init(microseconds: (seconds - offset) * 1_000_000 + fraction)
        // An offset or a leap second can lead out of the years that have a text.
        guard Self.printable.contains(microseconds) else { throw .outOfRange }
    }

    /// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z.
    private static let printable: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

    @inline(__always)
    private static func digits(_ text: Span<UInt8>, _ start: Int, _ count: Int) throws(TimestampError) -> Int64 {
        var value: Int64 = 0
        for index in start..<(start + count) {
            let digit = text[index] &- 0x30
            guard digit <= 9 else { throw .malformed }
            value = value * 10 + Int64(digit)
        }
        return value
    }

    private static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    private static func fraction(_ text: Span<UInt8>, _ index: inout Int) throws(TimestampError) -> Int64 {
        guard text[index] == UInt8(ascii: ".") else { return 0 }
        index += 1
        let start = index
        var value: Int64 = 0
        while index < text.count, case let digit = text[index] &- 0x30, digit <= 9 {
            if index - start < 6 { value = value * 10 + Int64(digit) }
            index += 1
        }
        let count = index - start
        guard count >= 1, count <= 9 else { throw .malformed }
        for _ in min(count, 6)..<6 { value *= 10 }
        return value
    }

    /// Seconds east of UTC.
    private static func offset(_ text: Span<UInt8>, _ start: Int) throws(TimestampError) -> Int64 {
        guard start < text.count else { throw .malformed }
        if text[start] | 0x20 == UInt8(ascii: "z"), start + 1 == text.count { return 0 }
        let sign: Int64 = text[start] == UInt8(ascii: "-") ? -1 : 1
        guard text[start] == UInt8(ascii: "+") || sign < 0, start + 6 == text.count,
            text[start + 3] == UInt8(ascii: ":")
        else { throw .malformed }
        let hours = try digits(text, start + 1, 2)
        let minutes = try digits(text, start + 4, 2)
        guard hours < 24, minutes < 60 else { throw .outOfRange }
        return sign * (hours * 3_600 + minutes * 60)
    }
}

extension ByteWriter {
    /// Appends `2026-02-18T00:00:00.023596Z`: always six decimals, always `Z`.
    public mutating func append(_ time: Timestamp) {
        let day = time.day
        let date = Timestamp.civil(day: day)
        let inDay = UInt64(time.microseconds - day * Timestamp.microsecondsPerDay)
        let (seconds, micros) = inDay.quotientAndRemainder(dividingBy: 1_000_000)
        append(count: 27) { target in
            DecimalDigits.write(UInt64(max(date.year, 0)), digits: 4, to: target)
            target[4] = UInt8(ascii: "-")
            DecimalDigits.writePair(UInt64(date.month), to: target + 5)
            target[7] = UInt8(ascii: "-")
            DecimalDigits.writePair(UInt64(date.day), to: target + 8)
            target[10] = UInt8(ascii: "T")
            DecimalDigits.writePair(seconds / 3_600, to: target + 11)
            target[13] = UInt8(ascii: ":")
            DecimalDigits.writePair(seconds / 60 % 60, to: target + 14)
            target[16] = UInt8(ascii: ":")
            DecimalDigits.writePair(seconds % 60, to: target + 17)
            target[19] = UInt8(ascii: ".")
            DecimalDigits.write(micros, digits: 6, to: target + 20)
            target[26] = UInt8(ascii: "Z")
        }
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String {
        var writer = ByteWriter(capacity: 32)
        writer.append(self)
        return writer.bytes.text
    }

    /// Reads RFC 3339 text; nil when it is none.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        do throws(TimestampError) { try self.init(rfc3339: bytes.span) } catch { return nil }
    }
}
