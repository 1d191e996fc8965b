import K2Avro
@testable import K2Iceberg
import K2JSON
import Testing

struct ManifestTests {
    static let types: [(PrimitiveType, Datum)] = [
        (.boolean, .boolean(true)), (.int, .int(-5)), (.long, .long(.min)), (.float, .float(1.5)), (.double, .double(-2.5)), (.date, .date(-3)),
        (.time, .time(5)), (.timestamp, .timestamp(-9)), (.timestamptz, .timestamp(10)), (.string, .string("é")), (.uuid, .uuid(Array(0..<16))),
        (.binary, .binary([1, 2])), (.fixed(3), .fixed([7, 8, 9])), (.decimal(precision: 38, scale: 12), .decimal(-12_345_678_901_234_567_890)),
        (.decimal(precision: 9, scale: 2), .decimal(999_999_999)),
    ]

    /// A table partitioned by the identity of a column of every type.
    static func identitySchema() throws -> (Schema, PartitionSpec) {
        let fields = types.enumerated().map { NestedField($0 + 1, "c \($0)", .primitive($1.0), required: false) }
        let spec = PartitionSpec(
            specID: 4, fields: types.indices.map { PartitionField(sourceID: $0 + 1, fieldID: 1000 + $0, name: "p \($0)", transform: .identity) })
        return (try Schema(schemaID: 2, fields: fields), spec)
    }

    private func manifest(_ codec: AvroCodec = .deflate) throws -> (bytes: [UInt8], manifest: ManifestFile, spec: PartitionSpec, entries: [ManifestEntry], schema: Schema) {
        let (schema, spec) = try Self.identitySchema()
        var writer = try ManifestWriter(
            location: "m.avro", schema: schema, spec: spec, snapshotID: 11, sequenceNumber: 7, codec: codec, syncMarker: [UInt8](repeating: 3, count: 16))
        let full = DataFile(
            path: "a.parquet", specID: 4, partition: Self.types.map(\.1), recordCount: 10, fileSize: 100, columnSizes: [1: 5, 2: 6], valueCounts: [1: 10],
            nullValueCounts: [1: 0], nanValueCounts: [4: 1], lowerBounds: [1: [0], 2: []], upperBounds: [1: [1]], keyMetadata: [9], splitOffsets: [4, 900],
            sortOrderID: 1)
        let bare = DataFile(path: "b.parquet", specID: 4, partition: Self.types.map { _ in nil }, recordCount: 0, fileSize: 0)
        let entries = [
            ManifestEntry(status: .added, snapshotID: 11, sequenceNumber: nil, fileSequenceNumber: nil, file: full),
            ManifestEntry(status: .existing, snapshotID: 3, sequenceNumber: 2, fileSequenceNumber: 2, file: bare),
            ManifestEntry(status: .deleted, snapshotID: 11, sequenceNumber: 1, fileSequenceNumber: 1, file: bare),
        ]
        for entry in entries { try writer.append(entry) }
        let (bytes, manifest) = try writer.finish()
        return (bytes, manifest, spec, entries, schema)
    }

    @Test(arguments: [AvroCodec.null, .deflate]) func `entries come back with partitions of every type`(_ codec: AvroCodec) throws {
        let made = try manifest(codec)
        let read = try Manifest(reading: made.bytes, location: "m.avro", spec: made.spec, types: made.spec.resultTypes(made.schema))
        #expect(read.entries == made.entries && read.content == .data && read.specID == 4 && read.schema == made.schema)
        // Without the schema, types come from Avro: only the two kinds of timestamp look alike, and that is one value.
        let blind = try Manifest(reading: made.bytes, location: "m.avro", spec: made.spec, types: [])
        #expect(blind.entries == made.entries)
    }

    @Test func `the header has the very schema of the table`() throws {
        let made = try manifest()
        let file = try AvroFile(reading: made.bytes)
        #expect(file.text("schema") == made.schema.json.text && file.text("schema-id") == "2" && file.text("partition-spec-id") == "4")
        #expect(file.text("format-version") == "2" && file.text("content") == "data")
        let first = JSONValue.object({
            var object = JSONObject()
            for (key, value) in [("source-id", JSONValue.integer(1)), ("field-id", 1000), ("transform", "identity"), ("name", "p 0")] { object[key] = value }
            return object
        }())
        #expect(try JSONValue(parsing: file.text("partition-spec")!).arrayValue?[0] == first)
    }

    @Test func `the list's line counts and bounds the manifest, and inheritance fills in`() throws {
        let made = try manifest()
        let line = made.manifest
        #expect(line.addedFiles == 1 && line.existingFiles == 1 && line.deletedFiles == 1 && line.addedRows == 10 && line.length == Int64(made.bytes.count))
        #expect(line.sequenceNumber == 7 && line.minSequenceNumber == 2 && line.addedSnapshotID == 11)
        #expect(line.partitions?[9] == PartitionFieldSummary(containsNull: true, containsNaN: false, lowerBound: [0xc3, 0xa9], upperBound: [0xc3, 0xa9]))
        let inherited = made.entries.map { $0.inheriting(from: line) }
        #expect(inherited.map(\.sequenceNumber) == [7, 2, 1] && inherited[0].fileSequenceNumber == 7 && inherited[0].snapshotID == 11)
        let bytes = try ManifestList.write(
            [line], snapshot: 11, parent: nil, sequenceNumber: 7, location: "l", codec: .deflate, syncMarker: [UInt8](repeating: 1, count: 16))
        #expect(try ManifestList.read(bytes, location: "l") == [line])
        #expect(try AvroFile(reading: bytes).text("parent-snapshot-id") == "null")
    }

