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
    fileprivate var isUnbounded = false
}

/// Writes a Parquet file in one go: the caller gives row groups as columns and gets bytes back through the sink.
///
/// Nothing is kept but the footer and one page. After an error the file is incomplete, and the
/// writer must not be used again.
public struct ParquetWriter: ~Copyable {
    private static let magic: StaticString = "PAR1"

    public let schema: ParquetSchema
    private let options: WriterOptions
    private let elements: [SchemaElement]
    private var output: PageWriter
    private var chunks: ColumnChunkWriter
    private var rowGroups: [RowGroupMetadata] = []
    private var columns: [ColumnSummary]
    private var rowCount: Int64 = 0

    /// Checks the schema and writes the first four bytes.
    public init(schema: ParquetSchema, options: WriterOptions = WriterOptions(), sink: @escaping ByteSink) throws {
        let elements = try schema.elements()
        let leaves = try SchemaTree(elements).leaves
        var magic = ByteWriter(capacity: 16)
        magic.append(Self.magic)
        var output = try PageWriter(options.compression, sink: sink)
        try output.write(magic.bytes)
        self.schema = schema
        self.options = options
        self.elements = elements
        self.output = output
        chunks = ColumnChunkWriter(options)
        columns = leaves.map { ColumnSummary(leaf: $0) }
    }

    /// Bytes written so far; what the footer will add is not in it.
    public var position: Int64 { output.position }

    /// Writes the selected rows of a batch as one row group; a selection of no rows writes nothing.
    ///
    /// - Throws: when the columns do not fit the schema or each other, and whatever the sink throws.
    public mutating func writeRowGroup(_ batch: [Column], selecting selection: RowSelection = .all) throws {
        guard batch.count == schema.fields.count else {
            throw ParquetError(.invalidInput, "batch", "found \(batch.count) columns, expected \(schema.fields.count)")
        }
        let total = batch.first?.values.count ?? 0
        for (field, column) in zip(schema.fields, batch) { try column.check(field, rowCount: total) }
        let rows = try SelectedRows(selection, of: total)
        if rows.count == 0 { return }
        var group = RowGroupMetadata(
            columns: [], totalByteSize: 0, rowCount: Int64(rows.count), fileOffset: output.position,
            ordinal: Int16(exactly: rowGroups.count))
        for (field, column) in zip(schema.fields, batch) { try write(field, column, rows, to: &group) }
        group.totalByteSize = group.columns.reduce(0) { $0 + $1.totalUncompressedSize }
        group.totalCompressedSize = group.columns.reduce(0) { $0 + $1.totalCompressedSize }
        rowGroups.append(group)
        rowCount += group.rowCount
    }

    private mutating func write(
        _ field: ParquetSchema.Field, _ column: Column, _ rows: SelectedRows, to group: inout RowGroupMetadata
    ) throws {
        switch (field.type, column.values) {
        case (.list(let element), .list(let offsets, let elements)):
            try writeRepeated(field, element, elements, offsets, column.validity, rows, to: &group)
        case (.map(let key, let value), .map(let offsets, let keys, let values)):
            try writeRepeated(field, key, keys, offsets, column.validity, rows, to: &group)
            try writeRepeated(field, value, values, offsets, column.validity, rows, to: &group)
        default:
            let leaf = try LeafRows.flat(column.validity, isRequired: field.isRequired, rows: rows, place: field.name)
            try writeLeaf(column.values, field.type, leaf, to: &group)
        }
    }

    private mutating func writeRepeated(
        _ field: ParquetSchema.Field, _ element: ParquetSchema.Field, _ column: Column, _ offsets: [UInt32], _ validity: [Bool]?,
        _ rows: SelectedRows, to group: inout RowGroupMetadata
    ) throws {
        let leaf = try LeafRows.repeated(
            offsets: offsets, validity: validity, isRequired: field.isRequired, elementValidity: column.validity,
            isElementRequired: element.isRequired, rows: rows, place: field.name)
        try writeLeaf(column.values, element.type, leaf, to: &group)
    }

    private mutating func writeLeaf(
        _ values: ColumnValues, _ type: ParquetSchema.FieldType, _ rows: LeafRows, to group: inout RowGroupMetadata
    ) throws {
        let index = group.columns.count
        let leaf = columns[index].leaf
        let physical = try values.physical(type, at: rows.positions, place: leaf.name)
        var isInterned = false
        if case .dictionary = values { isInterned = true }
        let result = try chunks.write(physical, isInterned: isInterned, rows: rows, leaf: leaf, type: type, to: &output)
        columns[index].add(result, nullCount: rows.nullCount)
        group.columns.append(result.chunk)
    }

    /// Writes the footer. The file is complete when this returns.
    public consuming func finish() throws -> FileSummary {
        let metadata = FileMetadata(
            schema: elements, rowCount: rowCount, rowGroups: rowGroups, keyValues: options.keyValues,
            createdBy: options.createdBy)
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

extension ColumnSummary {
    fileprivate init(leaf: Leaf) { self.init(leaf: leaf, bounds: nil) }

    fileprivate mutating func add(_ result: ColumnChunkWriter.Result, nullCount nulls: Int) {
        compressedSize += result.chunk.totalCompressedSize
        valueCount += result.chunk.valueCount
        nullCount += Int64(nulls)
        nanCount += Int64(result.nanCount)
        let hasValues = result.chunk.valueCount > Int64(nulls + result.nanCount)
        if let other = result.bounds { bounds = bounds?.union(other) ?? other } else if hasValues { isUnbounded = true }
        if isUnbounded { bounds = nil }
    }
}
