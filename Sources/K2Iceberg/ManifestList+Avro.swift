import K2Avro

/// Manifest lists as files.
public enum ManifestList {
    /// The bytes of the list of a snapshot.
    static func write(
        _ manifests: [ManifestFile], snapshot: Int64, parent: Int64?, sequenceNumber: Int64, location: String, codec: AvroCodec, syncMarker: [UInt8]
    ) throws(IcebergError) -> [UInt8] {
        let metadata: [(key: String, value: [UInt8])] = [
            ("snapshot-id", Array(String(snapshot).utf8)),
            ("parent-snapshot-id", Array((parent.map { String($0) } ?? "null").utf8)),
            ("sequence-number", Array(String(sequenceNumber).utf8)),
            ("format-version", Array("2".utf8)),
        ]
        var values: [AvroValue] = []
        for manifest in manifests { values.append(try avro(manifest)) }
        do throws(AvroError) {
            var file = try AvroFileWriter(schema: ManifestSchema.listEntry, metadata: metadata, codec: codec, syncMarker: syncMarker)
            for value in values { try file.append(value) }
            return try file.finish()
        } catch { throw IcebergError(error, reading: location) }
    }

    private static func avro(_ manifest: ManifestFile) throws(IcebergError) -> AvroValue {
        guard let addedFiles = manifest.addedFiles, let existingFiles = manifest.existingFiles, let deletedFiles = manifest.deletedFiles,
            let addedRows = manifest.addedRows, let existingRows = manifest.existingRows, let deletedRows = manifest.deletedRows
        else {
            // Zero would make readers skip the manifest.
            throw IcebergError(.unsupported, "\(manifest.path): its manifest list of format version 1 has no counts")
        }
        return .record([
            .string(manifest.path), .long(manifest.length), .long(Int64(manifest.specID)), .long(Int64(manifest.content.rawValue)),
            .long(manifest.sequenceNumber), .long(manifest.minSequenceNumber), .long(manifest.addedSnapshotID),
            .long(Int64(addedFiles)), .long(Int64(existingFiles)), .long(Int64(deletedFiles)), .long(addedRows), .long(existingRows),
            .long(deletedRows), manifest.partitions.map { .array($0.map(avro)) } ?? .null, manifest.keyMetadata.map { .bytes($0) } ?? .null,
        ])
    }

    private static func avro(_ summary: PartitionFieldSummary) -> AvroValue {
        .record([
            .boolean(summary.containsNull), summary.containsNaN.map { .boolean($0) } ?? .null, summary.lowerBound.map { .bytes($0) } ?? .null,
            summary.upperBound.map { .bytes($0) } ?? .null,
        ])
    }

    /// Reads a list of format version 1 or 2, whoever wrote it.
    public static func read(_ bytes: [UInt8], location: String) throws(IcebergError) -> [ManifestFile] {
        let file: AvroFile
        do throws(AvroError) { file = try AvroFile(reading: bytes) } catch { throw IcebergError(error, reading: location) }
        do throws(IcebergError) {
            let layout = try AvroRecord.Layout(file.schema, "manifest list")
            let summary = try summaryLayout(layout)
            var result: [ManifestFile] = []
            for value in file.values { result.append(try manifest(try AvroRecord(value, layout, "manifest list"), summary)) }
            return result
        } catch { throw error.at(location) }
    }

    private static func summaryLayout(_ layout: AvroRecord.Layout) throws(IcebergError) -> AvroRecord.Layout? {
        guard let schema = layout.schemas[507] else { return nil }
        guard let items = schema.items else { throw IcebergError(.malformed, "manifest list: field 507: expected an array schema") }
        return try AvroRecord.Layout(items, "manifest list: partitions")
    }

    private static func manifest(_ record: AvroRecord, _ summary: AvroRecord.Layout?) throws(IcebergError) -> ManifestFile {
        guard let content = ManifestContent(rawValue: try record.optionalInt(517) ?? 0) else {
            throw IcebergError(.malformed, "manifest list: unknown content \(try record.int(517))")
        }
        var partitions: [PartitionFieldSummary]?
        if let summary, record.optional(507) != nil {
            var list: [PartitionFieldSummary] = []
            for item in try record.array(507) { list.append(try self.summary(try AvroRecord(item, summary, "manifest list: partitions"))) }
            partitions = list
        }
        return ManifestFile(
            path: try record.string(500), length: try record.count(501), specID: try record.int(502), content: content,
            sequenceNumber: try record.optionalLong(515) ?? 0, minSequenceNumber: try record.optionalLong(516) ?? 0,
            addedSnapshotID: try record.long(503), addedFiles: try record.optionalInt(504), existingFiles: try record.optionalInt(505),
            deletedFiles: try record.optionalInt(506), addedRows: try record.optionalLong(512), existingRows: try record.optionalLong(513),
            deletedRows: try record.optionalLong(514), partitions: partitions, keyMetadata: try record.optionalBytes(519))
    }

    private static func summary(_ record: AvroRecord) throws(IcebergError) -> PartitionFieldSummary {
        guard let containsNull = record.optional(509)?.boolValue else { throw IcebergError(.malformed, "manifest list: field 509: expected a boolean") }
        return PartitionFieldSummary(
            containsNull: containsNull, containsNaN: record.optional(518)?.boolValue, lowerBound: try record.optionalBytes(510),
            upperBound: try record.optionalBytes(511))
    }
}
