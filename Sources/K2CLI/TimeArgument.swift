import ArgumentParser
import K2Domain

/// An instant on the command line: `2026-02-18`, which is its midnight in UTC, or RFC 3339.
public struct TimeArgument: ExpressibleByArgument, Sendable, CustomStringConvertible {
    public let time: Timestamp
    private let text: String

    public init?(argument: String) {
        let whole = argument.utf8.count == 10 ? argument + "T00:00:00Z" : argument
        let bytes = Array(whole.utf8)
        guard let time = try? Timestamp(rfc3339: bytes.span) else { return nil }
        self.time = time
        text = argument
    }

    public var description: String { text }
}
