import K2Iceberg
import K2Parquet

extension ParquetSchema {
    /// The fields of data files of a table with that schema: https://iceberg.apache.org/spec/#parquet
    public init(_ schema: Schema) { self.init(schema.fields.map { Field($0.id, $0.name, $0.type, isRequired: $0.required) }) }
}

extension ParquetSchema.Field {
    fileprivate init(_ id: Int, _ name: String, _ type: IcebergType, isRequired: Bool) {
        self.init(name, id: Int32(truncatingIfNeeded: id), ParquetSchema.FieldType(type), isRequired: isRequired)
    }
}

extension ParquetSchema.FieldType {
    fileprivate init(_ type: IcebergType) {
        switch type {
        case .primitive(let primitive): self.init(primitive)
        case .structure(let fields): self = .structure(fields.map { .init($0.id, $0.name, $0.type, isRequired: $0.required) })
        case .list(let list): self = .list(element: .init(list.elementID, "element", list.element, isRequired: list.elementRequired))
        case .map(let map):
            self = .map(
                key: .init(map.keyID, "key", map.key, isRequired: true),
                value: .init(map.valueID, "value", map.value, isRequired: map.valueRequired))
        }
    }

    public init(_ type: PrimitiveType) {
        switch type {
        case .boolean: self = .boolean
        case .int: self = .int32
        case .long: self = .int64
        case .float: self = .float
        case .double: self = .double
        case .date: self = .date
        case .time: self = .timeMicros
        case .timestamp: self = .timestampMicros(isAdjustedToUTC: false)
        case .timestamptz: self = .timestampMicros(isAdjustedToUTC: true)
        case .string: self = .string
        case .uuid: self = .uuid
        case .binary: self = .binary
        case .fixed(let length): self = .fixed(length)
        case .decimal(let precision, let scale): self = .decimal(precision: precision, scale: scale)
        }
    }
}
