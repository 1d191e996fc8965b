import K2Bytes

/// What became of a hole in the trade ids of one symbol.
public enum GapState: UInt8, CaseIterable, Sendable {
    /// The trades are missing; they may still be fetched.
    case open
    /// The trades were delivered after all.
    case filled
    /// The exchange proved that there were none.
    case empty
    /// They cannot be had any more.
    case lost

    public var name: StaticString {
        switch self {
        case .open: "open"
        case .filled: "filled"
        case .empty: "empty"
        case .lost: "lost"
        }
    }

    public init?(_ name: Span<UInt8>) {
        for state in GapState.allCases where name.equals(state.name) {
            self = state
            return
        }
        return nil
    }
}
