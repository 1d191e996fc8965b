import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2Parquet

/// A data file of the lake as an audit reads it: its columns by the table's field ids, as they lie in the file.
struct ColdFile {
    let file: DataFile
    private let definition: TableDefinition
    private let reader: ParquetReader
    /// Where in the file each column of the definition is; nil where it has none.
    private let nodes: [SchemaNode?]

    /// - Parameter size: bytes that the object really has.
    init(_ file: DataFile, size: Int64, in store: any ObjectStore, _ schema: LakeSchema) throws {
        self.file = file
        definition = schema.definition
        let reader = try ParquetReader(fileSize: Int(size)) {
            try store.get(file.path, range: Int64($0.lowerBound)..<Int64($0.upperBound))
        }
        nodes = zip(schema.fieldIDs, schema.definition.columns).map { id, column in
            let fields = reader.schema.root.children
            // Files of writers that set no ids are read by name, as the table's name mapping has it.
            return fields.first { $0.element.fieldID == Int32(id) } ?? fields.first { $0.element.fieldID == nil && $0.element.name == column.name }
        }
        self.reader = reader
    }

    var rowGroups: Range<Int> { 0..<reader.metadata.rowGroups.count }

    func rowCount(_ rowGroup: Int) -> Int { Int(reader.metadata.rowGroups[rowGroup].rowCount) }

    /// A column of the definition.
    func column(_ index: Int, rowGroup: Int) throws -> ColdColumn {
        let column = definition.columns[index]
        guard let node = nodes[index] else { return try ColdColumn(column, rows: rowCount(rowGroup), nil) }
        guard node.leaves.count == (column.type == .stringMap ? 2 : 1) else {
            throw ParquetError(.malformed, column.name, "found \(node.leaves.count) values for each of a row, expected \(column.type)")
        }
        return try ColdColumn(column, rows: rowCount(rowGroup), try node.leaves.map { try reader.column($0, rowGroup: rowGroup, dictionaries: .kept) })
    }
}
