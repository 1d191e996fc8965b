import K2Avro
import K2JSON

/// Makes one manifest of format version 2 and the line that a manifest list needs for it.
struct ManifestWriter: ~Copyable {
    private var file: AvroFileWriter
    private let spec: PartitionSpec
    private let types: [PrimitiveType]
    private let content: ManifestContent
    private let location: String
    private let snapshotID: Int64
    private let sequenceNumber: Int64
    private var counts = [0, 0, 0]
    private var rows: [Int64] = [0, 0, 0]
    private var minSequenceNumber: Int64?
    private var summaries: [SummaryBuilder]

    /// - Parameters:
    ///   - schema: written into the header as it stands in the table metadata; readers compare the two.
    ///   - sequenceNumber: that of the snapshot, which added entries inherit.
    init(
        location: String, schema: Schema, spec: PartitionSpec, content: ManifestContent = .data, snapshotID: Int64, sequenceNumber: Int64,
        codec: AvroCodec, syncMarker: [UInt8]
    ) throws(IcebergError) {
        let file = try Self.open(location, schema, spec, content, codec, syncMarker)
        self.types = try Self.types(spec, schema)
        self.file = file
        self.location = location
        self.spec = spec
        self.content = content
        self.snapshotID = snapshotID
        self.sequenceNumber = sequenceNumber
        summaries = spec.fields.map { _ in SummaryBuilder() }
    }

    private static func types(_ spec: PartitionSpec, _ schema: Schema) throws(IcebergError) -> [PrimitiveType] {
        var types: [PrimitiveType] = []
        for (field, type) in zip(spec.fields, spec.resultTypes(schema)) {
            guard let type else {
                throw IcebergError(.unsupported, "partition spec \(spec.specID): field \"\(field.name)\" (\(field.transform)) cannot be written")
            }
            types.append(type)
        }
        return types
    }

    private static func open(
        _ location: String, _ schema: Schema, _ spec: PartitionSpec, _ content: ManifestContent, _ codec: AvroCodec, _ syncMarker: [UInt8]
    ) throws(IcebergError) -> AvroFileWriter {
        let metadata: [(key: String, value: [UInt8])] = [
            ("schema", schema.json.bytes),
            ("schema-id", Array(String(schema.schemaID).utf8)),
            ("partition-spec", spec.fieldsJSON.bytes),
            ("partition-spec-id", Array(String(spec.specID).utf8)),
            ("format-version", Array("2".utf8)),
            ("content", Array((content == .data ? "data" : "deletes").utf8)),
        ]
        let types = try types(spec, schema)
        let avro = ManifestSchema.entry(partition: ManifestSchema.partition(spec, types: types), content: content)
        do throws(AvroError) {
            return try AvroFileWriter(schema: avro, metadata: metadata, codec: codec, syncMarker: syncMarker)
        } catch { throw IcebergError(error, reading: location) }
    }

    var estimatedLength: Int { file.estimatedCount }
    var isEmpty: Bool { counts == [0, 0, 0] }

    mutating func append(_ entry: ManifestEntry) throws(IcebergError) {
        let value = try avro(entry)
        do throws(AvroError) { try file.append(value) } catch { throw IcebergError(error, reading: location) }
        counts[entry.status.rawValue] += 1
        rows[entry.status.rawValue] = Count.adding(rows[entry.status.rawValue], entry.file.recordCount)
        if entry.isLive, let number = entry.sequenceNumber { minSequenceNumber = min(minSequenceNumber ?? number, number) }
        for (place, value) in entry.file.partition.enumerated() { summaries[place].add(value) }
    }

    /// The file's bytes and its line in the manifest list.
    consuming func finish() throws(IcebergError) -> (bytes: [UInt8], manifest: ManifestFile) {
        let place = location
        var manifest = ManifestFile(
            path: place, length: 0, specID: spec.specID, content: content, sequenceNumber: sequenceNumber,
            minSequenceNumber: min(minSequenceNumber ?? sequenceNumber, sequenceNumber), addedSnapshotID: snapshotID, addedFiles: counts[1],
            existingFiles: counts[0], deletedFiles: counts[2], addedRows: rows[1], existingRows: rows[0], deletedRows: rows[2],
            partitions: summaries.map(\.summary))
        do throws(AvroError) {
            let bytes = try file.finish()
            manifest.length = Int64(bytes.count)
            return (bytes, manifest)
        } catch { throw IcebergError(error, reading: place) }
    }

