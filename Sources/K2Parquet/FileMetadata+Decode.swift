// Thrift to footer structs. Unknown fields are skipped, missing required ones are errors.

extension ThriftReader {
    func required<T>(_ value: T?, _ name: String) throws(ParquetError) -> T {
        guard let value else { throw malformed("required field \(name) is missing") }
        return value
    }

    func code<T: RawRepresentable>(_ value: T.RawValue, _ type: T.Type) throws(ParquetError) -> T where T.RawValue == Int32 {
        guard let known = T(rawValue: value) else { throw malformed("unknown \(type) \(value)") }
        return known
    }

    /// `value` when it is not negative.
    func natural<T: SignedInteger & FixedWidthInteger>(_ value: T?, _ name: String) throws(ParquetError) -> T {
        guard let value else { throw malformed("required field \(name) is missing") }
        guard value >= 0 else { throw malformed("\(name): found \(value), expected 0 or more") }
        return value
    }
}

extension FileMetadata {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var (version, rowCount): (Int32?, Int64?)
        var (schema, rowGroups, keyValues): ([SchemaElement], [RowGroupMetadata], [KeyValue]) = ([], [], [])
        var createdBy: String?
        var orders = (count: 0, typeDefined: 0)
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: version = try reader.int32(field)
            case 2: for _ in 0..<(try reader.list(field, of: .structure)) { schema.append(try SchemaElement(from: &reader)) }
            case 3: rowCount = try reader.int64(field)
            case 4: for _ in 0..<(try reader.list(field, of: .structure)) { rowGroups.append(try RowGroupMetadata(from: &reader)) }
            case 5: for _ in 0..<(try reader.list(field, of: .structure)) { keyValues.append(try KeyValue(from: &reader)) }
            case 6: createdBy = try reader.string(field)
            case 7:
                orders.count = try reader.list(field, of: .structure)
                for _ in 0..<orders.count where try Self.isTypeDefinedOrder(&reader) { orders.typeDefined += 1 }
            default: try reader.skip(field)
            }
        }
        self.init(
            version: try reader.required(version, "version"), schema: schema,
            rowCount: try reader.natural(rowCount, "num_rows"), rowGroups: rowGroups, keyValues: keyValues,
            createdBy: createdBy, hasTypeDefinedOrder: orders.count > 0 && orders.count == orders.typeDefined)
    }

    private static func isTypeDefinedOrder(_ reader: inout ThriftReader) throws(ParquetError) -> Bool {
        var found = false
        try reader.beginStruct()
        while let field = try reader.nextField() {
            if field.id == 1 { found = true }
            try reader.skip(field)
        }
        return found
    }
}

extension KeyValue {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var (key, value): (String?, String?)
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: key = try reader.string(field)
            case 2: value = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        self.init(try reader.required(key, "key"), value)
    }
}

extension SchemaElement {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var element = SchemaElement(name: "")
        var name: String?
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: element.type = try reader.code(try reader.int32(field), PhysicalType.self)
            case 2: element.typeLength = try reader.int32(field)
            case 3: element.repetition = try reader.code(try reader.int32(field), Repetition.self)
            case 4: name = try reader.string(field)
            case 5: element.childCount = try reader.int32(field)
            case 6: element.convertedType = ConvertedType(rawValue: try reader.int32(field))
            case 7: element.scale = try reader.int32(field)
            case 8: element.precision = try reader.int32(field)
            case 9: element.fieldID = try reader.int32(field)
            case 10: element.logicalType = try LogicalType.decode(from: &reader, field)
            default: try reader.skip(field)
            }
        }
        element.name = try reader.required(name, "name")
        self = element
    }
}

extension LogicalType {
    static func decode(from reader: inout ThriftReader, _ union: ThriftReader.Field) throws(ParquetError) -> LogicalType? {
        var type: LogicalType?
        try reader.structure(union)
        while let field = try reader.nextField() {
            switch field.id {
            case 5: type = try decodeDecimal(&reader, field)
            case 7:
                let (isAdjustedToUTC, unit) = try decodeTime(&reader, field)
                type = .time(isAdjustedToUTC: isAdjustedToUTC, unit: unit)
            case 8:
                let (isAdjustedToUTC, unit) = try decodeTime(&reader, field)
                type = .timestamp(isAdjustedToUTC: isAdjustedToUTC, unit: unit)
            case 10: type = try decodeInteger(&reader, field)
            default:
                type = simple[field.id] ?? .other(field.id)
                try reader.skip(field)
            }
        }
        return type
    }

    private static let simple: [Int16: LogicalType] = [
        1: .string, 2: .map, 3: .list, 4: .enumeration, 6: .date, 11: .unknown, 12: .json, 13: .bson, 14: .uuid, 15: .float16,
    ]

    private static func decodeDecimal(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> LogicalType {
        var (scale, precision): (Int32?, Int32?)
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: scale = try reader.int32(field)
            case 2: precision = try reader.int32(field)
            default: try reader.skip(field)
            }
        }
        return .decimal(precision: try reader.required(precision, "precision"), scale: try reader.required(scale, "scale"))
    }

    private static func decodeTime(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> (Bool, TimeUnit) {
        var (isAdjustedToUTC, unit): (Bool?, TimeUnit?)
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: isAdjustedToUTC = try reader.bool(field)
            case 2:
                try reader.structure(field)
                while let member = try reader.nextField() {
                    unit = TimeUnit(rawValue: member.id)
                    try reader.skip(member)
                }
            default: try reader.skip(field)
            }
        }
        return (try reader.required(isAdjustedToUTC, "isAdjustedToUTC"), try reader.required(unit, "unit"))
    }

    private static func decodeInteger(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> LogicalType {
        var (bitWidth, isSigned): (Int8?, Bool?)
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: bitWidth = try reader.int8(field)
            case 2: isSigned = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return .integer(bitWidth: try reader.required(bitWidth, "bitWidth"), isSigned: try reader.required(isSigned, "isSigned"))
    }
}

