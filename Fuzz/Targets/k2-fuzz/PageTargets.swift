import K2Bytes
import K2Compression

@testable import K2Parquet

/// One column chunk without a file around it: the first bytes choose type, encoding, codec, levels and counts, the others are pages. So
/// the decoders are reached without a footer that has to be guessed first.
let fuzzPages: @Sendable ([UInt8]) -> Void = { bytes in
    guard bytes.count > 12, let chunk = FuzzedChunk(bytes) else { return }
    // Codes that are kept are the values that they name, however the rows are cut.
    let whole = try? chunk.rest(.decoded)
    let kept = try? chunk.rest(.kept)
    require((whole == nil) == (kept == nil), "only one of the readings fails")
    guard let whole, var kept, let values = try? kept.values.decoded() else { return }
    kept.values = values
    // NaN is not equal to itself.
    if whole.leaf.type != .float, whole.leaf.type != .double { require(whole == kept, "codes and values differ") }
    let pieces = try? chunk.pieces(rows: Int(bytes[11]) + 1)
    require(pieces?.entryCount == whole.entryCount, "pieces do not make up the whole")
    require(pieces?.repetitionLevels == whole.repetitionLevels && pieces?.definitionLevels == whole.definitionLevels, "levels of pieces differ")
    for isKept in [false, true] { _ = try? whole.typedValues(keepsCodes: isKept, limit: 1 << 24) }
}

private struct FuzzedChunk {
    let leaf: Leaf
    let chunk: ColumnChunkMetadata
    let bytes: [UInt8]
    let rows: Int

    /// Pages: the dictionary, if any, then two data pages that share the rest of the bytes.
    init?(_ input: [UInt8]) {
        guard let type = PhysicalType(rawValue: Int32(input[0] & 7)), let encoding = Encoding(rawValue: Int32(input[1] % 10)) else { return nil }
        let codecs: [CompressionCodec] = [.uncompressed, .zstd, .gzip, .snappy]
        let codec = codecs[Int(input[2] & 3)]
        let repetition: Repetition = input[3] & 1 == 0 ? .optional : .required
        let logical: [LogicalType?] = [nil, .decimal(precision: 38, scale: 2), .uuid, .timestamp(isAdjustedToUTC: true, unit: .nanos)]
        var elements = [SchemaElement(name: "root", childCount: 1)]
        if input[3] & 2 != 0 { elements.append(SchemaElement(name: "l", repetition: .repeated, childCount: 1)) }
        elements.append(
            SchemaElement(name: "a", type: type, typeLength: Int32(input[4] % 20) + 1, repetition: repetition, logicalType: logical[Int(input[3] >> 2 & 3)]))
        guard let tree = try? SchemaTree(elements) else { return nil }
        leaf = tree.leaves[0]
        rows = Int(input[5]) | Int(input[6] & 3) << 8
        let (body, size) = (Array(input[12...]), Int32(input[7]) << 4)
        let cut = min(body.count, Int(input[8]))
        var writer = ThriftWriter()
        var pages: [UInt8] = []
        func add(_ kind: PageHeader.Kind, _ part: ArraySlice<UInt8>) {
            writer.removeAll()
            let length = codec == .uncompressed ? Int32(part.count) : size
            PageHeader(kind: kind, uncompressedSize: length, compressedSize: Int32(part.count)).encode(into: &writer)
            pages += writer.output.bytes.withUnsafeBufferPointer { Array($0) } + part
        }
        if input[3] & 16 != 0 { add(.dictionary(valueCount: Int32(input[9]), encoding: .plain), body[..<cut]) }
        let first = Int32(rows / 2)
        let levels: Encoding = input[3] & 32 == 0 ? .rle : .bitPacked
        for (count, part) in [(first, body[cut..<(cut + (body.count - cut) / 2)]), (Int32(rows) - first, body[(cut + (body.count - cut) / 2)...])] {
            if input[3] & 64 == 0 {
                add(.data(valueCount: count, encoding: encoding, definitionEncoding: levels, repetitionEncoding: levels), part)
            } else {
                let lengths = (Int32(input[10] & 15), Int32(input[10] >> 4))
                add(
                    .dataV2(
                        PageHeader.DataPageV2(
                            valueCount: count, nullCount: Int32(input[11]), rowCount: count, encoding: encoding, definitionLevelsLength: lengths.0,
                            repetitionLevelsLength: lengths.1, isCompressed: input[3] & 128 == 0)), part)
            }
        }
        bytes = pages
        chunk = ColumnChunkMetadata(
            type: type, encodings: [], path: leaf.path, codec: codec, valueCount: Int64(rows), totalUncompressedSize: 0,
            totalCompressedSize: Int64(bytes.count), dataPageOffset: 4)
    }

    private func stream(_ reading: DictionaryReading, rows: Int) throws -> LeafPageStream {
        let pages = ChunkPages(0..<bytes.count, step: 1) { Array(bytes[$0]) }
        return LeafPageStream(leaf, rowGroup: 0, rows: rows, pages, try PageDecoder(chunk, leaf, .strict, reading))
    }

    /// With as many rows as there are, so that the count is no reason to fail.
    func rest(_ reading: DictionaryReading) throws -> LeafColumn {
        var decoder = try PageDecoder(chunk, leaf, .strict, reading)
        var column = LeafColumn(leaf: leaf)
        var pages = ChunkPages(0..<bytes.count, step: 1) { Array(bytes[$0]) }
        while decoder.entriesLeft > 0, let page = try pages.next() {
            let window = pages.window
            try window.withUnsafeBytes { try decoder.read(page.header, UnsafeRawBufferPointer(rebasing: $0[page.body]), into: &column) }
        }
        guard column.repetitionLevels.first ?? 0 == 0, decoder.entriesLeft == 0 else { throw ParquetError(.malformed, "", "levels") }
        return column
    }

    func pieces(rows count: Int) throws -> LeafColumn {
        var stream = try stream(.kept, rows: try rest(.kept).rowCount)
        var column = LeafColumn(leaf: leaf)
        while true {
            let piece = try stream.next(rows: count)
            if piece.entryCount == 0 { return column }
            try column.append(piece)
        }
    }
}
