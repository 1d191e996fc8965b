import K2Lake
import K2Parquet

/// Divides the rows of a slice into ranges of the first column of an order, of about equal size by a sample of the rows.
///
/// The values themselves are held for the sample and for some rows at a time only.
struct KeyRanges {
    private let reader: SliceReader
    private let column: SortColumn
    private let budget: MemoryBudget
    private let keepLease: () throws -> Void

    /// Rows of the sample for each range.
    private static let perRange = 64
    /// Rows that are compared with the bounds at once.
    private static let together = 1 << 14

    init(slice: GroupSlice, table: TableColumns, key: RowOrdering.Key, budget: MemoryBudget, keepLease: @escaping () throws -> Void) {
        reader = slice.reader(table)
        column = SortColumn(key, table)
        self.budget = budget
        self.keepLease = keepLease
    }

    /// The range of each row, below `count`; nil when there is only one.
    func numbers(_ count: Int) throws -> [UInt8]? {
        let bounds = try bounds(count)
        if bounds.isEmpty { return nil }
        var numbers: [UInt8] = []
        numbers.reserveCapacity(reader.slice.rowCount)
        try reader.forEachPiece(column.key.leaf, room: budget.work / 2) { piece in
            try keepLease()
            var rest = try column.applied(to: piece)
            var together = Self.together
            while rest.rowCount > 0 {
                let (some, others) = rest.cut(behind: together)
                do {
                    numbers += try ranges(of: some, bounds)
                    rest = others
                } catch is BatchFull where some.rowCount > 1 { together = some.rowCount / 2 }
            }
        }
        return numbers
    }

    private func ranges(of piece: SliceReader.Piece, _ bounds: [SliceReader.Piece]) throws -> [UInt8] {
        let keys = try keys(bounds + [piece])
        return keys[bounds.count...].map { key in UInt8(keys[..<bounds.count].count { $0 <= key }) }
    }

    /// Comparable numbers for all rows of those pieces.
    private func keys(_ pieces: [SliceReader.Piece]) throws -> [UInt64] {
        var batch = column.makeBatch()
        batch.reserve(entries: pieces.reduce(0) { $0 + $1.rowCount }, limit: budget.sampleLimit)
        for piece in pieces { try BatchFull.naming { () throws(ParquetError) in try batch.append(try piece.found(), of: piece) } }
        batch.seal()
        return column.orderKeys(batch).keys
    }

    // MARK: Bounds

    /// The first row of each range but the first one, in order.
    private func bounds(_ count: Int) throws -> [SliceReader.Piece] {
        var wanted = count * Self.perRange
        while wanted >= count {
            do { return try bounds(count, sample: wanted) } catch is BatchFull { wanted /= 4 }
        }
        return []
    }

    private func bounds(_ count: Int, sample wanted: Int) throws -> [SliceReader.Piece] {
        let sample = try sample(wanted)
        let keys = try keys(sample)
        let order = keys.indices.sorted { keys[$0] < keys[$1] }
        var bounds: [SliceReader.Piece] = []
        guard let first = order.first else { return [] }
        var last = keys[first]
        for number in 1..<max(count, 1) {
            let place = order[number * order.count / count]
            if keys[place] > last { bounds.append(sample[place]) }
            last = keys[place]
        }
        return bounds
    }

    /// About so many rows, each a piece of its own, at equal distances.
    private func sample(_ wanted: Int) throws -> [SliceReader.Piece] {
        let step = max(reader.slice.rowCount / wanted, 1)
        var sample: [SliceReader.Piece] = []
        var (next, bytes) = (step / 2, 0)
        try reader.forEachPiece(column.key.leaf, room: budget.work / 2) { piece in
            try keepLease()
            while next < piece.start + piece.rowCount {
                var row = piece.cut(behind: next - piece.start).1.cut(behind: 1).0
                if let column = row.column, let range = row.rows.first {
                    row.column = try column.rows(range)
                    row.rows = [0..<1]
                }
                row = try column.applied(to: row)
                bytes += 512 + (row.column?.values.byteCount ?? 0)
                guard bytes <= budget.sampleLimit / 2 else { throw BatchFull() }
                sample.append(row)
                next += step
            }
        }
        return sample
    }
}

extension SliceReader.Piece {
    /// As many rows as that from the front, and the others.
    fileprivate func cut(behind count: Int) -> (SliceReader.Piece, SliceReader.Piece) {
        var (first, second) = (self, self)
        var room = min(count, rowCount)
        (first.rowCount, second.rowCount) = (room, rowCount - room)
        second.start += room
        (first.rows, second.rows) = ([], [])
        for range in rows {
            let cut = range.lowerBound + min(room, range.count)
            if cut > range.lowerBound { first.rows.append(range.lowerBound..<cut) }
            if cut < range.upperBound { second.rows.append(cut..<range.upperBound) }
            room -= cut - range.lowerBound
        }
        return (first, second)
    }
}
