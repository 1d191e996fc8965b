import K2Bytes
import K2Compression

@testable import K2Parquet

/// A file of one leaf whose pages are given byte by byte: forms that no writer at hand makes.
struct CraftedFile {
    var elements: [SchemaElement]
    var path: [String]
    var type: PhysicalType
    var codec: CompressionCodec = .uncompressed
    var rowCount: Int64
    var valueCount: Int64
    /// Whether the footer says where the dictionary page is; not every writer does.
    var namesDictionary = true
    private var pages: [(PageHeader, [UInt8])] = []

    /// `definition` is the leaf's highest level without lists: 0 or 1.
    init(_ type: PhysicalType, rows: Int64, isRequired: Bool = true, isRepeated: Bool = false) {
        self.type = type
        let repetition: Repetition = isRepeated ? .repeated : isRequired ? .required : .optional
        elements = [SchemaElement(name: "root", childCount: 1), SchemaElement(name: "a", type: type, repetition: repetition)]
        path = ["a"]
        rowCount = rows
        valueCount = rows
    }

    mutating func add(_ kind: PageHeader.Kind, _ body: [UInt8], size: Int? = nil) {
        pages.append((PageHeader(kind: kind, uncompressedSize: Int32(size ?? body.count), compressedSize: Int32(body.count)), body))
    }

    mutating func add(_ header: PageHeader, _ body: [UInt8]) { pages.append((header, body)) }

    mutating func add(_ count: Int32, _ encoding: Encoding, levels: Encoding = .rle, _ body: [UInt8]) {
        add(.data(valueCount: count, encoding: encoding, definitionEncoding: levels, repetitionEncoding: levels), body)
    }

    var bytes: [UInt8] {
        var bytes = Array("PAR1".utf8)
        for (header, body) in pages {
            var writer = ThriftWriter()
            header.encode(into: &writer)
            bytes += writer.output.bytes.withUnsafeBufferPointer { Array($0) } + body
        }
        let size = Int64(bytes.count - 4)
        var chunk = ColumnChunkMetadata(
            type: type, encodings: [], path: path, codec: codec, valueCount: valueCount, totalUncompressedSize: size, totalCompressedSize: size,
            dataPageOffset: 4)
        if namesDictionary, case .dictionary? = pages.first?.0.kind { chunk.dictionaryPageOffset = 4 }
        let group = RowGroupMetadata(columns: [chunk], totalByteSize: size, rowCount: rowCount)
        var writer = ThriftWriter()
        FileMetadata(schema: elements, rowCount: rowCount, rowGroups: [group]).encode(into: &writer)
        let footer = writer.output.bytes.withUnsafeBufferPointer { Array($0) }
        let length = (0..<4).map { UInt8(truncatingIfNeeded: footer.count >> (8 * $0)) }
        return bytes + footer + length + Array("PAR1".utf8)
    }

    func read(_ reading: DictionaryReading = .decoded) throws -> LeafColumn {
        try ParquetReader(bytes).column(0, rowGroup: 0, dictionaries: reading)
    }
}
