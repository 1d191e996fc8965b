import K2Bytes
import K2Domain
import K2Parquet

/// The hashes of the rows of a row group in the making, as `RowHash` defines them: column by column.
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
        switch (column.definition.type, first.values) {
        case (.stringList, .byteArray(let texts)): try addList(first, TextHashes(texts), salt)
        case (.stringMap, .byteArray(let keys)): try addMap(leaves, TextHashes(keys), salt)
        case (.string, .byteArray(let values)):
            let texts = TextHashes(values)
            try add(column) { RowHash.term(texts[$0], salt: salt) }
        case (.int64, .int64(let values)), (.timestamp, .int64(let values)):
            try add(column) { RowHash.term(UInt64(bitPattern: values[$0]), salt: salt) }
        case (.int32, .int32(let values)), (.int64, .int32(let values)):
            try add(column) { RowHash.term(UInt64(bitPattern: Int64(values[$0])), salt: salt) }
        case (.boolean, .boolean(let values)): try add(column) { RowHash.term(values[$0] ? 1 : 0, salt: salt) }
        default:
            guard let wide = column.wide else {
                throw ParquetError(.malformed, column.definition.name, "found values of \(first.leaf.type), expected \(column.definition.type)")
            }
            try add(column) { RowHash.wideTerm(UInt128(truncatingIfNeeded: wide[$0]), salt: salt) }
        }
    }

    /// Adds `term` of each row's value, by its number among the values.
    @inline(__always)
    private mutating func add(_ column: ColdColumn, _ term: (Int) -> UInt64) throws(ParquetError) {
        guard let positions = try column.positions() else {
            for row in sums.indices { sums[row] &+= term(row) }
            return
        }
        for row in sums.indices { sums[row] &+= positions[row] < 0 ? RowHash.null : term(Int(positions[row])) }
    }

    // MARK: Lists and maps
    // One that is null is as one that is empty: in the warm store none is null.

    private mutating func addList(_ leaf: LeafColumn, _ texts: TextHashes, _ salt: UInt64) throws(ParquetError) {
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

    private mutating func addMap(_ leaves: [LeafColumn], _ keyTexts: TextHashes, _ salt: UInt64) throws(ParquetError) {
        let (keys, values) = (leaves[0], leaves[1])
        guard case .byteArray(let bytes) = values.values, keys.repetitionLevels == values.repetitionLevels,
            keys.definitionLevels.count == values.definitionLevels.count
        else { throw ParquetError(.malformed, keys.leaf.name, "keys and values do not match") }
        let valueTexts = TextHashes(bytes)
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

/// XXH64 of each value of a column of texts.
private struct TextHashes {
    private let hashes: [UInt64]

    init(_ values: ByteColumn) {
        hashes = values.data.withUnsafeBufferPointer { data in
            (0..<values.count).map { RowHash.text(UnsafeBufferPointer(rebasing: data[Int(values.offsets[$0])..<Int(values.offsets[$0 + 1])])) }
        }
    }

    var count: Int { hashes.count }

    subscript(index: Int) -> UInt64 { hashes[index] }
}

extension ColumnDefinition {
    var isNested: Bool { type == .stringList || type == .stringMap }
}
