import K2Domain
import K2Lake
import K2Parquet

/// Some rows of a row group.
struct ColdBatch {
    /// Number of the first one in the row group.
    let first: Int
    let rows: Int
    /// By position in the table's definition; nil for those that were not asked for.
    private let columns: [ColdColumn?]

    init(first: Int, rows: Int, _ columns: [ColdColumn?]) {
        self.first = first
        self.rows = rows
        self.columns = columns
    }

    /// A column that was asked for.
    subscript(index: Int) -> ColdColumn { columns[index]! }
}

/// Reads columns of a row group in step, some rows at a time, so that memory is bounded by the pages and not by the row group.
final class ColdBatches {
    /// By position in the table's definition.
    private let streams: [ColdStream?]
    private let rows: Int
    private let rowsAtOnce: Int
    private var first = 0

    init(_ streams: [ColdStream?], rows: Int, atOnce: Int) {
        self.streams = streams
        self.rows = rows
        rowsAtOnce = max(atOnce, 1)
    }

    /// The next rows; nil after the last.
    /// - Throws: `ParquetError` where a column is not of the definition's type, or has not as many rows as the row group.
    func next() throws -> ColdBatch? {
        guard first < rows else {
            for stream in streams { try stream?.checkEnd() }
            return nil
        }
        let count = min(rowsAtOnce, rows - first)
        defer { first += count }
        return ColdBatch(first: first, rows: count, try streams.map { try $0?.next(rows: count) })
    }
}

/// A column of a row group that is read piece by piece.
final class ColdStream {
    private let definition: ColumnDefinition
    /// None where the file does not have the column.
    private let leaves: [LeafReading]
    private let constant: LeafConstant?
    private let constantEntries = DictionaryEntries()

    init(_ definition: ColumnDefinition, _ leaves: [LeafReading], _ constant: LeafConstant?) {
        self.definition = definition
        self.leaves = leaves
        self.constant = constant
    }

    func next(rows count: Int) throws -> ColdColumn {
        if let constant {
            return try ColdColumn(definition, rows: count, [constant.column(rows: count)], [constantEntries], isStored: false)
        }
        if leaves.isEmpty { return try ColdColumn(definition, rows: count, nil, [], isStored: false) }
        return try ColdColumn(definition, rows: count, try leaves.map { try $0.pages.next(rows: count) }, leaves.map(\.entries), isStored: true)
    }

    /// - Throws: when there are more rows.
    func checkEnd() throws { for leaf in leaves { _ = try leaf.pages.next(rows: 1) } }
}

/// The pages of a leaf, and what is known of its dictionary.
final class LeafReading {
    var pages: LeafPageStream
    let entries = DictionaryEntries()

    init(_ pages: consuming LeafPageStream) { self.pages = pages }
}

/// What was computed of the entries of a dictionary, for all pieces that share it.
final class DictionaryEntries {
    private var dictionary: LeafDictionary?
    private var hashes: [UInt64]?
    private var numbers: [Int128]?

    func hashes(of dictionary: LeafDictionary, _ make: () throws(ParquetError) -> [UInt64]) throws(ParquetError) -> [UInt64] {
        know(dictionary)
        if let hashes { return hashes }
        let made = try make()
        hashes = made
        return made
    }

    func numbers(of dictionary: LeafDictionary, _ make: () throws(ParquetError) -> [Int128]) throws(ParquetError) -> [Int128] {
        know(dictionary)
        if let numbers { return numbers }
        let made = try make()
        numbers = made
        return made
    }

    private func know(_ other: LeafDictionary) {
        if dictionary === other { return }
        (dictionary, hashes, numbers) = (other, nil, nil)
    }
}
