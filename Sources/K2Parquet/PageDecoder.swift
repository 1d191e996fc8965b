import K2Bytes
import K2Compression

/// Decodes the pages of one column chunk, one after the other.
struct PageDecoder: ~Copyable {
    private let leaf: Leaf
    private let limits: ReaderLimits
    private let keepsCodes: Bool
    private var dictionary: LeafDictionary?
    private var decompressor: PageDecompressor
    /// Entries of the footer that have not come yet.
    private(set) var entriesLeft: Int
    /// Bytes of the dictionary in memory.
    var dictionaryBytes: Int { dictionary?.values.byteCount ?? 0 }

    init(_ chunk: ColumnChunkMetadata, _ leaf: Leaf, _ limits: ReaderLimits, _ reading: DictionaryReading) throws {
        guard chunk.valueCount <= Int64(limits.chunkValues) else {
            throw ParquetError(.tooLarge, "", "\(chunk.valueCount) values, expected at most \(limits.chunkValues)")
        }
        decompressor = try PageDecompressor(chunk.codec, limit: limits.pageBytes)
        self.leaf = leaf
        self.limits = limits
        keepsCodes = reading == .kept
        entriesLeft = Int(chunk.valueCount)
    }

    /// Takes a page in: a dictionary is kept, data are appended to `column`.
    mutating func read(_ header: PageHeader, _ body: UnsafeRawBufferPointer, into column: inout LeafColumn) throws {
        if let checksum = header.checksum, CRC32.checksum(body) != UInt32(bitPattern: checksum) {
            throw ParquetError(.malformed, "", "the checksum of the page does not fit its bytes")
        }
        switch header.kind {
        case .index: break
        case .dictionary(let count, let encoding):
            guard dictionary == nil else { throw ParquetError(.malformed, "", "a second dictionary page") }
            guard encoding == .plain || encoding == .plainDictionary else {
                throw ParquetError(.unsupported, "", "dictionary page in encoding \(encoding)")
            }
            let page = try decompressor.decompress(body, count: Int(header.uncompressedSize))
            var entries = LeafValues(leaf.type, width: leaf.typeLength)
            try checkBudget(entries, Int(count))
            try entries.appendPlain(page.bindMemory(to: UInt8.self).span, count: Int(count))
            dictionary = LeafDictionary(entries)
        case .data(let count, let encoding, let definition, let repetition):
            let page = try decompressor.decompress(body, count: Int(header.uncompressedSize))
            try readData(page.bindMemory(to: UInt8.self).span, try takeEntries(count), encoding, definition, repetition, into: &column)
        case .dataV2(let page):
            try readDataV2(header, page, body, into: &column)
        }
    }

    private mutating func takeEntries(_ count: Int32) throws(ParquetError) -> Int {
        guard Int(count) <= entriesLeft else { throw ParquetError(.malformed, "", "found \(count) values, expected at most \(entriesLeft)") }
        entriesLeft -= Int(count)
        return Int(count)
    }

    private func checkBudget(_ values: LeafValues, _ count: Int) throws(ParquetError) {
        guard count <= max(limits.chunkBytes - values.byteCount, 0) / values.stride else { throw LeafValues.tooLarge(limits.chunkBytes) }
    }
}

extension PageDecoder {
    private func readData(
        _ page: Span<UInt8>, _ count: Int, _ encoding: Encoding, _ definition: Encoding, _ repetition: Encoding, into column: inout LeafColumn
    ) throws {
        var cursor = ByteCursor(page)
        var valueCount = count
        if leaf.maxRepetition > 0 {
            try readLevels(&cursor, count, leaf.maxRepetition, repetition, into: &column.repetitionLevels)
        }
        if leaf.maxDefinition > 0 {
            valueCount = try readLevels(&cursor, count, leaf.maxDefinition, definition, into: &column.definitionLevels)
        }
        column.entryCount += count
        try appendValues(page.extracting(cursor.offset...), valueCount, encoding, to: &column.values)
    }

    /// Levels of a v1 page: with their length before them, or in the older packing without.
    @discardableResult
    private func readLevels(_ cursor: inout ByteCursor, _ count: Int, _ max: Int, _ encoding: Encoding, into levels: inout [UInt8]) throws -> Int {
        switch encoding {
        case .rle:
            let length = Int(try cursor.readLittleEndian(UInt32.self))
            return try Levels.append(try cursor.read(length), count, max: max, to: &levels)
        case .bitPacked:
            let length = (count * BitPacking.width(UInt64(max)) + 7) / 8
            return try Levels.appendPacked(try cursor.read(length), count, max: max, to: &levels)
        default: throw ParquetError(.unsupported, "", "levels in encoding \(encoding)")
        }
    }

