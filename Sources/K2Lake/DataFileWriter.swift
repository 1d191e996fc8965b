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
            for group in groups where !group.kept.isEmpty { try writer.writeRowGroup(try group.columns(), selecting: .rows(group.kept[...])) }
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
            return DataFile(
                summary, at: location, schema: schema.schema, specID: schema.spec.specID, partition: partition, sortOrderID: schema.sortOrder.orderID)
        } catch {
            object.abort()
            throw error
        }
    }
}
