import ArgumentParser

/// A number of bytes on the command line: a number and nothing, `k`, `m` or `g` (powers of 1024), such as `512m`.
public struct SizeArgument: ExpressibleByArgument, Sendable, CustomStringConvertible {
    public let bytes: Int
    private let text: String

    public init?(argument: String) {
        var digits = argument[...]
        var unit = 1
        switch argument.last {
        case "k", "K": unit = 1 << 10
        case "m", "M": unit = 1 << 20
        case "g", "G": unit = 1 << 30
        default: break
        }
        if unit > 1 { digits = digits.dropLast() }
        guard digits.utf8.allSatisfy({ $0 &- 0x30 <= 9 }), let number = Int(digits) else { return nil }
        let (total, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        bytes = total
        text = argument
    }

    public var description: String { text }
    public var defaultValueDescription: String { text }
}