    private func avro(_ entry: ManifestEntry) throws(IcebergError) -> AvroValue {
        guard entry.status == .added || (entry.snapshotID != nil && entry.sequenceNumber != nil && entry.fileSequenceNumber != nil) else {
            throw IcebergError(.invalid, "\(entry.file.path): existing or deleted entry without snapshot id and sequence numbers")
        }
        return .record([
            .long(Int64(entry.status.rawValue)), Self.optional(entry.snapshotID), Self.optional(entry.sequenceNumber),
            Self.optional(entry.fileSequenceNumber), try avro(entry.file),
        ])
    }

    private static func optional(_ value: Int64?) -> AvroValue { value.map { .long($0) } ?? .null }

    private static func map<T>(_ values: [Int: T], _ make: (T) -> AvroValue) -> AvroValue {
        if values.isEmpty { return .null }
        return .array(values.sorted { $0.key < $1.key }.map { .record([.long(Int64($0.key)), make($0.value)]) })
    }

    private func avro(_ data: DataFile) throws(IcebergError) -> AvroValue {
        guard data.specID == spec.specID, data.partition.count == spec.fields.count else {
            throw IcebergError(
                .invalid, "\(data.path): partition of spec \(data.specID) with \(data.partition.count) values in a manifest of spec \(spec.specID)")
        }
        var tuple: [AvroValue] = []
        for (place, value) in data.partition.enumerated() {
            guard let value else {
                tuple.append(.null)
                continue
            }
            guard let avro = value.avro(types[place]) else {
                throw IcebergError(.invalid, "\(data.path): partition \"\(spec.fields[place].name)\": \(value) is no \(types[place])")
            }
            tuple.append(avro)
        }
        let own: [AvroValue] = content == .deletes ? [data.referencedDataFile.map { .string($0) } ?? .null] : []
        return .record([
            .long(Int64(data.content.rawValue)), .string(data.path), .string(data.format), .record(tuple), .long(data.recordCount),
            .long(data.fileSize), Self.map(data.columnSizes) { .long($0) }, Self.map(data.valueCounts) { .long($0) },
            Self.map(data.nullValueCounts) { .long($0) }, Self.map(data.nanValueCounts) { .long($0) },
            Self.map(data.lowerBounds) { .bytes($0) }, Self.map(data.upperBounds) { .bytes($0) },
            data.keyMetadata.map { .bytes($0) } ?? .null,
            data.splitOffsets.isEmpty ? .null : .array(data.splitOffsets.map { .long($0) }),
            data.equalityIDs.isEmpty ? .null : .array(data.equalityIDs.map { .long(Int64($0)) }),
            Self.optional(data.sortOrderID.map { Int64($0) }),
        ] + own)
    }
}

/// Sums of counts that foreign files state: they stop at the largest number instead of trapping.
public enum Count {
    public static func adding(_ a: Int64, _ b: Int64) -> Int64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }
}

/// Folds the partition values of one field.
private struct SummaryBuilder {
    private var containsNull = false
    private var containsNaN = false
    private var lower: Datum?
    private var upper: Datum?

    mutating func add(_ value: Datum?) {
        guard let value else {
            containsNull = true
            return
        }
        if value.isNaN {
            containsNaN = true
            return
        }
        if let bound = lower { if Datum.isBefore(value, bound) == true { lower = value } } else { lower = value }
        if let bound = upper { if Datum.isBefore(bound, value) == true { upper = value } } else { upper = value }
    }

    var summary: PartitionFieldSummary {
        PartitionFieldSummary(
            containsNull: containsNull, containsNaN: containsNaN, lowerBound: lower?.singleValue, upperBound: upper?.singleValue)
    }
}
