import K2Domain
import K2Parquet

/// The values of a column of decimals (their unscaled numbers) or UUIDs (their bits, the first byte highest), whatever type they have in the file.
struct WideValues {
    let numbers: [Int128]
    /// Where the values are among the numbers; nil when these are the values.
    private let codes: [UInt32]?

    /// - Throws: `malformed` when the values are no such numbers, or decimals of another scale.
    init(_ leaf: LeafColumn, _ column: ColumnDefinition, _ entries: DictionaryEntries) throws(ParquetError) {
        if case .decimal(_, let scale) = column.type { try Self.check(leaf.leaf, scale, column) }
        if case .coded(let codes, let dictionary) = leaf.values {
            self.codes = codes
            numbers = try entries.numbers(of: dictionary) { () throws(ParquetError) in try dictionary.values.wide(column) }
        } else {
            codes = nil
            numbers = try leaf.values.wide(column)
        }
    }

    private static func check(_ leaf: Leaf, _ scale: Int, _ column: ColumnDefinition) throws(ParquetError) {
        var found = leaf.element.scale.map { Int($0) }
        if case .decimal(_, let logical)? = leaf.element.logicalType { found = Int(logical) }
        guard found == scale else {
            throw ParquetError(.malformed, column.name, "found \(found.map { "decimals of scale \($0)" } ?? "no decimals"), expected scale \(scale)")
        }
    }

    var count: Int { codes?.count ?? numbers.count }

    @inline(__always)
    subscript(index: Int) -> Int128 { codes.map { numbers[Int($0[index])] } ?? numbers[index] }
}
