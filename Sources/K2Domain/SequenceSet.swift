/// A set of trade sequences as sorted, disjoint, non-adjacent ranges: contiguous ids cost nothing.
public struct SequenceSet: Equatable, Sendable {
    /// When there are more ranges than this, the two lowest are joined: an id between them counts as
    /// seen then. It may be taken for a duplicate, but none is ever counted twice.
    public let maxRanges: Int

    public private(set) var ranges: [ClosedRange<UInt64>] = []

    /// - Parameter ranges: sorted, disjoint and not adjacent.
    public init(ranges: [ClosedRange<UInt64>] = [], maxRanges: Int = .max) {
        self.ranges = ranges
        self.maxRanges = maxRanges
    }

    public func contains(_ value: UInt64) -> Bool {
        let index = firstIndex(endingAtOrAfter: value)
        return index < ranges.count && ranges[index].lowerBound <= value
    }

    /// Adds a value. Returns false when it was there already.
    public mutating func insert(_ value: UInt64) -> Bool {
        if let last = ranges.last, value > last.upperBound {
            if value == last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...value
            } else {
                append(value...value)
            }
            return true
        }
        return insertInside(value)
    }

    /// Adds all values of a range.
    public mutating func insert(contentsOf range: ClosedRange<UInt64>) {
        var lower = range.lowerBound
        var upper = range.upperBound
        let first = firstIndex(endingAtOrAfter: lower > 0 ? lower - 1 : 0)
        var end = first
        while end < ranges.count, upper == .max || ranges[end].lowerBound <= upper + 1 {
            lower = min(lower, ranges[end].lowerBound)
            upper = max(upper, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: [lower...upper])
        joinLowest()
    }

    /// The parts of `range` that are not in the set, ascending.
    public func absent(from range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
        var parts: [ClosedRange<UInt64>] = []
        var lower = range.lowerBound
        for known in ranges[firstIndex(endingAtOrAfter: lower)...] {
            if known.lowerBound > range.upperBound { break }
            if known.lowerBound > lower { parts.append(lower...(known.lowerBound - 1)) }
            if known.upperBound >= range.upperBound { return parts }
            lower = known.upperBound + 1
        }
        return parts + [lower...range.upperBound]
    }

    private mutating func append(_ range: ClosedRange<UInt64>) {
        ranges.append(range)
        joinLowest()
    }

    private mutating func joinLowest() {
        guard ranges.count > max(maxRanges, 1) else { return }
        ranges.replaceSubrange(0...1, with: [ranges[0].lowerBound...ranges[1].upperBound])
    }

    private mutating func insertInside(_ value: UInt64) -> Bool {
        let index = firstIndex(endingAtOrAfter: value)
        if index == ranges.count {
            append(value...value)
            return true
        }
        let next = ranges[index]
        if next.lowerBound <= value { return false }
        let joinsNext = next.lowerBound == value + 1
        let joinsPrevious = index > 0 && ranges[index - 1].upperBound + 1 == value
        switch (joinsPrevious, joinsNext) {
        case (true, true):
            ranges.replaceSubrange((index - 1)...index, with: [ranges[index - 1].lowerBound...next.upperBound])
        case (true, false): ranges[index - 1] = ranges[index - 1].lowerBound...value
        case (false, true): ranges[index] = value...next.upperBound
        case (false, false):
            ranges.insert(value...value, at: index)
            joinLowest()
        }
        return true
    }

    private func firstIndex(endingAtOrAfter value: UInt64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
