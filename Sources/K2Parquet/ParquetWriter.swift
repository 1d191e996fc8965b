import K2Bytes

/// Writes a Parquet file in one go: the caller gives row groups as columns and gets bytes back through the sink.
///
/// Nothing is kept but the footer and one page. After an error the file is incomplete, and the
/// writer must not be used again.
public struct ParquetWriter: ~Copyable {
    public let schema: ParquetSchema
    private let options: WriterOptions
    private var output: PageWriter
    private var chunks: ColumnChunkWriter
    private var footer: FileFooter

    /// Checks the schema and writes the first four bytes.
    public init(schema: ParquetSchema, options: WriterOptions = WriterOptions(), sink: @escaping ByteSink) throws {
        let footer = try FileFooter(try schema.elements())
        var magic = ByteWriter(capacity: 16)
        magic.append(FileFooter.magic)
        var output = try PageWriter(options.compression, sink: sink)
        try output.write(magic.bytes)
        self.schema = schema
        self.options = options
        self.footer = footer
        self.output = output
        chunks = ColumnChunkWriter(options)
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
        let offset = output.position
        var group: [ChunkDescription] = []
        for (field, column) in zip(schema.fields, batch) { try write(field, column, rows, to: &group) }
        footer.add(group, rowCount: rows.count, offset: offset)
    }

    private mutating func write(
        _ field: ParquetSchema.Field, _ column: Column, _ rows: SelectedRows, to group: inout [ChunkDescription]
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
        _ rows: SelectedRows, to group: inout [ChunkDescription]
    ) throws {
        let leaf = try LeafRows.repeated(
            offsets: offsets, validity: validity, isRequired: field.isRequired, elementValidity: column.validity,
            isElementRequired: element.isRequired, rows: rows, place: field.name)
        try writeLeaf(column.values, element.type, leaf, to: &group)
    }

    private mutating func writeLeaf(
        _ values: ColumnValues, _ type: ParquetSchema.FieldType, _ rows: LeafRows, to group: inout [ChunkDescription]
    ) throws {
        let leaf = footer.columns[group.count].leaf
        let physical = try values.physical(type, at: rows.positions, place: leaf.name)
        var isInterned = false
        if case .dictionary = values { isInterned = true }
        let result = try chunks.write(EncodableChunk(physical, isInterned: isInterned), rows: rows, leaf: leaf, type: type, to: &output)
        group.append(ChunkDescription(metadata: result.chunk, bounds: result.bounds, nullCount: rows.nullCount, nanCount: result.nanCount))
    }

    /// Writes the footer. The file is complete when this returns.
    public consuming func finish() throws -> FileSummary { try footer.write(options, to: &output) }
}
