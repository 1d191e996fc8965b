import K2Parquet

/// One number a row that has the order of several columns together.
enum SortKeys {
    /// The columns one after the other, as in a dictionary.
    ///
    /// Numbers that do not fit into 64 bits beside each other give way to their places among the distinct ones, of which there are fewer
    /// than 2^32.
    static func joined(_ columns: [OrderKeys]) -> OrderKeys {
        guard var all = columns.first else { return OrderKeys(keys: [], width: 0) }
        for column in columns.dropFirst() {
            if all.width + column.width > 64 { all = ranked(all) }
            let next = all.width + column.width > 64 ? ranked(column) : column
            let shift = UInt64(next.width)
            all.keys.withUnsafeMutableBufferPointer { keys in
                next.keys.withUnsafeBufferPointer { more in
                    for row in 0..<keys.count { keys[row] = (shift == 64 ? 0 : keys[row] << shift) | more[row] }
                }
            }
            all.width += next.width
        }
        return all
    }

    /// The places of numbers among the distinct ones.
    private static func ranked(_ column: OrderKeys) -> OrderKeys {
        let order = RowSort.order(column.keys, width: column.width) ?? [UInt32](0..<UInt32(column.keys.count))
        var ranks = [UInt64](repeating: 0, count: column.keys.count)
        var rank: UInt64 = 0
        var last: UInt64?
        for row in order {
            let key = column.keys[Int(row)]
            if let last, last != key { rank += 1 }
            last = key
            ranks[Int(row)] = rank
        }
        return OrderKeys(keys: ranks, width: 64 - rank.leadingZeroBitCount)
    }

    /// The columns bit by bit in turn, the most significant first (Morton's order): rows that are near in all columns come near each other.
    ///
    /// Each column gets the same share of 64 bits; its numbers are spread over their range.
    static func interleaved(_ columns: [OrderKeys]) -> OrderKeys {
        guard let first = columns.first else { return OrderKeys(keys: [], width: 0) }
        if columns.count == 1 { return first }
        let share = 64 / columns.count
        var keys = [UInt64](repeating: 0, count: first.keys.count)
        for (place, column) in columns.enumerated() {
            // Ranks spread evenly where values do not.
            let column = ranked(column)
            for row in keys.indices {
                let aligned = column.width >= share ? column.keys[row] >> UInt64(column.width - share) : column.keys[row] << UInt64(share - column.width)
                keys[row] |= spread(aligned, share, columns.count) << UInt64(columns.count - 1 - place)
            }
        }
        return OrderKeys(keys: keys, width: share * columns.count)
    }

    /// The low `count` bits of a number with `step - 1` zeros between them.
    private static func spread(_ number: UInt64, _ count: Int, _ step: Int) -> UInt64 {
        var result: UInt64 = 0
        for bit in 0..<count { result |= (number >> UInt64(bit) & 1) << UInt64(bit * step) }
        return result
    }
}
