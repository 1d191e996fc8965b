import K2Bytes
import K2Compression

/// Reads the pages of one column chunk.
struct ColumnChunkReader {
    private let chunk: ColumnChunkMetadata
    private let leaf: Leaf
    private let limits: ReaderLimits

    init(_ chunk: ColumnChunkMetadata, _ leaf: Leaf, _ limits: ReaderLimits) {
        self.chunk = chunk
        self.leaf = leaf
        self.limits = limits
    }

    private func malformed(_ message: String) -> ParquetError { ParquetError(.malformed, leaf.name, message) }

    /// - Parameter bytes: all pages of the chunk.
    func read(_ bytes: [UInt8]) throws(ParquetError) -> LeafColumn {
        guard chunk.valueCount <= Int64(limits.chunkValues) else {
            throw ParquetError(.tooLarge, leaf.name, "\(chunk.valueCount) values, expected at most \(limits.chunkValues)")
        }
        do {
            return try readPages(bytes)
        } catch let error as ParquetError {
            throw error
        } catch {
            throw malformed("\(error)")
        }
    }

    private func readPages(_ bytes: [UInt8]) throws -> LeafColumn {
        var column = LeafColumn(leaf: leaf, values: LeafValues(leaf.type, width: leaf.typeLength))
        var dictionary: LeafValues?
        var decompressor = try ZstdDecompressor()
        var offset = 0
        while column.entryCount < Int(chunk.valueCount) {
            guard offset < bytes.count else {
                throw malformed("pages end after \(column.entryCount) values, expected \(chunk.valueCount)")
            }
            let rest = bytes.span.extracting(offset...)
            var reader = ThriftReader(rest, place: "\(leaf.name): page at byte \(offset)")
            let header = try PageHeader(from: &reader)
            let (start, length) = (reader.cursor.offset, Int(header.compressedSize))
            guard length <= rest.count - start else {
                throw malformed("page of \(length) bytes where \(rest.count - start) are left")
            }
            let body = rest.extracting(start..<start + length)
            offset += start + length
            switch header.kind {
            case .index: break
            case .dictionary(let count, let encoding):
                guard dictionary == nil else { throw malformed("two dictionary pages") }
                dictionary = try readDictionary(header, Int(count), encoding, body, &decompressor)
            case .data(let count, let encoding, let definition, let repetition):
                guard definition == .rle || leaf.maxDefinition == 0, repetition == .rle || leaf.maxRepetition == 0 else {
                    throw ParquetError(.unsupported, leaf.name, "levels in BIT_PACKED encoding")
                }
                let page = try content(header, body, isCompressed: true, &decompressor)
                try readData(page.span, try checkedCount(count, column), encoding, dictionary, &column)
            case .dataV2(let page):
                try readDataV2(header, page, body, dictionary, &decompressor, &column)
            }
        }
        return column
    }

    private func checkedCount(_ count: Int32, _ column: LeafColumn) throws(ParquetError) -> Int {
        guard Int64(count) <= chunk.valueCount - Int64(column.entryCount) else {
            throw malformed("found more values than the \(chunk.valueCount) of the footer")
        }
        return Int(count)
    }

    /// The page's bytes after decompression.
    private func content(
        _ header: PageHeader, _ body: Span<UInt8>, isCompressed: Bool, count: Int? = nil, _ decompressor: inout ZstdDecompressor
    ) throws -> [UInt8] {
        let count = count ?? Int(header.uncompressedSize)
        guard count <= limits.pageBytes else {
            throw ParquetError(.tooLarge, leaf.name, "page of \(count) bytes, expected at most \(limits.pageBytes)")
        }
        guard isCompressed, chunk.codec != .uncompressed else {
            guard body.count == count else { throw malformed("page of \(body.count) bytes, expected \(count)") }
            return body.withUnsafeBufferPointer { Array($0) }
        }
        guard chunk.codec == .zstd else {
            throw ParquetError(.unsupported, leaf.name, "compression \(chunk.codec)")
        }
        if count == 0 && body.count == 0 { return [] }
        // A zstd block of 4 bytes can hold 128 KiB, and no more.
        guard count / (128 << 10) <= body.count else { throw malformed("page of \(count) bytes from \(body.count)") }
        return try decompressor.decompress(body, count: count)
    }

