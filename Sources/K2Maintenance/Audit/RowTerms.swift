import K2Domain
import K2Parquet

/// The hashes of some rows in the making, as `RowHash` defines them: column by column.
struct RowTerms {
    private var sums: [UInt64]

    init(rows: Int) { sums = Array(repeating: 0, count: rows) }

    /// The hash of each row, once all columns are added.
    var hashes: [UInt64] { sums.map { RowHash.mix($0) } }

    /// Adds a column.
    /// - Throws: `malformed` when the values are not those of such a column.
    mutating func add(_ column: ColdColumn) throws(ParquetError) {
        let salt = RowHash.salt(column.definition.name)
        guard let leaves = column.leaves, let first = leaves.first else {
            if !column.definition.isNested { for row in sums.indices { sums[row] &+= RowHash.null } }
            return
        }
        switch column.definition.type {
        case .stringList: try addList(first, column.textHashes(0), salt)
        case .stringMap: try addMap(leaves, column.textHashes(0), column.textHashes(1), salt)
        default: add(try column.terms(salt: salt), at: try column.positions())
        }
    }

    private mutating func add(_ terms: [UInt64], at positions: [Int32]?) {
        if let positions {
            for row in sums.indices { sums[row] &+= positions[row] < 0 ? RowHash.null : terms[Int(positions[row])] }
        } else {
            for row in sums.indices { sums[row] &+= terms[row] }
        }
    }

    // MARK: Lists and maps
    // One that is null is as one that is empty: in the warm store none is null.

    private mutating func addList(_ leaf: LeafColumn, _ texts: [UInt64], _ salt: UInt64) throws(ParquetError) {
        let highest = leaf.leaf.maxDefinition
        // An element that is there but null has the level below that of a value, where elements may be null.
        let element = highest - (leaf.leaf.element.repetition == .optional ? 1 : 0)
        var (row, next, position) = (-1, 0, 0 as UInt64)
        for entry in 0..<leaf.entryCount {
            if leaf.repetitionLevels[entry] == 0 { (row, position) = (row + 1, 0) }
            let level = Int(leaf.definitionLevels[entry])
            guard level >= element, row >= 0, level < highest || next < texts.count else { continue }
            position += 1
            sums[row] &+= RowHash.element(level == highest ? texts[next] : RowHash.null, at: position, salt: salt)
            if level == highest { next += 1 }
        }
        guard next == texts.count else { throw ParquetError(.malformed, leaf.leaf.name, "found \(texts.count) values, expected \(next)") }
    }

    private mutating func addMap(_ leaves: [LeafColumn], _ keyTexts: [UInt64], _ valueTexts: [UInt64], _ salt: UInt64) throws(ParquetError) {
        let (keys, values) = (leaves[0], leaves[1])
        guard keys.repetitionLevels == values.repetitionLevels, keys.definitionLevels.count == values.definitionLevels.count else {
            throw ParquetError(.malformed, keys.leaf.name, "keys and values do not match")
        }
        let highest = (key: keys.leaf.maxDefinition, value: values.leaf.maxDefinition)
        var (row, key, value) = (-1, 0, 0)
        for entry in 0..<keys.entryCount {
            if keys.repetitionLevels[entry] == 0 { row += 1 }
            let hasValue = Int(values.definitionLevels[entry]) == highest.value
            guard row >= 0, Int(keys.definitionLevels[entry]) == highest.key, key < keyTexts.count, !hasValue || value < valueTexts.count else { continue }
            sums[row] &+= RowHash.entry(keyTexts[key], hasValue ? valueTexts[value] : RowHash.null, salt: salt)
            key += 1
            if hasValue { value += 1 }
        }
        guard key == keyTexts.count, value == valueTexts.count else { throw ParquetError(.malformed, values.leaf.name, "a value without a key") }
    }
}

extension ColumnDefinition {
    var isNested: Bool { type == .stringList || type == .stringMap }
}
