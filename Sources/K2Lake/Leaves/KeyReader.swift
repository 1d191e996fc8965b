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

    /// The keys of all rows of a row group, a column for each leaf.
    public func columns(rowGroup: Int) throws -> [KeyColumn] {
        try zip(leaves, sources).map { leaf, source in
            switch source {
            case .missing: return KeyColumn(nulls: file.rows(of: rowGroup).count)
            case .constant(let constant):
                return try TableFile.naming(file.file) {
                    try KeyColumn(constant.column(rows: file.rows(of: rowGroup).count), constant.levels, .same, leaf)
                }
            case .column(let number, let levels, let conversion):
                return try TableFile.naming(file.file) {
                    try KeyColumn(try file.reader.column(number, rowGroup: rowGroup), levels, conversion, leaf)
                }
            }
        }
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
