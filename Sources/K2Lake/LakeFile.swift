import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Parquet
import K2Rows

/// Reads the columns of one data file by the table's field ids, whatever columns the table had when it was written.
struct LakeFile {
    let file: DataFile
    private let schema: LakeSchema
    private let reader: ParquetReader
    /// Where in the file each column of the definition is; nil where it has none.
    private let positions: [Int?]
    /// What the file's partition says of columns that it does not have, by their ids.
    private let constants: [Int: Datum]

    init(_ file: DataFile, in store: any ObjectStore, _ schema: LakeSchema) throws {
        self.file = file
        self.schema = schema
        constants = file.constants([schema.spec])
        // A small file costs one request; of a large one only what is asked for is read.
        let whole = file.fileSize <= Self.smallBytes ? try store.get(file.path) : nil
        if let whole, whole.count != Int(file.fileSize) {
            throw ParquetError(.malformed, file.path, "expected \(file.fileSize) bytes, found \(whole.count)")
        }
        let reader = try ParquetReader(fileSize: Int(file.fileSize)) { range in
            if let whole { return Array(whole[range]) }
            return try store.get(file.path, range: Int64(range.lowerBound)..<Int64(range.upperBound))
        }
        positions = zip(schema.fieldIDs, schema.definition.columns).map { id, column in
            reader.schema.root.children.firstIndex { $0.element.fieldID == Int32(id) }
                // Files of writers that set no ids are read by name, as the table's name mapping has it.
                ?? reader.schema.root.children.firstIndex { $0.element.fieldID == nil && $0.element.name == column.name }
        }
        self.reader = reader
    }

    private static let smallBytes: Int64 = 4 << 20

    /// All columns of the definition.
    func columns(rowGroup: Int) throws -> [Column] { try schema.definition.columns.indices.map { try column($0, rowGroup: rowGroup) } }

    var rowGroups: Range<Int> { 0..<reader.metadata.rowGroups.count }

    func rowCount(_ rowGroup: Int) -> Int { Int(reader.metadata.rowGroups[rowGroup].rowCount) }

    /// A column of the definition as the writer takes it.
    func column(_ index: Int, rowGroup: Int) throws -> Column {
        let definition = schema.definition.columns[index]
        guard let position = positions[index] else { return try absent(definition, constants[schema.fieldIDs[index]], rows: rowCount(rowGroup)) }
        var column = try reader.field(position, rowGroup: rowGroup)
        if definition.isRequired, let validity = column.validity {
            guard validity.allSatisfy({ $0 }) else { throw ParquetError(.malformed, file.path, "null in column \(definition.name)") }
            column = Column(column.values, validity: nil)
        }
        return column
    }

    /// A column that the file was written without: the value of its partition in every row, or null.
    private func absent(_ definition: ColumnDefinition, _ value: Datum?, rows: Int) throws -> Column {
        var builder = ColumnBuilder(definition)
        guard value != nil || !definition.isRequired else { throw ParquetError(.malformed, file.path, "no column \(definition.name)") }
        for _ in 0..<rows {
            switch (value, definition.type) {
            case (nil, _): builder.appendNull()
            case (.string(let text)?, .string): builder.append(Array(text.utf8).span)
            case (.int(let number)?, .int32): builder.append(number)
            case (.long(let number)?, .int64): builder.append(number)
            case (.boolean(let value)?, .boolean): builder.append(value)
            case (let value?, let type): throw ParquetError(.unsupported, file.path, "no column \(definition.name), and its partition's value \(value) is no \(type)")
            }
        }
        return builder.column
    }
}
