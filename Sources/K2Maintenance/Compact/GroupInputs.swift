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

    var parts: [Part] = []
    /// Rows that are left.
    var rowCount: Int { parts.reduce(0) { $0 + $1.liveCount } }

    /// Cuts the rows of all inputs into slices of about equal size, each of at most `maxRows` rows.
    static func cut(_ inputs: [GroupInput], maxRows: Int) -> [GroupSlice] {
        let total = inputs.reduce(0) { $0 + $1.liveCount(0..<Int($1.file.file.recordCount)) }
        if total == 0 { return [] }
        let count = (total + maxRows - 1) / maxRows
        let size = (total + count - 1) / count
        var slices = [GroupSlice()]
        var room = size
        for (number, input) in inputs.enumerated() {
            var start = 0
            let end = Int(input.file.file.recordCount)
            while start < end {
                if room == 0 {
                    slices.append(GroupSlice())
                    room = size
                }
                let stop = input.end(of: room, from: start, to: end)
                let live = input.liveCount(start..<stop)
                if live > 0 { slices[slices.count - 1].parts.append(Part(input: number, rows: start..<stop, liveCount: live)) }
                room -= live
                start = stop
            }
        }
        return slices.filter { !$0.parts.isEmpty }
    }
}

extension GroupSlice {
    /// Two slices of half the rows each; nil for one row.
    func halves(_ inputs: [GroupInput]) -> [GroupSlice]? {
        var room = rowCount / 2
        guard room > 0 else { return nil }
        var (first, second) = (GroupSlice(), GroupSlice())
        for part in parts {
            let cut = room == 0 ? part.rows.lowerBound : inputs[part.input].end(of: room, from: part.rows.lowerBound, to: part.rows.upperBound)
            let live = inputs[part.input].liveCount(part.rows.lowerBound..<cut)
            if live > 0 { first.parts.append(Part(input: part.input, rows: part.rows.lowerBound..<cut, liveCount: live)) }
            if live < part.liveCount { second.parts.append(Part(input: part.input, rows: cut..<part.rows.upperBound, liveCount: part.liveCount - live)) }
            room -= live
        }
        return [first, second]
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