    private func readDictionary(
        _ header: PageHeader, _ count: Int, _ encoding: Encoding, _ body: Span<UInt8>, _ decompressor: inout ZstdDecompressor
    ) throws -> LeafValues {
        guard encoding == .plain || encoding == .plainDictionary else {
            throw ParquetError(.unsupported, leaf.name, "dictionary page in encoding \(encoding)")
        }
        let page = try content(header, body, isCompressed: true, &decompressor)
        var entries = LeafValues(leaf.type, width: leaf.typeLength)
        try entries.appendPlain(page.span, count: count)
        return entries
    }

    private func readData(
        _ page: Span<UInt8>, _ count: Int, _ encoding: Encoding, _ dictionary: LeafValues?, _ column: inout LeafColumn
    ) throws {
        var cursor = ByteCursor(page)
        if leaf.maxRepetition > 0 {
            let length = Int(try cursor.readLittleEndian(UInt32.self))
            try readLevels(try cursor.read(length), count, max: leaf.maxRepetition, into: &column.repetitionLevels)
        }
        var valueCount = count
        if leaf.maxDefinition > 0 {
            let length = Int(try cursor.readLittleEndian(UInt32.self))
            valueCount = try readLevels(try cursor.read(length), count, max: leaf.maxDefinition, into: &column.definitionLevels)
        }
        column.entryCount += count
        try appendValues(try cursor.read(cursor.remaining), valueCount, encoding, dictionary, &column)
    }

    private func readDataV2(
        _ header: PageHeader, _ page: PageHeader.DataPageV2, _ body: Span<UInt8>, _ dictionary: LeafValues?,
        _ decompressor: inout ZstdDecompressor, _ column: inout LeafColumn
    ) throws {
        let count = try checkedCount(page.valueCount, column)
        var cursor = ByteCursor(body)
        let repetition = try cursor.read(Int(page.repetitionLevelsLength))
        let definition = try cursor.read(Int(page.definitionLevelsLength))
        if leaf.maxRepetition > 0 { try readLevels(repetition, count, max: leaf.maxRepetition, into: &column.repetitionLevels) }
        var valueCount = count
        if leaf.maxDefinition > 0 {
            valueCount = try readLevels(definition, count, max: leaf.maxDefinition, into: &column.definitionLevels)
        }
        guard count - valueCount == Int(page.nullCount) else {
            throw malformed("found \(count - valueCount) nulls in a page, expected \(page.nullCount)")
        }
        let uncompressed = Int(header.uncompressedSize) - repetition.count - definition.count
        guard uncompressed >= 0 else { throw malformed("page of \(header.uncompressedSize) bytes is shorter than its levels") }
        let values = try content(
            header, try cursor.read(cursor.remaining), isCompressed: page.isCompressed, count: uncompressed, &decompressor)
        column.entryCount += count
        try appendValues(values.span, valueCount, page.encoding, dictionary, &column)
    }

    /// Appends `count` levels and returns how many are the highest.
    @discardableResult
    private func readLevels(_ bytes: Span<UInt8>, _ count: Int, max: Int, into levels: inout [UInt8]) throws -> Int {
        let decoded = try HybridRLE.decode(bytes, width: BitPacking.width(UInt64(max)), count: count)
        var highest = 0
        for level in decoded {
            guard Int(level) <= max else { throw malformed("found level \(level), expected at most \(max)") }
            if Int(level) == max { highest += 1 }
            levels.append(UInt8(level))
        }
        return highest
    }

    private func appendValues(
        _ bytes: Span<UInt8>, _ count: Int, _ encoding: Encoding, _ dictionary: LeafValues?, _ column: inout LeafColumn
    ) throws {
        if count == 0 { return }
        let budget = limits.chunkBytes - column.values.byteCount
        switch encoding {
        case .plain: try column.values.appendPlain(bytes, count: count)
        case .rle: try column.values.appendRLE(bytes, count: count, place: leaf.name)
        case .plainDictionary, .rleDictionary:
            guard let dictionary else { throw malformed("dictionary codes without a dictionary page") }
            var cursor = ByteCursor(bytes)
            let width = Int(try cursor.readByte())
            let codes = try HybridRLE.decode(try cursor.read(cursor.remaining), width: width, count: count)
            try column.values.append(codes, of: dictionary, budget: budget, place: leaf.name)
        case .deltaBinaryPacked, .deltaLengthByteArray, .deltaByteArray:
            try column.values.appendDelta(bytes, count: count, encoding, budget: budget, place: leaf.name)
        case .bitPacked, .byteStreamSplit:
            throw ParquetError(.unsupported, leaf.name, "values in encoding \(encoding)")
        }
        guard column.values.byteCount <= limits.chunkBytes else {
            throw ParquetError(.tooLarge, leaf.name, "more than \(limits.chunkBytes) bytes of values")
        }
    }
}
