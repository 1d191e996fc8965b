import K2Domain
import K2Iceberg
import K2JSON
import K2Parquet

/// The Iceberg and Parquet forms of a table definition: as K2 makes the table, or as a table that exists has its columns.
public struct LakeSchema: Sendable {
    /// Iceberg namespace of all tables.
    public static let namespace = ["cold"]

    public let definition: TableDefinition
    public let schema: Schema
    public let spec: PartitionSpec
    public let sortOrder: SortOrder
    public let parquet: ParquetSchema
    /// By what rows are laid into partitions; one rule for each field of `spec`.
    public let rules: [PartitionRule]
    /// Field ids of the definition's columns.
    public let fieldIDs: [Int]

    /// The table as K2 makes it.
    public init(_ definition: TableDefinition) throws(IcebergError) {
        let schema = try Schema(fields: definition.columns.map(Self.field))
        self.definition = definition
        self.schema = schema
        spec = PartitionSpec(fields: Self.partitionFields(definition))
        sortOrder = SortOrder(
            fields: definition.sortOrder.compactMap { definition.column($0) }.map { SortField(sourceID: $0.id) })
        rules = definition.partition
        fieldIDs = definition.columns.map(\.id)
        parquet = ParquetSchema(zip(definition.columns, schema.fields).map(Self.parquetField))
    }

    /// The table as it is: with its own field ids, partitions and order. Columns that the definition does not know stay null.
    /// - Throws: `invalid` when rows of the definition cannot be written to it.
    public init(_ definition: TableDefinition, of table: TableMetadata) throws(IcebergError) {
        self.definition = definition
        schema = table.currentSchema
        spec = table.defaultSpec
        var fields: [NestedField] = []
        for column in definition.columns { fields.append(try TableShape.field(for: column, in: table.currentSchema)) }
        try TableShape.checkOthers(definition, in: table.currentSchema)
        fieldIDs = fields.map(\.id)
        rules = try TableShape.rules(of: table.defaultSpec, definition, fieldIDs)
        let names = definition.sortOrder.compactMap { definition.index(of: $0) }
        let order = SortOrder(orderID: table.defaultSortOrderID, fields: names.map { SortField(sourceID: fields[$0].id) })
        sortOrder = table.sortOrders.contains(order) ? order : .unsorted
        parquet = ParquetSchema(zip(definition.columns, fields).map(Self.parquetField))
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

    static func field(_ column: ColumnDefinition) -> NestedField {
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

    /// The Parquet field of `column` with the ids of `field`.
    private static func parquetField(_ column: ColumnDefinition, _ field: NestedField) -> ParquetSchema.Field {
        func nested(_ name: String, _ id: Int) -> ParquetSchema.Field { .init(name, id: Int32(id), .string, isRequired: true) }
        let type: ParquetSchema.FieldType =
            switch column.type {
            case .string: .string
            case .boolean: .boolean
            case .int32: .int32
            case .int64: .int64
            case .timestamp: .timestampTZMicros
            case .uuid: .uuid
            case .decimal(let precision, let scale): .decimal(precision: precision, scale: scale)
            case .stringList: .list(element: nested("element", field.type.nestedIDs[0]))
            case .stringMap: .map(key: nested("key", field.type.nestedIDs[0]), value: nested("value", field.type.nestedIDs[1]))
            }
        return .init(column.name, id: Int32(field.id), type, isRequired: column.isRequired)
    }
}

extension IcebergType {
    /// Ids of a list's element, or of a map's key and value.
    fileprivate var nestedIDs: [Int] {
        switch self {
        case .list(let list): [list.elementID]
        case .map(let map): [map.keyID, map.valueID]
        default: []
        }
    }
}
