import K2Iceberg
import K2Parquet

/// Reads some leaves of a file as keys.
public struct KeyReader {
    private let file: TableFile
    private let leaves: [TableLeaf]
    private let sources: [LeafSource]

    /// - Precondition: no leaf is inside a list or map.
    public init(_ file: TableFile, _ leaves: [TableLeaf], _ metadata: TableMetadata) throws {
        self.file = file
        self.leaves = leaves
        var found: [Int: LeafSource] = [:]
        // A leaf that was dropped is in an older schema only.
        for schema in [metadata.currentSchema] + metadata.schemas.reversed() where leaves.contains(where: { found[$0.id] == nil }) {
            let wanted = schema.leaves.filter { leaf in found[leaf.id] == nil && leaves.contains { $0.id == leaf.id } }
            if wanted.isEmpty { continue }
            let columns = TableColumns(try schema.onlyFields(with: Set(wanted.map(\.id))), mapping: try metadata.nameMapping, specs: metadata.partitionSpecs)
            for (leaf, source) in zip(columns.leaves, try file.leaves(columns).sources) { found[leaf.id] = source }
        }
        sources = leaves.map { found[$0.id] ?? .missing(neighbour: nil) }
    }

    /// The name of a leaf that the file does not have.
    var missing: String? { zip(leaves, sources).first { if case .column = $1 { false } else { true } }?.0.name }

    /// Calls `body` with the keys of some rows at a time, a column for each leaf, and the numbers of these rows in the file. Memory holds some pages
    /// of each column, whatever the size of the row groups.
    public func forEachBlock(rows most: Int = 1 << 16, _ body: ([KeyColumn], Range<Int>) throws -> Void) throws {
        for group in file.rowGroups {
            let rows = file.rows(of: group)
            let columns = try zip(leaves, sources).map { leaf, source in
                try TableFile.naming(file.file) { try KeyStream(leaf, source, file.reader, rowGroup: group) }
            }
            for start in stride(from: rows.lowerBound, to: rows.upperBound, by: most) {
                let block = start..<min(start + most, rows.upperBound)
                try body(try columns.map { column in try TableFile.naming(file.file) { try column.next(rows: block.count) } }, block)
            }
        }
    }
}

/// Reads one leaf of a row group as keys.
private final class KeyStream {
    private let leaf: TableLeaf
    private let source: LeafSource
    private var pages: LeafPageStream?

    init(_ leaf: TableLeaf, _ source: LeafSource, _ reader: ParquetReader, rowGroup: Int) throws {
        self.leaf = leaf
        self.source = source
        if case .column(let number, _, _) = source { pages = try reader.pages(number, rowGroup: rowGroup) } else { pages = nil }
    }

    func next(rows count: Int) throws -> KeyColumn {
        let keys: KeyColumn
        switch source {
        case .missing: keys = KeyColumn(nulls: count)
        case .constant(let constant): keys = try KeyColumn(constant.column(rows: count), constant.levels, .same, leaf)
        case .column(_, let levels, let conversion): keys = try KeyColumn(try pages!.next(rows: count), levels, conversion, leaf)
        }
        guard keys.rowCount == count else { throw ParquetError(.malformed, leaf.name, "found \(keys.rowCount) rows, expected \(count)") }
        return keys
    }
}

extension Schema {
    /// The schema with only those leaves, and what is above them. What is not asked for cannot be in the way then.
    func onlyFields(with ids: Set<Int>) throws(IcebergError) -> Schema {
        func kept(_ fields: [NestedField]) -> [NestedField] {
            fields.compactMap { field in
                switch field.type {
                case .primitive: return ids.contains(field.id) ? field : nil
                case .structure(let inner):
                    var field = field
                    let inner = kept(inner)
                    field.type = .structure(inner)
                    return inner.isEmpty ? nil : field
                case .list, .map: return nil
                }
            }
        }
        return try Schema(schemaID: schemaID, fields: kept(fields))
    }
}
