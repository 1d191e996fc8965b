// Footer structs to Thrift. Field numbers: parquet.thrift in apache/parquet-format.

extension FileMetadata {
    func encode(into writer: inout ThriftWriter) {
        writer.field(1, version)
        writer.beginList(2, of: .structure, count: schema.count)
        for element in schema { element.encode(into: &writer) }
        writer.field(3, rowCount)
        writer.beginList(4, of: .structure, count: rowGroups.count)
        for group in rowGroups { group.encode(into: &writer) }
        if !keyValues.isEmpty {
            writer.beginList(5, of: .structure, count: keyValues.count)
            for entry in keyValues { entry.encode(into: &writer) }
        }
        if let createdBy { writer.field(6, createdBy) }
        if hasTypeDefinedOrder {
            let leaves = schema.count { $0.type != nil }
            writer.beginList(7, of: .structure, count: leaves)
            for _ in 0..<leaves {
                writer.beginStructElement()
                writer.emptyStruct(1)
                writer.endStruct()
            }
        }
        writer.endMessage()
    }
}

extension KeyValue {
    func encode(into writer: inout ThriftWriter) {
        writer.beginStructElement()
        writer.field(1, key)
        if let value { writer.field(2, value) }
        writer.endStruct()
    }
}

extension SchemaElement {
    func encode(into writer: inout ThriftWriter) {
        writer.beginStructElement()
        if let type { writer.field(1, type.rawValue) }
        if let typeLength { writer.field(2, typeLength) }
        if let repetition { writer.field(3, repetition.rawValue) }
        writer.field(4, name)
        if let childCount { writer.field(5, childCount) }
        if let convertedType { writer.field(6, convertedType.rawValue) }
        if let scale { writer.field(7, scale) }
        if let precision { writer.field(8, precision) }
        if let fieldID { writer.field(9, fieldID) }
        if let logicalType {
            writer.beginStruct(10)
            logicalType.encode(into: &writer)
            writer.endStruct()
        }
        writer.endStruct()
    }
}

extension LogicalType {
    func encode(into writer: inout ThriftWriter) {
        switch self {
        case .string: writer.emptyStruct(1)
        case .map: writer.emptyStruct(2)
        case .list: writer.emptyStruct(3)
        case .enumeration: writer.emptyStruct(4)
        case .decimal(let precision, let scale):
            writer.beginStruct(5)
            writer.field(1, scale)
            writer.field(2, precision)
            writer.endStruct()
        case .date: writer.emptyStruct(6)
        case .time(let isAdjustedToUTC, let unit): Self.encodeTime(7, isAdjustedToUTC, unit, into: &writer)
        case .timestamp(let isAdjustedToUTC, let unit): Self.encodeTime(8, isAdjustedToUTC, unit, into: &writer)
        case .integer(let bitWidth, let isSigned):
            writer.beginStruct(10)
            writer.field(1, bitWidth)
            writer.field(2, isSigned)
            writer.endStruct()
        case .unknown: writer.emptyStruct(11)
        case .json: writer.emptyStruct(12)
        case .bson: writer.emptyStruct(13)
        case .uuid: writer.emptyStruct(14)
        case .float16: writer.emptyStruct(15)
        case .other(let id): writer.emptyStruct(id)
        }
    }

    private static func encodeTime(_ id: Int16, _ isAdjustedToUTC: Bool, _ unit: TimeUnit, into writer: inout ThriftWriter) {
        writer.beginStruct(id)
        writer.field(1, isAdjustedToUTC)
        writer.beginStruct(2)
        writer.emptyStruct(unit.rawValue)
        writer.endStruct()
        writer.endStruct()
    }
}

extension RowGroupMetadata {
    func encode(into writer: inout ThriftWriter) {
        writer.beginStructElement()
        writer.beginList(1, of: .structure, count: columns.count)
        for column in columns { column.encode(into: &writer) }
        writer.field(2, totalByteSize)
        writer.field(3, rowCount)
        if let fileOffset { writer.field(5, fileOffset) }
        if let totalCompressedSize { writer.field(6, totalCompressedSize) }
        if let ordinal { writer.field(7, ordinal) }
        writer.endStruct()
    }
}

extension ColumnChunkMetadata {
    /// `file_offset` is 0: it once pointed at a second copy of this struct that nobody writes any more.
    func encode(into writer: inout ThriftWriter) {
        writer.beginStructElement()
        writer.field(2, Int64(0))
        writer.beginStruct(3)
        writer.field(1, type.rawValue)
        writer.beginList(2, of: .int32, count: encodings.count)
        for encoding in encodings { writer.element(encoding.rawValue) }
        writer.beginList(3, of: .binary, count: path.count)
        for name in path { writer.element(name) }
        writer.field(4, codec.rawValue)
        writer.field(5, valueCount)
        writer.field(6, totalUncompressedSize)
        writer.field(7, totalCompressedSize)
        writer.field(9, dataPageOffset)
        if let dictionaryPageOffset { writer.field(11, dictionaryPageOffset) }
        if let statistics {
            writer.beginStruct(12)
            statistics.encode(into: &writer)
            writer.endStruct()
        }
        if !encodingStats.isEmpty {
            writer.beginList(13, of: .structure, count: encodingStats.count)
            for entry in encodingStats {
                writer.beginStructElement()
                writer.field(1, entry.pageType.rawValue)
                writer.field(2, entry.encoding.rawValue)
                writer.field(3, entry.count)
                writer.endStruct()
            }
        }
        writer.endStruct()
        if let offsetIndex {
            writer.field(4, offsetIndex.offset)
            writer.field(5, offsetIndex.length)
        }
        if let columnIndex {
            writer.field(6, columnIndex.offset)
            writer.field(7, columnIndex.length)
        }
        writer.endStruct()
    }
}

extension ColumnStatistics {
    func encode(into writer: inout ThriftWriter) {
        if let nullCount { writer.field(3, nullCount) }
        if let distinctCount { writer.field(4, distinctCount) }
        if let max { writer.field(5, max) }
        if let min { writer.field(6, min) }
        if let isMaxExact { writer.field(7, isMaxExact) }
        if let isMinExact { writer.field(8, isMinExact) }
    }
}
