/// The header in front of each page. Source: `PageHeader` in parquet.thrift.
struct PageHeader: Equatable {
    enum Kind: Equatable {
        case dictionary(valueCount: Int32, encoding: Encoding)
        case data(valueCount: Int32, encoding: Encoding, definitionEncoding: Encoding, repetitionEncoding: Encoding)
        case dataV2(DataPageV2)
        /// A page of a type that holds no values.
        case index
    }
    struct DataPageV2: Equatable {
        var valueCount: Int32
        var nullCount: Int32
        var rowCount: Int32
        var encoding: Encoding
        var definitionLevelsLength: Int32
        var repetitionLevelsLength: Int32
        var isCompressed: Bool
    }
    var kind: Kind
    var uncompressedSize: Int32
    var compressedSize: Int32
    /// CRC-32 of the page as it lies in the file, its header left out; few writers set it.
    var checksum: Int32?

    func encode(into writer: inout ThriftWriter) {
        switch kind {
        case .dictionary(let valueCount, let encoding):
            encodeSizes(.dictionaryPage, into: &writer)
            writer.beginStruct(7)
            writer.field(1, valueCount)
            writer.field(2, encoding.rawValue)
            writer.endStruct()
        case .data(let valueCount, let encoding, let definitionEncoding, let repetitionEncoding):
            encodeSizes(.dataPage, into: &writer)
            writer.beginStruct(5)
            writer.field(1, valueCount)
            writer.field(2, encoding.rawValue)
            writer.field(3, definitionEncoding.rawValue)
            writer.field(4, repetitionEncoding.rawValue)
            writer.endStruct()
        case .dataV2(let page):
            encodeSizes(.dataPageV2, into: &writer)
            writer.beginStruct(8)
            writer.field(1, page.valueCount)
            writer.field(2, page.nullCount)
            writer.field(3, page.rowCount)
            writer.field(4, page.encoding.rawValue)
            writer.field(5, page.definitionLevelsLength)
            writer.field(6, page.repetitionLevelsLength)
            writer.field(7, page.isCompressed)
            writer.endStruct()
        case .index:
            encodeSizes(.indexPage, into: &writer)
        }
        writer.endMessage()
    }

    private func encodeSizes(_ type: PageType, into writer: inout ThriftWriter) {
        writer.field(1, type.rawValue)
        writer.field(2, uncompressedSize)
        writer.field(3, compressedSize)
        if let checksum { writer.field(4, checksum) }
    }
}

extension PageHeader {
    init(from reader: inout ThriftReader) throws(ParquetError) {
        var type: Int32?
        var (uncompressed, compressed): (Int32?, Int32?)
        var (data, dictionary, dataV2): (Kind?, Kind?, Kind?)
        try reader.beginStruct()
        while let field = try reader.nextField() {
            switch field.id {
            case 1: type = try reader.int32(field)
            case 2: uncompressed = try reader.int32(field)
            case 3: compressed = try reader.int32(field)
            case 4: checksum = try reader.int32(field)
            case 5: data = try Self.decodeData(&reader, field)
            case 7: dictionary = try Self.decodeDictionary(&reader, field)
            case 8: dataV2 = try Self.decodeDataV2(&reader, field)
            default: try reader.skip(field)
            }
        }
        switch try reader.code(try reader.required(type, "type"), PageType.self) {
        case .dataPage: kind = try reader.required(data, "data_page_header")
        case .dictionaryPage: kind = try reader.required(dictionary, "dictionary_page_header")
        case .dataPageV2: kind = try reader.required(dataV2, "data_page_header_v2")
        case .indexPage: kind = .index
        }
        uncompressedSize = try reader.natural(uncompressed, "uncompressed_page_size")
        compressedSize = try reader.natural(compressed, "compressed_page_size")
    }

    private static func decodeData(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> Kind {
        var (count, encoding, definition, repetition): (Int32?, Encoding?, Encoding?, Encoding?)
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: count = try reader.int32(field)
            case 2: encoding = try reader.code(try reader.int32(field), Encoding.self)
            case 3: definition = try reader.code(try reader.int32(field), Encoding.self)
            case 4: repetition = try reader.code(try reader.int32(field), Encoding.self)
            default: try reader.skip(field)
            }
        }
        return .data(
            valueCount: try reader.natural(count, "num_values"), encoding: try reader.required(encoding, "encoding"),
            definitionEncoding: try reader.required(definition, "definition_level_encoding"),
            repetitionEncoding: try reader.required(repetition, "repetition_level_encoding"))
    }

    private static func decodeDictionary(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> Kind {
        var (count, encoding): (Int32?, Encoding?)
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: count = try reader.int32(field)
            case 2: encoding = try reader.code(try reader.int32(field), Encoding.self)
            default: try reader.skip(field)
            }
        }
        return .dictionary(valueCount: try reader.natural(count, "num_values"), encoding: try reader.required(encoding, "encoding"))
    }

    private static func decodeDataV2(_ reader: inout ThriftReader, _ parent: ThriftReader.Field) throws(ParquetError) -> Kind {
        var (values, nulls, rows, definition, repetition): (Int32?, Int32?, Int32?, Int32?, Int32?)
        var encoding: Encoding?
        var isCompressed = true
        try reader.structure(parent)
        while let field = try reader.nextField() {
            switch field.id {
            case 1: values = try reader.int32(field)
            case 2: nulls = try reader.int32(field)
            case 3: rows = try reader.int32(field)
            case 4: encoding = try reader.code(try reader.int32(field), Encoding.self)
            case 5: definition = try reader.int32(field)
            case 6: repetition = try reader.int32(field)
            case 7: isCompressed = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return .dataV2(
            DataPageV2(
                valueCount: try reader.natural(values, "num_values"), nullCount: try reader.natural(nulls, "num_nulls"),
                rowCount: try reader.natural(rows, "num_rows"), encoding: try reader.required(encoding, "encoding"),
                definitionLevelsLength: try reader.natural(definition, "definition_levels_byte_length"),
                repetitionLevelsLength: try reader.natural(repetition, "repetition_levels_byte_length"),
                isCompressed: isCompressed))
    }
}