extension RowGroupMetadata {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var columns: [ColumnChunkMetadata] = []
        var (totalByteSize, rowCount, fileOffset, totalCompressedSize): (Int64?, Int64?, Int64?, Int64?)
        var ordinal: Int16?
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: for _ in 0..<(try reader.list(field, of: .structure)) { columns.append(try ColumnChunkMetadata(from: &reader)) }
            case 2: totalByteSize = try reader.int64(field)
            case 3: rowCount = try reader.int64(field)
            case 5: fileOffset = try reader.int64(field)
            case 6: totalCompressedSize = try reader.int64(field)
            case 7: ordinal = try reader.int16(field)
            default: try reader.skip(field)
            }
        }
        self.init(
            columns: columns, totalByteSize: try reader.required(totalByteSize, "total_byte_size"),
            rowCount: try reader.natural(rowCount, "num_rows"), fileOffset: fileOffset,
            totalCompressedSize: totalCompressedSize, ordinal: ordinal)
    }
}

extension ColumnChunkMetadata {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var chunk: ColumnChunkMetadata?
        var index = (columnOffset: Int64?.none, columnLength: Int32?.none, offsetOffset: Int64?.none, offsetLength: Int32?.none)
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: throw ParquetError(.unsupported, "footer", "column chunk in another file")
            case 3: chunk = try Self.decodeMetadata(&reader, field)
            case 4: index.offsetOffset = try reader.int64(field)
            case 5: index.offsetLength = try reader.int32(field)
            case 6: index.columnOffset = try reader.int64(field)
            case 7: index.columnLength = try reader.int32(field)
            default: try reader.skip(field)
            }
        }
        self = try reader.required(chunk, "meta_data")
        if let offset = index.offsetOffset, let length = index.offsetLength { offsetIndex = FileRange(offset: offset, length: length) }
        if let offset = index.columnOffset, let length = index.columnLength { columnIndex = FileRange(offset: offset, length: length) }
    }

    private static func decodeMetadata(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> Self {
        var (type, codec): (PhysicalType?, CompressionCodec?)
        var (encodings, path, counts): ([Encoding], [String], [PageEncodingCount]) = ([], [], [])
        var (valueCount, uncompressed, compressed, dataOffset, dictionaryOffset): (Int64?, Int64?, Int64?, Int64?, Int64?)
        var statistics: ColumnStatistics?
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: type = try reader.code(try reader.int32(field), PhysicalType.self)
            case 2:
                for _ in 0..<(try reader.list(field, of: .int32)) {
                    encodings.append(try reader.code(try reader.int32Element(), Encoding.self))
                }
            case 3:
                for _ in 0..<(try reader.list(field, of: .binary)) {
                    path.append(String(decoding: try reader.binaryElement(), as: UTF8.self))
                }
            case 4: codec = try reader.code(try reader.int32(field), CompressionCodec.self)
            case 5: valueCount = try reader.int64(field)
            case 6: uncompressed = try reader.int64(field)
            case 7: compressed = try reader.int64(field)
            case 9: dataOffset = try reader.int64(field)
            case 11: dictionaryOffset = try reader.int64(field)
            case 12: statistics = try ColumnStatistics(from: &reader, field)
            case 13:
                for _ in 0..<(try reader.list(field, of: .structure)) { counts.append(try PageEncodingCount(from: &reader)) }
            default: try reader.skip(field)
            }
        }
        return ColumnChunkMetadata(
            type: try reader.required(type, "type"), encodings: encodings, path: path,
            codec: try reader.required(codec, "codec"), valueCount: try reader.natural(valueCount, "num_values"),
            totalUncompressedSize: try reader.natural(uncompressed, "total_uncompressed_size"),
            totalCompressedSize: try reader.natural(compressed, "total_compressed_size"),
            dataPageOffset: try reader.natural(dataOffset, "data_page_offset"),
            dictionaryPageOffset: dictionaryOffset, statistics: statistics, encodingStats: counts)
    }
}

extension PageEncodingCount {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var (pageType, encoding, count): (PageType?, Encoding?, Int32?)
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: pageType = try reader.code(try reader.int32(field), PageType.self)
            case 2: encoding = try reader.code(try reader.int32(field), Encoding.self)
            case 3: count = try reader.int32(field)
            default: try reader.skip(field)
            }
        }
        self.init(
            pageType: try reader.required(pageType, "page_type"), encoding: try reader.required(encoding, "encoding"),
            count: try reader.required(count, "count"))
    }
}

extension ColumnStatistics {
    /// The deprecated fields 1 and 2 are left out: their order was never defined for most types.
    init(from reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) {
        self.init()
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 3: nullCount = try reader.int64(field)
            case 4: distinctCount = try reader.int64(field)
            case 5: max = try reader.binary(field)
            case 6: min = try reader.binary(field)
            case 7: isMaxExact = try reader.bool(field)
            case 8: isMinExact = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
    }
}
