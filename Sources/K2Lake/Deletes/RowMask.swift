/// Which rows of a data file are left after its deletes.
public struct RowMask: Equatable, Sendable {
    /// Rows of the file.
    public let count: Int
    public private(set) var liveCount: Int
    /// A bit a row, 0 for a row that is gone.
    private var words: [UInt64]

    /// All rows.
    public init(count: Int) {
        self.count = count
        liveCount = count
        words = [UInt64](repeating: .max, count: (count + 63) / 64)
    }

    /// No row.
    public init(emptyOf count: Int) {
        self.count = count
        liveCount = 0
        words = [UInt64](repeating: 0, count: (count + 63) / 64)
        // Bits behind the last row are always set.
        if count % 64 != 0 { words[words.count - 1] = .max << UInt64(count % 64) }
    }

    /// Puts a row back.
    /// - Precondition: the file has it.
    public mutating func keep(_ row: Int) {
        precondition(row < count)
        if isLive(row) { return }
        words[row >> 6] |= 1 << UInt64(row & 63)
        liveCount += 1
    }

    public func isLive(_ row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 != 0 }

    /// Takes a row away; one that the file does not have, or that is gone already, changes nothing.
    public mutating func remove(_ row: Int) {
        guard row >= 0, row < count, isLive(row) else { return }
        words[row >> 6] &= ~(1 << UInt64(row & 63))
        liveCount -= 1
    }

    /// Takes the rows away that `other` does not have either.
    public mutating func formIntersection(_ other: RowMask) {
        precondition(other.count == count)
        for index in words.indices { words[index] &= other.words[index] }
        recount()
    }

    /// The rows that both leave; nil leaves all.
    public static func both(_ one: RowMask?, _ other: RowMask?) -> RowMask? {
        guard var both = one, let other else { return one ?? other }
        both.formIntersection(other)
        return both
    }

    private mutating func recount() {
        var dead = 0
        for (index, word) in words.enumerated() {
            // Bits behind the last row are always set.
            dead += (~word).nonzeroBitCount
            if index == words.count - 1 { break }
        }
        liveCount = count - dead
    }

    /// The live rows in `rows`, as runs of neighbours.
    public func forEachRun(in rows: Range<Int>, _ body: (Range<Int>) -> Void) {
        var row = rows.lowerBound
        while let start = next(isLive: true, from: row, to: rows.upperBound) {
            let end = next(isLive: false, from: start, to: rows.upperBound) ?? rows.upperBound
            body(start..<end)
            row = end
        }
    }

    public func liveCount(in rows: Range<Int>) -> Int {
        if liveCount == count { return rows.count }
        var live = 0
        forEachRun(in: rows) { live += $0.count }
        return live
    }

    private func next(isLive: Bool, from start: Int, to end: Int) -> Int? {
        var row = start
        while row < end {
            let word = (isLive ? words[row >> 6] : ~words[row >> 6]) >> UInt64(row & 63)
            if word != 0 {
                let found = row + word.trailingZeroBitCount
                return found < end ? found : nil
            }
            row = (row | 63) + 1
        }
        return nil
    }
}
