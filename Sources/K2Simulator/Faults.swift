/// What may go wrong on purpose on the way from the exchange to the recording.
public struct Faults: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// One trade in 50 is sent again in a later message, up to a minute later.
    public static let duplicates = Faults(rawValue: 1)
    /// One message in 25 changes places with one of the next five.
    public static let reorder = Faults(rawValue: 2)
    /// Before one trade in 200 of a symbol, one to five ids are never sent.
    public static let gap = Faults(rawValue: 4)
    /// One trade in 64 arrives one second to three minutes late.
    public static let late = Faults(rawValue: 8)

    /// Names on the command line.
    public static let names: [(name: String, fault: Faults)] = [
        ("duplicates", .duplicates), ("reorder", .reorder), ("gap", .gap), ("late", .late),
    ]

    /// Reads a list such as `duplicates,gap`.
    public init(list: String) throws(SimulationError) {
        self = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let known = Self.names.first(where: { $0.name == part }) else {
                let choices = Self.names.map(\.name).joined(separator: ", ")
                throw SimulationError("--faults", "expected some of \(choices), found \"\(part)\"")
            }
            insert(known.fault)
        }
    }
}
