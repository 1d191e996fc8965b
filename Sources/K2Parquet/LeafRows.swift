/// One leaf column of a row group, taken apart: which values are written in which order, and their levels.
///
/// Levels as in Dremel: an entry for every value, null and empty list.
struct LeafRows {
    /// Positions of the values that are there in the caller's buffer, in written order.
    var positions: [UInt32] = []
    /// One entry each; nil when every entry has the highest level, or the column cannot have any.
    var definitionLevels: [UInt8]?
    var repetitionLevels: [UInt8]?
    var entryCount = 0
    var maxDefinition = 0
    var maxRepetition = 0

    var nullCount: Int { entryCount - positions.count }
}

/// The row numbers that a selection names, checked against the batch.
struct SelectedRows {
    let positions: [UInt32]
    var count: Int { positions.count }

    init(_ selection: RowSelection, of rowCount: Int) throws(ParquetError) {
        guard let total = UInt32(exactly: rowCount) else {
            throw ParquetError(.invalidInput, "rows", "found \(rowCount) in a batch, expected fewer than 2^32")
        }
        switch selection {
        case .all: positions = [UInt32](0..<total)
        case .range(let range):
            guard range.lowerBound >= 0, range.upperBound <= rowCount else {
                throw ParquetError(.invalidInput, "rows", "\(range) in a batch of \(rowCount)")
            }
            positions = [UInt32](UInt32(range.lowerBound)..<UInt32(range.upperBound))
        case .rows(let rows):
            positions = [UInt32](rows)
            if let largest = positions.max(), largest >= total {
                throw ParquetError(.invalidInput, "rows", "row \(largest) in a batch of \(rowCount)")
            }
        }
    }
}

extension LeafRows {
    /// A column outside lists and maps.
    static func flat(_ validity: [Bool]?, isRequired: Bool, rows: SelectedRows, place: String) throws(ParquetError) -> LeafRows {
        var leaf = LeafRows(entryCount: rows.count, maxDefinition: isRequired ? 0 : 1)
        guard let validity else {
            leaf.positions = rows.positions
            return leaf
        }
        var levels = [UInt8](repeating: 0, count: rows.count)
        leaf.positions.reserveCapacity(rows.count)
        for (index, row) in rows.positions.enumerated() where validity[Int(row)] {
            levels[index] = 1
            leaf.positions.append(row)
        }
        if leaf.nullCount > 0 {
            guard !isRequired else { throw ParquetError(.invalidInput, place, "\(leaf.nullCount) nulls in a required column") }
            leaf.definitionLevels = levels
        }
        return leaf
    }

    /// A leaf inside a list or map: `validity` is that of the lists, `elementValidity` that of the elements.
    static func repeated(
        offsets: [UInt32], validity: [Bool]?, isRequired: Bool, elementValidity: [Bool]?, isElementRequired: Bool,
        rows: SelectedRows, place: String
    ) throws(ParquetError) -> LeafRows {
        let empty: UInt8 = isRequired ? 0 : 1
        let element: UInt8 = empty + 1
        let value: UInt8 = element + (isElementRequired ? 0 : 1)
        var leaf = LeafRows(maxDefinition: Int(value), maxRepetition: 1)
        var (definitions, repetitions): ([UInt8], [UInt8]) = ([], [])
        definitions.reserveCapacity(rows.count)
        repetitions.reserveCapacity(rows.count)
        for row in rows.positions {
            if let validity, !validity[Int(row)] {
                guard !isRequired else { throw ParquetError(.invalidInput, place, "null at row \(row) of a required field") }
                definitions.append(0)
                repetitions.append(0)
                continue
            }
            let (start, end) = (offsets[Int(row)], offsets[Int(row) + 1])
            guard start < end else {
                definitions.append(empty)
                repetitions.append(0)
                continue
            }
            for position in start..<end {
                repetitions.append(position == start ? 0 : 1)
                if let elementValidity, !elementValidity[Int(position)] {
                    guard !isElementRequired else { throw ParquetError(.invalidInput, place, "null among required elements") }
                    definitions.append(element)
                } else {
                    definitions.append(value)
                    leaf.positions.append(position)
                }
            }
        }
        leaf.entryCount = definitions.count
        if leaf.nullCount > 0 { leaf.definitionLevels = definitions }
        leaf.repetitionLevels = repetitions
        return leaf
    }
}
