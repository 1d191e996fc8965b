import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

/// A data file that is compacted: opened, its columns matched with the table's, its deletes applied.
struct GroupInput {
    let file: TableFile
    let leaves: FileLeaves
    /// nil: all rows are left.
    let mask: RowMask?

    /// Rows that are left in a range of the file's rows.
    func liveCount(_ rows: Range<Int>) -> Int { mask?.liveCount(in: rows) ?? rows.count }

    /// The rows that are left in a range, as runs of neighbours, counted from the range's start.
    func runs(_ rows: Range<Int>) -> [Range<Int>] {
        guard let mask else { return rows.isEmpty ? [] : [0..<rows.count] }
        var runs: [Range<Int>] = []
        mask.forEachRun(in: rows) { runs.append($0.lowerBound - rows.lowerBound..<$0.upperBound - rows.lowerBound) }
        return runs
    }
}

/// The rows of a group that are put into order and written together: all, or as many as memory allows.
struct GroupSlice {
    struct Part {
        var input: Int
        var rows: Range<Int>
        var liveCount: Int
    }

    /// The group's files, with the rows that are left for this slice.
    let inputs: [GroupInput]
    let parts: [Part]
    /// Rows that are left.
    let rowCount: Int
    /// Whether its rows do not follow in the order on those of the slice before.
    var startsAnew: Bool

    init(_ inputs: [GroupInput], parts: [Part], startsAnew: Bool = false) {
        self.inputs = inputs
        self.parts = parts
        self.startsAnew = startsAnew
        rowCount = parts.reduce(0) { $0 + $1.liveCount }
    }

    /// All rows.
    init(_ inputs: [GroupInput]) {
        let parts = inputs.enumerated().map { number, input in
            let rows = 0..<Int(input.file.file.recordCount)
            return Part(input: number, rows: rows, liveCount: input.liveCount(rows))
        }
        self.init(inputs, parts: parts.filter { $0.liveCount > 0 })
    }

    func reader(_ table: TableColumns) -> SliceReader { SliceReader(slice: self, table: table) }

    /// As many rows as that from the front, and the others.
    func cut(behind count: Int) -> (GroupSlice, GroupSlice) {
        var (room, first, second): (Int, [Part], [Part]) = (count, [], [])
        for part in parts {
            let cut = room == 0 ? part.rows.lowerBound : inputs[part.input].end(of: room, from: part.rows.lowerBound, to: part.rows.upperBound)
            let live = inputs[part.input].liveCount(part.rows.lowerBound..<cut)
            if live > 0 { first.append(Part(input: part.input, rows: part.rows.lowerBound..<cut, liveCount: live)) }
            if live < part.liveCount { second.append(Part(input: part.input, rows: cut..<part.rows.upperBound, liveCount: part.liveCount - live)) }
            room -= live
        }
        return (GroupSlice(inputs, parts: first, startsAnew: startsAnew), GroupSlice(inputs, parts: second, startsAnew: true))
    }
}

extension GroupInput {
    /// The row behind which `count` rows from `start` on are left, or `total`.
    fileprivate func end(of count: Int, from start: Int, to total: Int) -> Int {
        guard mask != nil else { return min(start + count, total) }
        if liveCount(start..<total) <= count { return total }
        var (low, high) = (start, total)
        while low < high {
            let middle = (low + high) / 2
            if liveCount(start..<middle) < count { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Rows of a slice by their number among its live rows, with the number of each among those that are in the set.
struct RowSet {
    private var words: [UInt64]
    /// Members before each word.
    private var before: [UInt32]

    /// - Parameter count: rows of the slice.
    init(_ rows: ArraySlice<UInt32>, of count: Int) {
        words = [UInt64](repeating: 0, count: (count + 63) / 64)
        for row in rows { words[Int(row) >> 6] |= 1 << UInt64(row & 63) }
        before = []
        before.reserveCapacity(words.count)
        var sum: UInt32 = 0
        for word in words {
            before.append(sum)
            sum += UInt32(word.nonzeroBitCount)
        }
    }

    func contains(_ row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 != 0 }

    func number(of row: UInt32) -> UInt32 {
        let word = words[Int(row) >> 6] & (1 << UInt64(row & 63) - 1)
        return before[Int(row) >> 6] + UInt32(word.nonzeroBitCount)
    }
}
