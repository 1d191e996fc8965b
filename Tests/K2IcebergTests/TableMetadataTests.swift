import K2Iceberg
import K2JSON
import Testing

struct TableMetadataTests {
    private func metadata() throws -> TableMetadata {
        let creation = try Fixtures.creation()
        return try TableMetadata.create(
            tableUUID: "u", location: "file:///w/t/", schema: creation.schema, spec: creation.spec, sortOrder: creation.sortOrder,
            properties: creation.properties, nowMS: 1000)
    }

    private func snapshot(_ id: Int64, parent: Int64? = nil, sequence: Int64, time: Int64, summary: [String: String] = ["operation": "append"]) -> Snapshot {
        Snapshot(
            snapshotID: id, parentSnapshotID: parent, sequenceNumber: sequence, timestampMS: time, manifestList: "l\(id)", summary: summary, schemaID: 0)
    }

    private func twoSnapshots() throws -> TableMetadata {
        try metadata()
            .applying([.addSnapshot(snapshot(1, sequence: 1, time: 2000, summary: ["operation": "append", "k2.batch-id": "a"])), .setSnapshotReference(name: "main", SnapshotReference(snapshotID: 1))], nowMS: 2000)
            .applying([.addSnapshot(snapshot(2, parent: 1, sequence: 2, time: 3000)), .setSnapshotReference(name: "main", SnapshotReference(snapshotID: 2))], nowMS: 3000)
    }

    @Test func `JSON comes back, with what is not known here`() throws {
        var value = try twoSnapshots()
        value.extra["x-future"] = ["a": [1, 2]]
        value.statistics = [["snapshot-id": 1, "statistics-path": "p"]]
        value.references["tag"] = SnapshotReference(snapshotID: 1, kind: .tag, maxReferenceAgeMS: 5)
        let read = try TableMetadata(reading: value.json.bytes, location: "m")
        #expect(read == value && read.json.text == value.json.text)
        #expect(read.location == "file:///w/t" && read.metadataFolder == "file:///w/t/metadata" && read.dataFolder == "file:///w/t/data")
    }

    @Test func `snapshots are found by summary and by time`() throws {
        let value = try twoSnapshots()
        #expect(value.snapshots(withSummary: "k2.batch-id", value: "a").map(\.snapshotID) == [1])
        #expect(value.snapshots(withSummary: "k2.batch-id", value: "b").isEmpty)
        #expect(value.snapshot(asOf: 1999) == nil && value.snapshot(asOf: 2500)?.snapshotID == 1 && value.snapshot(asOf: 9999)?.snapshotID == 2)
        #expect(value.currentSnapshot?.snapshotID == 2 && value.lastSequenceNumber == 2 && value.lastUpdatedMS == 3000)
    }

    @Test func `removing snapshots keeps what a reference needs and the log honest`() throws {
        let value = try twoSnapshots()
        #expect(throws: IcebergError.self) { try value.applying([.removeSnapshots([2])], nowMS: 1) }
        let expired = try value.applying([.removeSnapshots([1])], nowMS: 4000)
        #expect(expired.snapshots.map(\.snapshotID) == [2] && expired.snapshotLog.map(\.snapshotID) == [2])
    }

    @Test func `a clock that is behind does not turn the logs around`() throws {
        let late = try twoSnapshots().applying(
            [.addSnapshot(snapshot(3, parent: 2, sequence: 3, time: 10)), .setSnapshotReference(name: "main", SnapshotReference(snapshotID: 3))], nowMS: 10)
        #expect(late.lastUpdatedMS == 3000 && late.snapshotLog.map(\.timestampMS) == [2000, 3000, 3000])
    }

    @Test func `requirements are checked`() throws {
        let value = try twoSnapshots()
        try Requirement.reference(name: "main", snapshotID: 2).check(value)
        try Requirement.tableUUID("u").check(value)
        let moved = #expect(throws: IcebergError.self) { try Requirement.reference(name: "main", snapshotID: 1).check(value) }
        #expect(moved?.code == .conflict && moved?.isRetryable == true && moved?.message == "commit refused: main: expected snapshot 1, found 2")
        #expect(#expect(throws: IcebergError.self) { try Requirement.tableUUID("v").check(value) }?.code == .validation)
        #expect(throws: IcebergError.self) { try Requirement.reference(name: "main", snapshotID: nil).check(value) }
        #expect(throws: IcebergError.self) { try value.applying([.addSnapshot(snapshot(9, sequence: 2, time: 1))], nowMS: 1) }
    }

    @Test func `a schema can be added and made current`() throws {
        var next = try Fixtures.everyTypeSchema()
        next.schemaID = 1
        next.fields.append(NestedField(23, "more", .string, required: false))
        let value = try twoSnapshots().applying([.addSchema(next), .setCurrentSchema(id: 1)], nowMS: 1)
        #expect(value.lastColumnID == 23 && value.currentSchema == next && value.schemas.count == 2)
        #expect(throws: IcebergError.self) { try value.applying([.setCurrentSchema(id: 7)], nowMS: 1) }
    }

