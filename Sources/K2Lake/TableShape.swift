import K2Domain
import K2Iceberg
import K2JSON

/// Compares a table that exists with the definition of its rows, and says how it has to change.
enum TableShape {
    /// The changes that give the table the columns it lacks; empty when it has all.
    /// - Throws: `invalid` when a column that is missing may not be null.
    static func evolution(of table: TableMetadata, to definition: TableDefinition) throws(IcebergError) -> [MetadataUpdate] {
        let missing = definition.columns.filter { table.currentSchema.field(named: $0.name) == nil }
        if missing.isEmpty { return [] }
        var schema = table.currentSchema
        var next = table.lastColumnID
        for column in missing {
            guard !column.isRequired else {
                throw IcebergError(.invalid, "column \(column.name) is missing in the table: a column that may not be null cannot be added")
            }
            schema.fields.append(numbered(column, after: &next))
        }
        schema.schemaID = (table.schemas.map(\.schemaID).max() ?? 0) + 1
        return [
            .addSchema(schema), .setCurrentSchema(id: schema.schemaID),
            .setProperties([NameMapping.property: NameMapping(schema).json.text]),
        ]
    }

    private static func numbered(_ column: ColumnDefinition, after last: inout Int) -> NestedField {
        var column = column
        column.id = last + 1
        last += 1
        for index in column.nestedIDs.indices {
            last += 1
            column.nestedIDs[index] = last
        }
        return LakeSchema.field(column)
    }

    /// The table's field for `column`.
    static func field(for column: ColumnDefinition, in schema: Schema) throws(IcebergError) -> NestedField {
        guard let field = schema.field(named: column.name) else { throw IcebergError(.invalid, "column \(column.name) is missing in the table") }
        guard isSame(field.type, LakeSchema.field(column).type) else {
            throw IcebergError(.invalid, "column \(column.name) has another type in the table")
        }
        guard !field.required || column.isRequired else {
            throw IcebergError(.invalid, "column \(column.name) may not be null in the table")
        }
        return field
    }

    /// Columns that the definition does not know have to bear nulls.
    static func checkOthers(_ definition: TableDefinition, in schema: Schema) throws(IcebergError) {
        for field in schema.fields where field.required && definition.column(field.name) == nil {
            throw IcebergError(.invalid, "column \(field.name) of the table may not be null, and is not known here")
        }
    }

    /// Whether two types are the same but for their ids.
    private static func isSame(_ a: IcebergType, _ b: IcebergType) -> Bool {
        switch (a, b) {
        case (.primitive(let a), .primitive(let b)): a == b
        case (.list(let a), .list(let b)): isSame(a.element, b.element)
        case (.map(let a), .map(let b)): isSame(a.key, b.key) && isSame(a.value, b.value)
        default: false
        }
    }

    /// The rules that a partition spec stands for.
    static func rules(of spec: PartitionSpec, _ definition: TableDefinition, _ ids: [Int]) throws(IcebergError) -> [PartitionRule] {
        var rules: [PartitionRule] = []
        for field in spec.fields {
            guard let index = ids.firstIndex(of: field.sourceID) else {
                throw IcebergError(.invalid, "partition field \(field.name): its column is not known here")
            }
            let name = definition.columns[index].name
            switch (field.transform, definition.columns[index].type) {
            case (.day, .timestamp): rules.append(.day(column: name))
            case (.month, .timestamp): rules.append(.month(column: name))
            case (.identity, .string): rules.append(.identity(column: name))
            default: throw IcebergError(.unsupported, "partition field \(field.name): \(field.transform) of \(name) is not written here")
            }
        }
        return rules
    }
}