    private mutating func readDataV2(
        _ header: PageHeader, _ page: PageHeader.DataPageV2, _ body: UnsafeRawBufferPointer, into column: inout LeafColumn
    ) throws {
        let count = try takeEntries(page.valueCount)
        let (repetition, definition) = (Int(page.repetitionLevelsLength), Int(page.definitionLevelsLength))
        guard repetition + definition <= min(body.count, Int(header.uncompressedSize)) else {
            throw ParquetError(.malformed, "", "page of \(body.count) bytes is shorter than its levels")
        }
        var valueCount = count
        let levels = UnsafeRawBufferPointer(rebasing: body[..<(repetition + definition)]).bindMemory(to: UInt8.self).span
        if leaf.maxRepetition > 0 {
            _ = try Levels.append(levels.extracting(..<repetition), count, max: leaf.maxRepetition, to: &column.repetitionLevels)
        }
        if leaf.maxDefinition > 0 {
            valueCount = try Levels.append(levels.extracting(repetition...), count, max: leaf.maxDefinition, to: &column.definitionLevels)
        }
        // What counts as a null inside lists is not the same for all writers.
        guard leaf.maxRepetition > 0 || count - valueCount == Int(page.nullCount) else {
            throw ParquetError(.malformed, "", "found \(count - valueCount) nulls, expected \(page.nullCount)")
        }
        let values = try decompressor.decompress(
            UnsafeRawBufferPointer(rebasing: body[(repetition + definition)...]),
            count: Int(header.uncompressedSize) - repetition - definition, isCompressed: page.isCompressed)
        column.entryCount += count
        try appendValues(values.bindMemory(to: UInt8.self).span, valueCount, page.encoding, to: &column.values)
    }
}

extension PageDecoder {
    private func appendValues(_ bytes: Span<UInt8>, _ count: Int, _ encoding: Encoding, to values: inout LeafValues) throws {
        if count == 0 { return }
        if encoding == .plainDictionary || encoding == .rleDictionary { return try appendCodes(bytes, count, to: &values) }
        if case .coded = values { values = try values.decoded(limit: limits.chunkBytes) }
        try checkBudget(values, count)
        switch encoding {
        case .plain: try values.appendPlain(bytes, count: count)
        case .rle: try values.appendRLE(bytes, count: count)
        case .deltaBinaryPacked, .deltaLengthByteArray, .deltaByteArray:
            try values.appendDelta(bytes, count: count, encoding, budget: limits.chunkBytes)
        case .byteStreamSplit: try values.appendStreams(bytes, count: count)
        case .bitPacked, .plainDictionary, .rleDictionary: throw ParquetError(.unsupported, "", "values in encoding \(encoding)")
        }
        guard values.byteCount <= limits.chunkBytes else { throw LeafValues.tooLarge(limits.chunkBytes) }
    }

    private func appendCodes(_ bytes: Span<UInt8>, _ count: Int, to values: inout LeafValues) throws {
        guard let dictionary else { throw ParquetError(.malformed, "", "codes without a dictionary page") }
        guard !bytes.isEmpty else { throw ParquetError(.malformed, "", "codes without their width") }
        let width = Int(bytes[0])
        let packed = bytes.extracting(1...)
        if keepsCodes, values.count == 0 { values = .coded([], of: dictionary) }
        if values.dictionary != nil {
            try checkBudget(values, count)
            try values.withCodes { codes in
                let start = codes.count
                try packed.withUnsafeBytes { source throws(ByteError) in try HybridRLE.append(source, width: width, count: count, to: &codes) }
                try LeafValues.check(codes, from: start, dictionary.count)
            }
        } else {
            var codes: [UInt32] = []
            try packed.withUnsafeBytes { source throws(ByteError) in try HybridRLE.append(source, width: width, count: count, to: &codes) }
            try values.append(codes, of: dictionary.values, budget: limits.chunkBytes)
        }
    }
}

/// Levels in the RLE hybrid or the older packing.
enum Levels {
    /// Appends `count` levels and returns how many are the highest.
    static func append(_ bytes: Span<UInt8>, _ count: Int, max: Int, to levels: inout [UInt8]) throws -> Int {
        let width = BitPacking.width(UInt64(max))
        try bytes.withUnsafeBytes { source throws(ByteError) in try HybridRLE.append(source, width: width, count: count, to: &levels) }
        return try highest(levels, count, max: max)
    }

    /// The same for BIT_PACKED levels; `bytes` must hold exactly the levels.
    static func appendPacked(_ bytes: Span<UInt8>, _ count: Int, max: Int, to levels: inout [UInt8]) throws -> Int {
        let width = BitPacking.width(UInt64(max))
        bytes.withUnsafeBytes { source in
            levels.append(uninitialized: count) { BitPacking.unpackFromTop(source, width: width, count: count, to: $0) }
        }
        return try highest(levels, count, max: max)
    }

    /// How many of the last `count` levels are `max`; none may be above it.
    private static func highest(_ levels: [UInt8], _ count: Int, max: Int) throws(ParquetError) -> Int {
        var (found, largest): (Int, UInt8) = (0, 0)
        let top = UInt8(max)
        levels.withUnsafeBufferPointer { levels in
            for index in levels.count - count..<levels.count {
                largest = Swift.max(largest, levels[index])
                if levels[index] == top { found &+= 1 }
            }
        }
        guard largest <= top else { throw ParquetError(.malformed, "", "found level \(largest), expected at most \(max)") }
        return found
    }
}
