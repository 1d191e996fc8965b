import K2Domain
import K2Rows

extension RowBuffer {
    /// `RowHash` of each of `rows` over the columns named `names`.
    func hashes(of rows: Range<Int>, columns names: [String]) -> [UInt64] {
        var sums = [UInt64](repeating: 0, count: rows.count)
        for column in columns where names.contains(column.definition.name) {
            let salt = RowHash.salt(column.definition.name)
            for (place, row) in rows.enumerated() { sums[place] &+= column.term(row, salt: salt) }
        }
        return sums.map { RowHash.mix($0) }
    }
}

extension ColumnBuilder {
    fileprivate func term(_ row: Int, salt: UInt64) -> UInt64 {
        if !validity.isEmpty, !validity[row], !definition.isNested { return RowHash.null }
        switch definition.type {
        case .boolean: return RowHash.term(booleans[row] ? 1 : 0, salt: salt)
        case .int32: return RowHash.term(UInt64(bitPattern: Int64(int32s[row])), salt: salt)
        case .int64, .timestamp: return RowHash.term(UInt64(bitPattern: int64s[row]), salt: salt)
        case .decimal: return RowHash.wideTerm(UInt128(truncatingIfNeeded: int128s[row]), salt: salt)
        case .uuid: return RowHash.wideTerm(uuids[row], salt: salt)
        case .string: return RowHash.term(Self.hash(strings.value(row)), salt: salt)
        case .stringList, .stringMap: return nestedTerm(row, salt)
        }
    }

    private func nestedTerm(_ row: Int, _ salt: UInt64) -> UInt64 {
        var sum: UInt64 = 0
        for (position, element) in (Int(offsets[row])..<Int(offsets[row + 1])).enumerated() {
            let hash = Self.hash(strings.value(element))
            sum &+=
                definition.type == .stringMap
                ? RowHash.entry(hash, Self.hash(mapValues.value(element)), salt: salt) : RowHash.element(hash, at: UInt64(position) + 1, salt: salt)
        }
        return sum
    }

    private static func hash(_ text: [UInt8]) -> UInt64 { text.withUnsafeBufferPointer { RowHash.text($0) } }
}
