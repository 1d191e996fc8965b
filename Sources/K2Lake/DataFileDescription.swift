import K2Iceberg
import K2Parquet

extension DataFile {
    /// What a manifest says of a Parquet file that was just written.
    ///
    /// - Parameter schema: of which the file's field ids are.
    public init(
        _ summary: FileSummary, at location: String, schema: Schema, specID: Int, partition: [Datum?], sortOrderID: Int?
    ) {
        self.init(
            path: location, specID: specID, partition: partition, recordCount: summary.rowCount, fileSize: summary.fileSize,
            splitOffsets: summary.splitOffsets, sortOrderID: sortOrderID)
        let types = Self.boundedTypes(schema)
        for column in summary.columns {
            guard let id = column.leaf.fieldID.map(Int.init) else { continue }
            columnSizes[id] = column.compressedSize
            valueCounts[id] = column.valueCount
            nullValueCounts[id] = column.nullCount
            // Bounds of list and map contents prune nothing.
            guard let type = types[id] else { continue }
            if type == .float || type == .double { nanValueCounts[id] = column.nanCount }
            guard let bounds = column.bounds else { continue }
            if let lower = Self.datum(bounds.min, type) { lowerBounds[id] = K2Iceberg.Bounds.lower(lower) }
            // A bound that Parquet had to cut is above every value already.
            if let upper = Self.datum(bounds.max, type) { upperBounds[id] = K2Iceberg.Bounds.upper(upper) }
        }
    }

    /// Leaves outside lists and maps.
    private static func boundedTypes(_ schema: Schema) -> [Int: PrimitiveType] {
        var types: [Int: PrimitiveType] = [:]
        func visit(_ fields: [NestedField]) {
            for field in fields {
                switch field.type {
                case .primitive(let type): types[field.id] = type
                case .structure(let inner): visit(inner)
                case .list, .map: break
                }
            }
        }
        visit(schema.fields)
        return types
    }

    private static func datum(_ value: BoundValue, _ type: PrimitiveType) -> Datum? {
        switch (value, type) {
        case (.bool(let value), .boolean): .boolean(value)
        case (.int32(let value), .int): .int(value)
        case (.int32(let value), .date): .date(value)
        case (.int64(let value), .long): .long(value)
        case (.int64(let value), .time): .time(value)
        case (.int64(let value), .timestamp), (.int64(let value), .timestamptz): .timestamp(value)
        case (.float(let value), .float): .float(value)
        case (.double(let value), .double): .double(value)
        case (.decimal(let value), .decimal): .decimal(value)
        case (.uuid(let value), .uuid): .uuid(withUnsafeBytes(of: value.bigEndian) { Array($0) })
        case (.bytes(let bytes), .string): String(validating: bytes, as: UTF8.self).map { .string($0) }
        case (.bytes(let bytes), .binary): .binary(bytes)
        case (.bytes(let bytes), .fixed(let length)) where bytes.count == length: .fixed(bytes)
        default: nil
        }
    }
}