    @Test func `entries that do not belong are refused`() throws {
        let (schema, spec) = try Self.identitySchema()
        var writer = try ManifestWriter(
            location: "m", schema: schema, spec: spec, snapshotID: 1, sequenceNumber: 1, codec: .null, syncMarker: [UInt8](repeating: 0, count: 16))
        func entry(_ status: ManifestEntry.Status, _ partition: [Datum?], spec: Int = 4) -> ManifestEntry {
            ManifestEntry(
                status: status, snapshotID: nil, sequenceNumber: nil, fileSequenceNumber: nil,
                file: DataFile(path: "x", specID: spec, partition: partition, recordCount: 1, fileSize: 1))
        }
        let empty = Self.types.map { _ in nil as Datum? }
        for wrong in [entry(.added, []), entry(.added, empty, spec: 0), entry(.existing, empty), entry(.added, [.int(1)] + empty.dropFirst())] {
            var message: IcebergError?
            do throws(IcebergError) { try writer.append(wrong) } catch { message = error }
            #expect(message?.code == .invalid)
        }
    }

    @Test func `bounds of zeros have their signs, whichever comes first`() throws {
        let schema = try Schema(fields: [NestedField(1, "a", .double, required: false)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "a", transform: .identity)])
        for values in [[0.0, -0.0], [-0.0, 0.0]] {
            var writer = try ManifestWriter(
                location: "m", schema: schema, spec: spec, snapshotID: 1, sequenceNumber: 1, codec: .null, syncMarker: [UInt8](repeating: 0, count: 16))
            for value in values {
                let file = DataFile(path: "x", partition: [.double(value)], recordCount: 1, fileSize: 1)
                try writer.append(ManifestEntry(status: .added, snapshotID: nil, sequenceNumber: nil, fileSequenceNumber: nil, file: file))
            }
            let summary = try #require(try writer.finish().manifest.partitions?.first)
            #expect(summary.lowerBound == Datum.double(-0.0).singleValue && summary.upperBound == Datum.double(0.0).singleValue)
        }
    }

    @Test func `partition values from before a column was widened have its present type`() throws {
        let spec = PartitionSpec(fields: [1, 2, 3].map { PartitionField(sourceID: $0, fieldID: 999 + $0, name: "p\($0)", transform: .identity) })
        func schema(_ types: [PrimitiveType]) throws -> Schema {
            try Schema(fields: types.enumerated().map { NestedField($0 + 1, "c\($0)", .primitive($1), required: false) })
        }
        let old = try schema([.float, .int, .decimal(precision: 5, scale: 2)])
        var writer = try ManifestWriter(
            location: "m", schema: old, spec: spec, snapshotID: 1, sequenceNumber: 1, codec: .null, syncMarker: [UInt8](repeating: 0, count: 16))
        let file = DataFile(path: "x", partition: [.float(0.1), .int(-7), .decimal(-125)], recordCount: 1, fileSize: 1)
        try writer.append(ManifestEntry(status: .added, snapshotID: nil, sequenceNumber: nil, fileSequenceNumber: nil, file: file))
        let bytes = try writer.finish().bytes
        let types = spec.resultTypes(try schema([.double, .long, .decimal(precision: 20, scale: 2)]))
        let read = try Manifest(reading: bytes, location: "m", spec: spec, types: types)
        #expect(read.entries[0].file.partition == [.double(Double(Float(0.1))), .long(-7), .decimal(-125)])
    }

    @Test func `damaged manifests and lists are errors, never traps`() throws {
        let made = try manifest(.null)
        let list = try ManifestList.write(
            [made.manifest], snapshot: 11, parent: 3, sequenceNumber: 7, location: "l", codec: .null, syncMarker: [UInt8](repeating: 1, count: 16))
        for seed in 0..<3000 {
            var random = Seeded(UInt64(seed))
            for isList in [false, true] {
                var bytes = isList ? list : made.bytes
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[place] = UInt8.random(in: 0...255, using: &random)
                }
                do {
                    if isList {
                        for line in try ManifestList.read(bytes, location: "l") { _ = line.mayHoldLiveFiles }
                    } else {
                        let read = try Manifest(reading: bytes, location: "m", spec: made.spec, types: made.spec.resultTypes(made.schema))
                        var counts = SummaryCounts()
                        for entry in read.entries { counts.add(entry.file); counts.remove(entry.file) }
                        _ = counts.summary(operation: .overwrite, extra: [:], parent: ["total-records": "9223372036854775807"])
                    }
                } catch { #expect(error is IcebergError, "seed \(seed)") }
            }
        }
    }

    @Test func `field names become Avro names`() {
        #expect(AvroNames.sanitized("a-b c") == "a_x2Db_x20c" && AvroNames.sanitized("9x") == "_9x" && AvroNames.sanitized("_ok1") == "_ok1")
    }
}
