import ArgumentParser

/// A length of time on the command line: a number and `ms`, `s`, `m`, `h` or `d`, such as `10s`; at most
/// 100 years, so that adding it to a time cannot overflow.
public struct DurationArgument: ExpressibleByArgument, Sendable, CustomStringConvertible {
    public let microseconds: Int64
    private let text: String

    private static let units: [(suffix: String, microseconds: Int64)] = [
        ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
    ]

    private static let longest: Int64 = 36_500 * 86_400_000_000

    public init?(argument: String) {
        guard let unit = Self.units.first(where: { argument.hasSuffix($0.suffix) }),
            argument.utf8.first.map({ $0 &- 0x30 <= 9 }) == true, let number = Int64(argument.dropLast(unit.suffix.count))
        else { return nil }
        let (total, overflow) = number.multipliedReportingOverflow(by: unit.microseconds)
        guard !overflow, total <= Self.longest else { return nil }
        microseconds = total
        text = argument
    }

    public var description: String { text }
    public var defaultValueDescription: String { text }
}
