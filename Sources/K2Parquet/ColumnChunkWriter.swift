/// Writes one column chunk: chooses the encoding by trial on a part of the values, cuts pages, and counts.
struct ColumnChunkWriter: ~Copyable {
    private let options: WriterOptions
    private var page = PageBuffer(capacity: 1 << 20)

    init(_ options: WriterOptions) { self.options = options }

    /// What came out: the footer's part, and the bounds by meaning.
    struct Result {
        var chunk: ColumnChunkMetadata
        var bounds: Bounds?
        var nanCount: Int
    }

    private struct Choice {
        var encoding: ValueEncoding
        var codec: CompressionCodec
    }

    mutating func write(
        _ encodable: EncodableChunk, rows: LeafRows, leaf: Leaf, type: ParquetSchema.FieldType, to output: inout PageWriter
    ) throws -> Result {
        // A dictionary holds the same extremes in fewer values; NaN must be counted one by one.
        let isFloating = type == .float || type == .double
        let summarized = isFloating ? encodable.values : encodable.dictionary?.entries ?? encodable.values
        let summary = summarized.summary(type, limit: options.maxBoundLength)
        try Self.check(summary.bounds, type, leaf)
        // Floats lie in the same words as integers, but DELTA_BINARY_PACKED is for integers only.
        let choice = try choose(encodable, allowsDelta: options.allowsDeltaEncodings && !isFloating, &output)
        var chunk = ColumnChunkMetadata(
            type: leaf.type, encodings: [], path: leaf.path, codec: choice.codec, valueCount: Int64(rows.entryCount),
            totalUncompressedSize: 0, totalCompressedSize: 0, dataPageOffset: 0)
        if case .dictionary = choice.encoding, let entries = encodable.dictionary?.entries {
            chunk.dictionaryPageOffset = output.position
            page.removeAll()
            entries.encodePlain(0..<entries.count, into: &page)
            try output.write(page, .dictionary(valueCount: Int32(entries.count), encoding: .plain), to: &chunk)
            chunk.encodingStats.append(PageEncodingCount(pageType: .dictionaryPage, encoding: .plain, count: 1))
        }
        chunk.dataPageOffset = output.position
        let pages = try writePages(encodable, choice.encoding, rows, to: &chunk, &output)
        chunk.encodingStats.append(PageEncodingCount(pageType: .dataPage, encoding: choice.encoding.code, count: pages))
        chunk.encodings = Self.encodings(choice.encoding)
        chunk.statistics = Self.statistics(summary.bounds, nullCount: rows.nullCount, leaf)
        return Result(chunk: chunk, bounds: summary.bounds, nanCount: summary.nanCount)
    }

    private static func encodings(_ encoding: ValueEncoding) -> [Encoding] {
        if case .dictionary = encoding { return [.plain, .rle, .rleDictionary] }
        return [encoding.code, .rle]
    }

    private static func statistics(_ bounds: Bounds?, nullCount: Int, _ leaf: Leaf) -> ColumnStatistics {
        var statistics = ColumnStatistics(nullCount: Int64(nullCount))
        if let bounds {
            statistics.min = bounds.min.plain(type: leaf.type, width: leaf.typeLength)
            statistics.max = bounds.max.plain(type: leaf.type, width: leaf.typeLength)
            statistics.isMinExact = bounds.isMinExact
            statistics.isMaxExact = bounds.isMaxExact
        }
        return statistics
    }

    /// Refuses decimals with more digits than their type says: readers would show them wrong.
    private static func check(_ bounds: Bounds?, _ type: ParquetSchema.FieldType, _ leaf: Leaf) throws(ParquetError) {
        guard case .decimal(let precision, _) = type, let bounds else { return }
        let limit = ParquetSchema.FieldType.powerOfTen(precision)
        for case .decimal(let value) in [bounds.min, bounds.max] where value.magnitude >= limit.magnitude {
            throw ParquetError(.invalidInput, leaf.name, "found \(value), expected at most \(precision) digits")
        }
    }
}

extension ColumnChunkWriter {
    /// Values that are encoded and compressed with each candidate to see which is shortest.
    private static let trialLength = 8192

    private mutating func choose(_ chunk: EncodableChunk, allowsDelta: Bool, _ output: inout PageWriter) throws -> Choice {
        let count = chunk.values.count
        let length = min(count, Self.trialLength)
        let range = (count - length) / 2..<(count - length) / 2 + length
        var best = (encoding: ValueEncoding.plain, cost: Int.max, encoded: 0, compressed: 0)
        for candidate in chunk.candidates(allowsDelta: allowsDelta) {
            page.removeAll()
            chunk.encode(range, as: candidate, into: &page)
            let encoded = page.count
            let compressed = try output.compressedSize(of: page)
            let cost = try compressed + dictionaryCost(chunk, candidate, share: (length, count), &output)
            // A plainer encoding is kept unless the other is shorter by a fiftieth.
            if best.cost == .max || cost < best.cost - best.cost / 50 { best = (candidate, cost, encoded, compressed) }
        }
        // Random bytes only grow, and cost time to write and to read.
        let isIncompressible = best.encoded >= 4096 && best.compressed > best.encoded - best.encoded / 64
        if case .dictionary = best.encoding { return Choice(encoding: best.encoding, codec: output.codec) }
        return Choice(encoding: best.encoding, codec: isIncompressible ? .uncompressed : output.codec)
    }

