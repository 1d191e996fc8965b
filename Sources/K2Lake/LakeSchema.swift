import K2Domain
import K2Iceberg
import K2JSON
import K2Parquet

/// The Iceberg and Parquet forms of a table definition.
public struct LakeSchema: Sendable {
    /// Iceberg namespace of all tables.
    public static let namespace = ["cold"]

    public let definition: TableDefinition
    public let schema: Schema
    public let spec: PartitionSpec
    public let sortOrder: SortOrder
    public let parquet: ParquetSchema

    public init(_ definition: TableDefinition) throws(IcebergError) {
        self.definition = definition
        schema = try Schema(fields: definition.columns.map(Self.field))
        spec = PartitionSpec(fields: Self.partitionFields(definition))
        sortOrder = SortOrder(
            fields: definition.sortOrder.compactMap { definition.column($0) }.map { SortField(sourceID: $0.id) })
        parquet = ParquetSchema(definition.columns.map(Self.parquetField))
    }

    public var identifier: TableIdentifier { TableIdentifier(Self.namespace, definition.coldName) }

    /// What is needed to create the table: format, compression, name mapping.
    public var creation: TableCreation {
        TableCreation(
            schema: schema, spec: spec, sortOrder: sortOrder,
            properties: [
                "write.format.default": "parquet",
                "write.parquet.compression-codec": "zstd",
                "write.parquet.compression-level": "3",
                "write.metadata.previous-versions-max": "100",
                "write.metadata.delete-after-commit.enabled": "true",
                NameMapping.property: NameMapping(schema).json.text,
            ])
    }

    private static func field(_ column: ColumnDefinition) -> NestedField {
        let type: IcebergType =
            switch column.type {
            case .string: .string
            case .boolean: .boolean
            case .int32: .int
            case .int64: .long
            case .timestamp: .timestamptz
            case .uuid: .uuid
            case .decimal(let precision, let scale): .decimal(precision, scale)
            case .stringList: .list(ListType(elementID: column.nestedIDs[0], element: .string, elementRequired: true))
            case .stringMap:
                .map(
                    MapType(
                        keyID: column.nestedIDs[0], key: .string, valueID: column.nestedIDs[1], value: .string,
                        valueRequired: true))
            }
        return NestedField(column.id, column.name, type, required: column.isRequired)
    }

    private static func partitionFields(_ definition: TableDefinition) -> [PartitionField] {
        definition.partition.enumerated().compactMap { index, rule in
            let (name, transform, suffix): (String, Transform, String) =
                switch rule {
                case .day(let column): (column, .day, "_day")
                case .month(let column): (column, .month, "_month")
                case .identity(let column): (column, .identity, "")
                }
            return definition.column(name).map {
                PartitionField(sourceID: $0.id, fieldID: 1000 + index, name: name + suffix, transform: transform)
            }
        }
    }

    private static func parquetField(_ column: ColumnDefinition) -> ParquetSchema.Field {
        func nested(_ name: String, _ index: Int) -> ParquetSchema.Field {
            .init(name, id: Int32(column.nestedIDs[index]), .string, isRequired: true)
        }
        let type: ParquetSchema.FieldType =
            switch column.type {
            case .string: .string
            case .boolean: .boolean
            case .int32: .int32
            case .int64: .int64
            case .timestamp: .timestampTZMicros
            case .uuid: .uuid
            case .decimal(let precision, let scale): .decimal(precision: precision, scale: scale)
            case .stringList: .list(element: nested("element", 0))
            case .stringMap: .map(key: nested("key", 0), value: nested("value", 1))
            }
        return .init(column.name, id: Int32(column.id), type, isRequired: column.isRequired)
    }
}
