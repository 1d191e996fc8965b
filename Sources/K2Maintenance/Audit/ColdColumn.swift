import K2Domain
import K2Parquet

/// A column of some rows of a row group as it lies in the file.
struct ColdColumn {
    let definition: ColumnDefinition
    let rows: Int
    /// One leaf, or two of a map: keys and values. Nil when nothing says what the values are: all is null.
    let leaves: [LeafColumn]?
    /// Of decimals and UUIDs.
    let wide: WideValues?
    /// What is known of the dictionaries of the leaves.
    let entries: [DictionaryEntries]
    /// The values are in the file, and not only in its manifest.
    let isStored: Bool

    /// - Throws: `malformed` when the values are not those of such a column.
    init(_ definition: ColumnDefinition, rows: Int, _ leaves: [LeafColumn]?, _ entries: [DictionaryEntries], isStored: Bool) throws(ParquetError) {
        self.definition = definition
        self.rows = rows
        self.leaves = leaves
        self.entries = entries
        self.isStored = isStored
        guard let leaf = leaves?.first else {
            wide = nil
            return
        }
        guard leaf.rowCount == rows else { throw ParquetError(.malformed, definition.name, "found \(leaf.rowCount) rows, expected \(rows)") }
        switch definition.type {
        case .decimal, .uuid: wide = try WideValues(leaf, definition, entries[0])
        default: wide = nil
        }
        if definition.type == .timestamp, case .timestamp(_, let unit)? = leaf.leaf.element.logicalType, unit != .micros {
            throw ParquetError(.malformed, definition.name, "found times in \(unit), expected micros")
        }
    }

    /// Where each row's value is among the values, of a column outside lists and maps; nil when all rows have one, in order.
    func positions() throws(ParquetError) -> [Int32]? {
        guard let leaf = leaves?.first else { return Array(repeating: -1, count: rows) }
        let highest = UInt8(leaf.leaf.maxDefinition)
        guard highest > 0, leaf.values.count < rows else {
            guard leaf.values.count == rows else { throw ParquetError(.malformed, definition.name, "found \(leaf.values.count) values for \(rows) rows") }
            return nil
        }
        var positions: [Int32] = []
        positions.reserveCapacity(rows)
        var next: Int32 = 0
        for level in leaf.definitionLevels {
            positions.append(level == highest ? next : -1)
            if level == highest { next += 1 }
        }
        guard Int(next) == leaf.values.count else { throw ParquetError(.malformed, definition.name, "found \(leaf.values.count) values, expected \(next)") }
        return positions
    }

    /// Integers and times.
    func integers() throws(ParquetError) -> [Int64] { try leaves.map { leaves throws(ParquetError) in try integers(leaves[0].values) } ?? [] }

    private func integers(_ values: LeafValues) throws(ParquetError) -> [Int64] {
        switch values {
        case .int64(let values): return values
        case .int32(let values): return values.map { Int64($0) }
        case .coded(let codes, let dictionary):
            let entries = try integers(dictionary.values)
            return codes.map { entries[Int($0)] }
        default: throw ParquetError(.malformed, definition.name, "found values of another type, expected \(definition.type)")
        }
    }
}