    /// The trial's share of the dictionary page.
    private mutating func dictionaryCost(
        _ chunk: EncodableChunk, _ encoding: ValueEncoding, share: (values: Int, of: Int), _ output: inout PageWriter
    ) throws -> Int {
        guard case .dictionary = encoding, let entries = chunk.dictionary?.entries, share.of > 0 else { return 0 }
        let length = min(entries.count, Self.trialLength)
        guard length > 0 else { return 0 }
        page.removeAll()
        entries.encodePlain(0..<length, into: &page)
        let whole = Double(try output.compressedSize(of: page)) * Double(entries.count) / Double(length)
        return Int(whole * Double(share.values) / Double(share.of))
    }
}

extension ColumnChunkWriter {
    /// Entries of a page at most: runs would otherwise put millions of rows into one.
    private static let maxPageEntries = 1 << 18

    /// Writes all data pages and returns their number; a chunk without entries gets none.
    private mutating func writePages(
        _ chunk: EncodableChunk, _ encoding: ValueEncoding, _ rows: LeafRows, to metadata: inout ColumnChunkMetadata,
        _ output: inout PageWriter
    ) throws -> Int32 {
        var (entry, value, pages): (Int, Int, Int32) = (0, 0, 0)
        while entry < rows.entryCount {
            let end = pageEnd(chunk, encoding, rows, entry: entry, value: value)
            page.removeAll()
            LevelEncoder.encode(rows.repetitionLevels, entry..<end.entry, max: rows.maxRepetition, into: &page)
            LevelEncoder.encode(rows.definitionLevels, entry..<end.entry, max: rows.maxDefinition, into: &page)
            chunk.encode(value..<end.value, as: encoding, into: &page)
            let kind = PageHeader.Kind.data(
                valueCount: Int32(end.entry - entry), encoding: encoding.code, definitionEncoding: .rle, repetitionEncoding: .rle)
            try output.write(page, kind, to: &metadata)
            (entry, value) = end
            pages += 1
        }
        return pages
    }

    /// Where the page that starts at `entry` ends: at a row's start, near the wanted size, at least one row on.
    private func pageEnd(
        _ chunk: EncodableChunk, _ encoding: ValueEncoding, _ rows: LeafRows, entry: Int, value: Int
    ) -> (entry: Int, value: Int) {
        let isWhole = rows.definitionLevels == nil && rows.repetitionLevels == nil
        var bitsPerValue: Int?
        if case .dictionary(let width) = encoding { bitsPerValue = width }
        else if case .bits = chunk.values { bitsPerValue = 1 }
        else if let width = chunk.values.fixedWidth { bitsPerValue = width * 8 }
        let pageBits = max(options.pageSize, 1) * 8
        if let bitsPerValue, isWhole {
            let end = min(rows.entryCount, entry + min(max(pageBits / bitsPerValue, 1), Self.maxPageEntries))
            return (end, value + end - entry)
        }
        guard case .slices(let slices, nil) = chunk.values, bitsPerValue == nil else {
            return Self.walk(rows, entry: entry, value: value, pageBits: pageBits) { _ in bitsPerValue ?? 0 }
        }
        return slices.withUnsafe { slices in
            Self.walk(rows, entry: entry, value: value, pageBits: pageBits) { (slices.length($0) + 4) * 8 }
        }
    }

    @inline(__always)
    private static func walk(
        _ rows: LeafRows, entry: Int, value: Int, pageBits: Int, bits: (Int) -> Int
    ) -> (entry: Int, value: Int) {
        var (end, next, size) = (entry, value, 0)
        let limit = min(rows.entryCount, entry + maxPageEntries)
        let present = UInt8(rows.maxDefinition)
        while end < rows.entryCount {
            let startsRow = rows.repetitionLevels.map { $0[end] == 0 } ?? true
            if startsRow && end > entry && (size >= pageBits || end >= limit) { break }
            if rows.definitionLevels.map({ $0[end] == present }) ?? true {
                size += bits(next)
                next += 1
            }
            end += 1
        }
        return (end, next)
    }
}

/// Levels of a v1 data page: their length in four bytes, then the RLE hybrid.
struct LevelEncoder {
    /// `levels` nil means that all are `max`; nothing is written when `max` is 0.
    static func encode(_ levels: [UInt8]?, _ range: Range<Int>, max: Int, into page: inout PageBuffer) {
        guard max > 0 else { return }
        let start = page.count
        page.append([0, 0, 0, 0])
        let width = BitPacking.width(UInt64(max))
        if let levels {
            levels.withUnsafeBufferPointer { levels in
                guard let first = levels.baseAddress else { return }
                HybridRLE.encode(first + range.lowerBound, count: range.count, width: width, into: &page)
            }
        } else if !range.isEmpty {
            HybridRLE.encodeRun(of: UInt8(max), count: range.count, width: width, into: &page)
        }
        page.patch(at: start, littleEndian: UInt32(page.count - start - 4))
    }
}
