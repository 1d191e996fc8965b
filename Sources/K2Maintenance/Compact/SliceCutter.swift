import K2Iceberg
import K2Lake
import K2Parquet

/// Cuts slices that are too large for memory.
///
/// Where rows have an order the cuts are along it, by the first column of the order: each slice is put into order by itself, and one after the other
/// they are in order too. Where that is not to be had, slices are as many rows as come one after the other in the files.
struct SliceCutter {
    let table: TableColumns
    let ordering: RowOrdering
    let budget: MemoryBudget
    let keepLease: () throws -> Void

    /// Slices of as many rows as may be put into order at once.
    func cut(_ slice: GroupSlice) throws -> [GroupSlice] {
        if ordering.keys.isEmpty { return cutEvenly(slice, into: parts(slice)) }
        if slice.rowCount <= budget.maxRows { return [slice] }
        // Ranges of a sample are not of equal size: with a quarter more of them few are too large again.
        let parts = slice.rowCount / budget.maxRows * 5 / 4 + 1
        return try cut(slice, into: max(parts, 2)).flatMap { try cut($0) }
    }

    /// Two slices or more, and about so many.
    /// - Precondition: there are two rows or more.
    func cut(_ slice: GroupSlice, into parts: Int) throws -> [GroupSlice] {
        let ranges = try cutAlongOrder(slice, into: min(parts, Int(UInt8.max)))
        return ranges.count > 1 ? ranges : cutEvenly(slice, into: parts)
    }

    /// Where rows stay as they are, slices cost nothing, and a column that does not fit would be read several times.
    private func parts(_ slice: GroupSlice) -> Int {
        let byColumn = slice.reader(table).largestColumn / max(budget.work / 2, 1)
        return max(slice.rowCount / budget.maxRows, byColumn) + 1
    }

    private func cutEvenly(_ slice: GroupSlice, into parts: Int) -> [GroupSlice] {
        var (result, rest): ([GroupSlice], GroupSlice) = ([], slice)
        for left in stride(from: min(parts, slice.rowCount), to: 1, by: -1) {
            let (first, others) = rest.cut(behind: rest.rowCount / left)
            result.append(first)
            rest = others
        }
        return result + [rest]
    }

    /// Nothing where the rows have no order, or too many of them are equal in it.
    private func cutAlongOrder(_ slice: GroupSlice, into parts: Int) throws -> [GroupSlice] {
        guard let key = ordering.keys.first, !ordering.isZOrder, slice.rowCount + parts * slice.maskBytes <= budget.work / 4 else { return [] }
        let ranges = KeyRanges(slice: slice, table: table, key: key, budget: budget, keepLease: keepLease)
        guard let numbers = try ranges.numbers(parts) else { return [] }
        var slices: [GroupSlice] = []
        for part in 0..<parts {
            var more = slice.only(numbers, UInt8(part))
            if more.rowCount == 0 { continue }
            more.startsAnew = slices.isEmpty && slice.startsAnew
            slices.append(more)
        }
        return slices
    }
}

extension GroupSlice {
    /// Bytes of masks of all its files.
    var maskBytes: Int { inputs.reduce(0) { $0 + Int($1.file.file.recordCount) / 8 + 8 } }

    /// The rows whose number is `wanted`.
    /// - Parameter numbers: one for each row that is left.
    fileprivate func only(_ numbers: [UInt8], _ wanted: UInt8) -> GroupSlice {
        var masks = inputs.map { RowMask(emptyOf: Int($0.file.file.recordCount)) }
        var next = 0
        for part in parts {
            for run in inputs[part.input].runs(part.rows) {
                for row in run {
                    if numbers[next] == wanted { masks[part.input].keep(part.rows.lowerBound + row) }
                    next += 1
                }
            }
        }
        let inputs = zip(inputs, masks).map { GroupInput(file: $0.file, leaves: $0.leaves, mask: $1) }
        let parts = parts.map { Part(input: $0.input, rows: $0.rows, liveCount: inputs[$0.input].liveCount($0.rows)) }
        return GroupSlice(inputs, parts: parts.filter { $0.liveCount > 0 })
    }
}
