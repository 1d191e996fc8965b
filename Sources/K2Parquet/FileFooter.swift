import K2Bytes

/// What was written: the footer, and per column what a table format wants to know of a data file.
public struct FileSummary: Equatable, Sendable {
    public var metadata: FileMetadata
    /// Bytes of the whole file.
    public var fileSize: Int64
    /// Where each row group starts.
    public var splitOffsets: [Int64]
    /// One entry a leaf, in the order of the schema.
    public var columns: [ColumnSummary]

    public var rowCount: Int64 { metadata.rowCount }
}

/// One leaf column over all row groups.
public struct ColumnSummary: Equatable, Sendable {
    public var leaf: Leaf
    /// Bytes of its pages with their headers.
    public var compressedSize: Int64 = 0
    /// Values with nulls counted, and inside lists and maps one for each empty one.
    public var valueCount: Int64 = 0
    public var nullCount: Int64 = 0
    public var nanCount: Int64 = 0
    /// Nil when there is no value, or no bound of the allowed length.
    public var bounds: Bounds?
    /// Set when a row group had values but no bounds: then the file has none.
    private var isUnbounded = false

    fileprivate init(leaf: Leaf) { self.leaf = leaf }

    fileprivate mutating func add(_ chunk: ChunkDescription) {
        compressedSize += chunk.metadata.totalCompressedSize
        valueCount += chunk.metadata.valueCount
        nullCount += Int64(chunk.nullCount)
        nanCount += Int64(chunk.nanCount)
        let hasValues = chunk.metadata.valueCount > Int64(chunk.nullCount + chunk.nanCount)
        if let other = chunk.bounds { bounds = bounds?.union(other) ?? other } else if hasValues { isUnbounded = true }
        if isUnbounded { bounds = nil }
    }
}

/// The row groups of a file so far, and the sums over them.
struct FileFooter {
    static let magic: StaticString = "PAR1"

    let elements: [SchemaElement]
    private(set) var rowGroups: [RowGroupMetadata] = []
    private(set) var columns: [ColumnSummary]
    private(set) var rowCount: Int64 = 0

    init(_ elements: [SchemaElement]) throws(ParquetError) {
        self.elements = elements
        columns = try SchemaTree(elements).leaves.map { ColumnSummary(leaf: $0) }
    }

    var leaves: [Leaf] { columns.map(\.leaf) }

    /// Adds a row group whose chunks lie in the file already, one for each leaf, with their places in the file.
    mutating func add(_ chunks: [ChunkDescription], rowCount rows: Int, offset: Int64) {
        var group = RowGroupMetadata(
            columns: chunks.map(\.metadata), totalByteSize: 0, rowCount: Int64(rows), fileOffset: offset, ordinal: Int16(exactly: rowGroups.count))
        group.totalByteSize = group.columns.reduce(0) { $0 + $1.totalUncompressedSize }
        group.totalCompressedSize = group.columns.reduce(0) { $0 + $1.totalCompressedSize }
        for (index, chunk) in chunks.enumerated() { columns[index].add(chunk) }
        rowGroups.append(group)
        rowCount += group.rowCount
    }

    /// Writes the end of the file.
    func write(_ options: WriterOptions, to output: inout PageWriter) throws -> FileSummary {
        let metadata = FileMetadata(
            schema: elements, rowCount: rowCount, rowGroups: rowGroups, keyValues: options.keyValues, createdBy: options.createdBy)
        var footer = ThriftWriter(capacity: 1 << 14)
        metadata.encode(into: &footer)
        guard let length = UInt32(exactly: footer.output.count), length < UInt32(Int32.max) else {
            throw ParquetError(.tooLarge, "footer", "\(footer.output.count) bytes, expected less than 2 GiB")
        }
        footer.output.appendLittleEndian(length)
        footer.output.append(Self.magic)
        try output.write(footer.output.bytes)
        return FileSummary(
            metadata: metadata, fileSize: output.position, splitOffsets: rowGroups.compactMap(\.fileOffset), columns: columns)
    }
}
