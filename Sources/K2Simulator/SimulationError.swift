/// A recording that cannot be simulated: the option, and what it was against what it may be.
public struct SimulationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The option as spelled on the command line.
    public var option: String
    public var reason: String

    public init(_ option: String, _ reason: String) {
        self.option = option
        self.reason = reason
    }

    public var description: String { "\(option): \(reason)" }
}
