/// Consecutive trade ids of one symbol, both ends included.
///
/// Ids are unsigned; the stores keep them as signed 64-bit integers and refuse those above 2^63 − 1.
public struct IdentityRange: Equatable, Hashable, Sendable {
    public var exchange: String
    public var symbol: String
    public var first: UInt64
    public var last: UInt64

    public init(exchange: String, symbol: String, first: UInt64, last: UInt64) {
        self.exchange = exchange
        self.symbol = symbol
        self.first = first
        self.last = last
    }

    public func contains(_ id: UInt64) -> Bool { first <= id && id <= last }
}

extension Array where Element == IdentityRange {
    /// Sorted by exchange, symbol and first id, with overlapping and adjacent ranges made one. O(n log n).
    public var coalesced: [IdentityRange] {
        var result: [IdentityRange] = []
        for range in sorted(by: { ($0.exchange, $0.symbol, $0.first) < ($1.exchange, $1.symbol, $1.first) }) {
            if let previous = result.last, previous.exchange == range.exchange, previous.symbol == range.symbol,
                range.first <= previous.last || range.first - previous.last == 1
            {
                result[result.count - 1].last = Swift.max(previous.last, range.last)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
