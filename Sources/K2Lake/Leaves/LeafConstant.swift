import K2Bytes
import K2Iceberg
import K2Parquet

/// The one value that a leaf has in all rows of a data file: that of an identity partition field, where the file does not hold the column itself.
///
/// Source: https://iceberg.apache.org/spec/#column-projection
public struct LeafConstant: Equatable, Sendable {
    public let levels: LevelMap
    private let leaf: Leaf
    /// One value.
    private let value: LeafDictionary

    /// - Throws: `unsupported` when the value is none of the leaf's type.
    public init(_ value: Datum, _ leaf: TableLeaf) throws(IcebergError) {
        let failure = IcebergError(.unsupported, "column \(leaf.name): not in the file, and its partition's value is no \(leaf.type)")
        guard let values = Self.values(value, leaf.type) else { throw failure }
        let schema = ParquetSchema(try Schema(fields: [NestedField(leaf.id, leaf.name, .primitive(leaf.type), required: true)]))
        guard let column = try? FileAssembler.leaves(schema).first else { throw failure }
        self.leaf = column
        self.value = LeafDictionary(values)
        levels = LevelMap(levels: [UInt8(leaf.maxDefinition)], maxRepetition: 0, present: 0, isIdentity: leaf.maxDefinition == 0)
    }

    /// The leaf in so many rows.
    public func column(rows: Int) -> LeafColumn {
        var column = LeafColumn(leaf: leaf)
        column.entryCount = rows
        if case .boolean(let values) = value.values {
            column.values = .boolean(Array(repeating: values[0], count: rows))
        } else {
            column.values = .coded(Array(repeating: 0, count: rows), of: value)
        }
        return column
    }

    /// The value as a file of that type would hold it. A partition's value may be of the type that the column had before it was widened.
    private static func values(_ value: Datum, _ type: PrimitiveType) -> LeafValues? {
        switch (value, type) {
        case (.boolean(let value), .boolean): .boolean([value])
        case (.int(let value), .int), (.date(let value), .date): .int32([value])
        case (.int(let value), .long): .int64([Int64(value)])
        case (.long(let value), .long), (.time(let value), .time), (.timestamp(let value), .timestamp), (.timestamp(let value), .timestamptz):
            .int64([value])
        case (.float(let value), .float): .float([value])
        case (.float(let value), .double): .double([Double(value)])
        case (.double(let value), .double): .double([value])
        case (.string(let text), .string): bytes(Array(text.utf8))
        case (.binary(let value), .binary): bytes(value)
        case (.uuid(let value), .uuid) where value.count == 16: .fixed(width: 16, value)
        case (.fixed(let value), .fixed(let length)) where value.count == length && length > 0: .fixed(width: length, value)
        case (.decimal(let number), .decimal) where value.fits(type): .fixed(width: 16, withUnsafeBytes(of: number.bigEndian) { Array($0) })
        default: nil
        }
    }

    private static func bytes(_ value: [UInt8]) -> LeafValues {
        var column = ByteColumn()
        column.append(value.span)
        return .byteArray(column)
    }
}

extension DataFile {
    /// What the file's partition says of columns, by their ids: the values of identity fields.
    /// - Parameter specs: of the table.
    public func constants(_ specs: [PartitionSpec]) -> [Int: Datum] {
        guard let spec = specs.first(where: { $0.specID == specID }) else { return [:] }
        var constants: [Int: Datum] = [:]
        for (field, value) in zip(spec.fields, partition) where field.transform == .identity { constants[field.sourceID] = value }
        return constants
    }
}