    @Test func `format version 1 is read but not written, others are refused`() throws {
        let text = """
            {"format-version":1,"location":"s3://b/t","last-updated-ms":1,"last-column-id":1,"schema":{"type":"struct","fields":[{"id":1,"name":"a","required":true,"type":"timestamp"}]},
            "partition-spec":[{"name":"d","transform":"day","source-id":1}],"properties":{},"current-snapshot-id":-1,"snapshots":[]}
            """
        let old = try TableMetadata(reading: Array(text.utf8), location: "m")
        #expect(old.formatVersion == 1 && old.defaultSpec.fields[0].fieldID == 1000 && old.currentSnapshotID == nil && old.sortOrders == [.unsorted])
        #expect(#expect(throws: IcebergError.self) { try old.applying([], nowMS: 1) }?.message == "table format version 1: only version 2 is written")
        let newer = #expect(throws: IcebergError.self) { try TableMetadata(reading: Array(#"{"format-version":3}"#.utf8), location: "m") }
        #expect(newer?.code == .unsupported && newer?.message == "m: format-version: expected 1 or 2, found 3")
    }

    @Test func `from format version 1 history is only taken away, and it stays of that version`() throws {
        let text = """
            {"format-version":1,"location":"s3://b/t","last-updated-ms":5,"last-column-id":1,"schema":{"type":"struct","fields":[{"id":1,"name":"a","required":true,"type":"timestamp"}]},
            "partition-spec":[{"name":"d","transform":"day","source-id":1}],"properties":{},"current-snapshot-id":2,
            "snapshots":[{"snapshot-id":1,"timestamp-ms":1,"manifests":["m1","m2"]},{"snapshot-id":2,"timestamp-ms":2,"manifest-list":"l2"}]}
            """
        let old = try TableMetadata(reading: Array(text.utf8), location: "m")
        #expect(old.snapshots.map(\.manifests) == [["m1", "m2"], []] && old.snapshots.map(\.manifestList) == ["", "l2"])
        #expect(TableOutline(old).manifests == ["m1", "m2"] && TableOutline(old).manifestLists == ["l2"])
        #expect(try TableMetadata(json: old.json) == old)
        let next = try old.applying([.removeSnapshots([1])], nowMS: 9)
        #expect(next.snapshots.map(\.snapshotID) == [2] && next.formatVersion == 1)
        let json = next.json
        #expect(json["schema"]?["fields"] != nil && json["partition-spec"]?.arrayValue?.count == 1 && json["table-uuid"] == nil && json["last-sequence-number"] == nil)
        #expect(json["snapshots"]?.arrayValue?.first?["sequence-number"] == nil)
        let added = snapshot(3, parent: 2, sequence: 1, time: 9)
        #expect(throws: IcebergError.self) { try old.applying([.removeSnapshots([1]), .addSnapshot(added)], nowMS: 9) }
    }

    @Test func `ids that name nothing are refused`() throws {
        let good = try twoSnapshots().json
        for (key, value, message) in [
            ("current-schema-id", JSONValue.integer(5), "m: current-schema-id: no schema 5"), ("default-spec-id", 9, "m: default-spec-id: no partition spec 9"),
            ("current-snapshot-id", 77, "m: current-snapshot-id: no snapshot 77"), ("last-sequence-number", 1, "m: snapshot 2: sequence number 2 after the last, 1"),
            ("schemas", [], "m: schemas: missing or empty"), ("table-uuid", .null, "m: table-uuid: expected a string, found null"),
            ("properties", ["a": 1], "m: properties.a: expected a string, found 1"), ("snapshots", ["x"], "m: snapshots[0]: expected an object, found a string"),
        ] {
            var object = good.objectValue!
            object[key] = value
            #expect(#expect(throws: IcebergError.self) { try TableMetadata(reading: JSONValue.object(object).bytes, location: "m") }?.message == message)
        }
    }

    @Test func `damaged metadata is an error, never a trap`() throws {
        let bytes = try twoSnapshots().json.bytes
        for seed in 0..<3000 {
            var random = Seeded(UInt64(seed))
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged[place] = UInt8.random(in: 0x20...0x7e, using: &random)
                case 1: damaged.remove(at: place)
                default: damaged.insert(UInt8.random(in: 0x30...0x39, using: &random), at: place)
                }
            }
            do {
                let value = try TableMetadata(reading: damaged, location: "m")
                _ = try? value.applying([.addSnapshot(snapshot(99, sequence: value.lastSequenceNumber &+ 1, time: 1))], nowMS: 5)
            } catch { #expect(error is IcebergError, "seed \(seed)") }
        }
    }
}
