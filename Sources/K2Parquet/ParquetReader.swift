import K2Bytes

/// How much a file may ask for, whatever its length fields say.
public struct ReaderLimits: Sendable {
    /// Longest footer.
    public var footerBytes = 256 << 20
    /// Longest page after decompression.
    public var pageBytes = 1 << 30
    /// Bytes of one column chunk's values after decoding.
    public var chunkBytes = 2 << 30
    /// Values of one column chunk, nulls counted.
    public var chunkValues = 1 << 28

    public init() {}

    /// For bytes that nobody vouches for: some tens of megabytes in all.
    public static var strict: ReaderLimits {
        var limits = ReaderLimits()
        limits.footerBytes = 1 << 22
        limits.pageBytes = 1 << 23
        limits.chunkBytes = 1 << 24
        limits.chunkValues = 1 << 20
        return limits
    }
}

/// Reads a Parquet file through a function that fetches byte ranges.
///
/// The footer is read and checked by `init`. Columns are read one chunk or some pages at a time, in every encoding of
/// the format; uncompressed or in zstd, gzip or Snappy.
public struct ParquetReader {
    /// Gives exactly the bytes of the range, or throws.
    public typealias ByteSource = (Range<Int>) throws -> [UInt8]

    public let metadata: FileMetadata
    public let schema: SchemaTree
    /// Bytes of the whole file.
    public let fileSize: Int
    let limits: ReaderLimits
    let source: ByteSource

    /// A file that is in memory.
    public init(_ bytes: [UInt8], limits: ReaderLimits = ReaderLimits()) throws(ParquetError) {
        do {
            try self.init(fileSize: bytes.count, limits: limits) { Array(bytes[$0]) }
        } catch let error as ParquetError {
            throw error
        } catch {
            throw ParquetError(.malformed, "footer", "\(error)")
        }
    }

