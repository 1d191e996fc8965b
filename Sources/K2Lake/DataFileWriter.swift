import K2Bytes
import K2Iceberg
import K2JSON
import K2ObjectStore
import K2Parquet

/// Writes rows as one Parquet object and describes it as Iceberg wants a data file described.
struct DataFileWriter {
    let store: any ObjectStore
    let schema: LakeSchema
    /// Rows of a row group: about 128 MB before encoding.
    static let rowsPerGroup = 1_000_000

    /// Writes the rows in the given order to `location`.
    func write(
        _ columns: [Column], rows: ArraySlice<UInt32>, partition: [Datum?], to location: String
    ) throws -> DataFile {
        try write(partition: partition, to: location) { writer in
            var start = rows.startIndex
            while start < rows.endIndex {
                let end = min(start + Self.rowsPerGroup, rows.endIndex)
                try writer.writeRowGroup(columns, selecting: .rows(rows[start..<end]))
                start = end
            }
        }
    }

    /// Writes what is kept of the row groups of another file.
    func write(_ groups: [GoldRevision.RowGroup], partition: [Datum?], to location: String) throws -> DataFile {
        try write(partition: partition, to: location) { writer in
            for group in groups { try writer.writeRowGroup(group.columns(), selecting: .rows(group.kept[...])) }
        }
    }

    private func write(
        partition: [Datum?], to location: String, _ body: (inout ParquetWriter) throws -> Void
    ) throws -> DataFile {
        let object = try store.openWriter(location)
        do {
            var options = WriterOptions()
            options.keyValues = [KeyValue("iceberg.schema", schema.schema.json.text)]
            var writer = try ParquetWriter(schema: schema.parquet, options: options) { try object.write($0) }
            try body(&writer)
            let summary = try writer.finish()
            try object.close()
            return describe(summary, partition: partition, location: location)
        } catch {
            object.abort()
            throw error
        }
    }

    private func describe(_ summary: FileSummary, partition: [Datum?], location: String) -> DataFile {
        var file = DataFile(
            path: location, specID: schema.spec.specID, partition: partition, recordCount: summary.rowCount,
            fileSize: summary.fileSize, splitOffsets: summary.splitOffsets, sortOrderID: schema.sortOrder.orderID)
        for column in summary.columns {
            guard let id = column.leaf.fieldID.map(Int.init) else { continue }
            file.columnSizes[id] = column.compressedSize
            file.valueCounts[id] = column.valueCount
            file.nullValueCounts[id] = column.nullCount
            // Bounds of list and map contents prune nothing.
            guard let type = schema.schema.fields.first(where: { $0.id == id })?.type, case .primitive(let primitive) = type,
                let bounds = column.bounds
            else { continue }
            if let lower = Self.datum(bounds.min, primitive) { file.lowerBounds[id] = K2Iceberg.Bounds.lower(lower) }
            // A bound that Parquet had to cut is above every value already.
            if let upper = Self.datum(bounds.max, primitive) { file.upperBounds[id] = K2Iceberg.Bounds.upper(upper) }
        }
        return file
    }

    private static func datum(_ value: BoundValue, _ type: PrimitiveType) -> Datum? {
        switch (value, type) {
        case (.bool(let value), .boolean): .boolean(value)
        case (.int32(let value), .int): .int(value)
        case (.int32(let value), .date): .date(value)
        case (.int64(let value), .long): .long(value)
        case (.int64(let value), .timestamp), (.int64(let value), .timestamptz): .timestamp(value)
        case (.decimal(let value), .decimal): .decimal(value)
        case (.uuid(let value), .uuid): .uuid(withUnsafeBytes(of: value.bigEndian) { Array($0) })
        case (.bytes(let bytes), .string): String(validating: bytes, as: UTF8.self).map { .string($0) }
        default: nil
        }
    }
}