    /// - Throws: `ParquetError`, and whatever `source` throws.
    public init(fileSize: Int, limits: ReaderLimits = ReaderLimits(), source: @escaping ByteSource) throws {
        guard fileSize >= 12 else {
            throw ParquetError(.malformed, "file", "found \(fileSize) bytes, expected 12 or more")
        }
        let tail = try Self.fetch(fileSize - 8..<fileSize, source)
        guard tail[4...].elementsEqual("PAR1".utf8) else {
            if tail[4...].elementsEqual("PARE".utf8) { throw ParquetError(.unsupported, "file", "the footer is encrypted") }
            throw ParquetError(.malformed, "file", "does not end with PAR1")
        }
        let length = tail[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= fileSize - 12 else {
            throw ParquetError(.malformed, "footer", "length \(length) in a file of \(fileSize) bytes")
        }
        guard length <= limits.footerBytes else {
            throw ParquetError(.tooLarge, "footer", "\(length) bytes, expected at most \(limits.footerBytes)")
        }
        let footer = try Self.fetch(fileSize - 8 - length..<fileSize - 8, source)
        var reader = ThriftReader(footer.span, place: "footer")
        metadata = try FileMetadata(from: &reader)
        schema = try SchemaTree(metadata.schema)
        self.fileSize = fileSize
        self.limits = limits
        self.source = source
        try checkRowGroups()
    }

    private static func fetch(_ range: Range<Int>, _ source: ByteSource) throws -> [UInt8] {
        let bytes = try source(range)
        guard bytes.count == range.count else {
            throw ParquetError(.malformed, "file", "found \(bytes.count) bytes at \(range.lowerBound), expected \(range.count)")
        }
        return bytes
    }

    /// Each row group has every leaf of the schema, of its type and path.
    private func checkRowGroups() throws(ParquetError) {
        for (number, group) in metadata.rowGroups.enumerated() {
            guard group.columns.count == schema.leaves.count else {
                throw ParquetError(
                    .malformed, "row group \(number)", "found \(group.columns.count) columns, expected \(schema.leaves.count)")
            }
            for (chunk, leaf) in zip(group.columns, schema.leaves) where chunk.path != leaf.path || chunk.type != leaf.type {
                throw ParquetError(
                    .malformed, "row group \(number)",
                    "found column \(chunk.path.joined(separator: ".")) of \(chunk.type), expected \(leaf.name) of \(leaf.type)")
            }
        }
    }

    /// The values of one leaf in one row group, with their levels.
    ///
    /// - Throws: `ParquetError` with row group, column and page, and whatever the source throws.
    public func column(_ leafIndex: Int, rowGroup: Int, dictionaries: DictionaryReading = .decoded) throws -> LeafColumn {
        var pages = try pages(leafIndex, rowGroup: rowGroup, dictionaries: dictionaries, fetchBytes: .max)
        return try pages.rest()
    }

    /// The same in pieces of some pages each: for row groups whose size nobody vouches for.
    ///
    /// - Parameters:
    ///   - fetchBytes: bytes that are asked of the source at once; more where a page is longer.
    ///   - admit: may refuse a page for its size.
    public func pages(
        _ leafIndex: Int, rowGroup: Int, dictionaries: DictionaryReading = .decoded, fetchBytes: Int = 1 << 20, admit: PageAdmission? = nil
    ) throws -> LeafPageStream {
        guard metadata.rowGroups.indices.contains(rowGroup), schema.leaves.indices.contains(leafIndex) else {
            throw ParquetError(.invalidInput, "row group \(rowGroup)", "no column \(leafIndex) there")
        }
        let (group, leaf) = (metadata.rowGroups[rowGroup], schema.leaves[leafIndex])
        let chunk = group.columns[leafIndex]
        let place = "row group \(rowGroup): \(leaf.name)"
        let pages = ChunkPages(try range(of: chunk, place), step: fetchBytes) { [source] in try Self.fetch($0, source) }
        guard let rows = Int(exactly: group.rowCount) else { throw ParquetError(.tooLarge, place, "\(group.rowCount) rows") }
        do {
            return LeafPageStream(leaf, rowGroup: rowGroup, rows: rows, pages, try PageDecoder(chunk, leaf, limits, dictionaries), admit: admit)
        } catch {
            throw ParquetError.located(error, place)
        }
    }

    private func range(of chunk: ColumnChunkMetadata, _ place: String) throws(ParquetError) -> Range<Int> {
        // Of a row group without rows some writers put no pages down, and no offset of any.
        if chunk.valueCount == 0 { return 4..<4 }
        var start = chunk.dataPageOffset
        if let offset = chunk.dictionaryPageOffset, offset > 0 { start = min(start, offset) }
        let (end, overflow) = start.addingReportingOverflow(chunk.totalCompressedSize)
        guard start >= 4, !overflow, end <= Int64(fileSize - 8) else {
            throw ParquetError(.malformed, place, "pages from \(start), \(chunk.totalCompressedSize) bytes, in a file of \(fileSize)")
        }
        return Int(start)..<Int(end)
    }

    /// Reads the footer and every column of every row group in each way there is, and throws the result away: the entry for fuzzing.
    ///
    /// - Throws: the first `ParquetError`, after everything was tried; it never traps.
    public static func readEverything(_ bytes: [UInt8], limits: ReaderLimits = .strict) throws {
        let reader = try ParquetReader(bytes, limits: limits)
        var failure: (any Error)?
        func attempt(_ body: () throws -> Void) { do { try body() } catch { failure = failure ?? error } }
        for group in reader.metadata.rowGroups.indices {
            for leaf in reader.schema.leaves.indices {
                attempt { _ = try reader.column(leaf, rowGroup: group) }
                attempt {
                    var pages = try reader.pages(leaf, rowGroup: group, dictionaries: .kept, fetchBytes: 1 << 12)
                    while try pages.next(rows: 1000).entryCount > 0 {}
                }
            }
            for field in reader.schema.root.children.indices {
                attempt { _ = try reader.field(field, rowGroup: group, dictionaries: group % 2 == 0 ? .decoded : .kept) }
            }
        }
        for leaf in reader.schema.leaves.indices { _ = reader.rowGroups(where: [(leaf, .within(lower: .int64(0), upper: .int64(9)))]) }
        if let failure { throw failure }
    }
}
