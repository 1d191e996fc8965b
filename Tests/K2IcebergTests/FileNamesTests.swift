import K2Avro
@testable import K2Iceberg
import K2TestSupport
import Testing

struct FileNamesTests {
    @Test func `names are those of the whole reading`() throws {
        var random = K2TestSupport.Seeded.start()
        let (schema, spec) = try ManifestTests.identitySchema()
        for content in [ManifestContent.data, .deletes] {
            var writer = try ManifestWriter(
                location: "m.avro", schema: schema, spec: spec, content: content, snapshotID: 11, sequenceNumber: 7, codec: .deflate,
                syncMarker: [UInt8](repeating: 3, count: 16))
            var entries: [ManifestEntry] = []
            for number in 0..<500 {
                let file = DataFile(
                    content: content == .data ? .data : random.pick([.positionDeletes, .equalityDeletes]), path: "p-\(number)-é", specID: 4,
                    partition: ManifestTests.types.map { random.once(in: 2) ? $0.1 : nil }, recordCount: 1, fileSize: Int64(random.int(0...9_999)),
                    columnSizes: [1: 5, 9: 6], lowerBounds: [1: random.bytes(random.int(0...9))], keyMetadata: random.once(in: 2) ? [9] : nil,
                    splitOffsets: [4, 900])
                let status = random.pick([ManifestEntry.Status.existing, .added, .deleted])
                entries.append(ManifestEntry(status: status, snapshotID: 1, sequenceNumber: 1, fileSequenceNumber: 1, file: file))
                try writer.append(entries[number])
            }
            let (bytes, manifest) = try writer.finish()
            let expected = entries.filter(\.isLive).map { FileName(path: $0.file.path, size: $0.file.fileSize, content: $0.file.content) }
            #expect(try Manifest.liveNames(in: bytes, location: "m") == expected, "seed \(random.seed)")
            let list = try ManifestList.write(
                [manifest, manifest], snapshot: 1, parent: nil, sequenceNumber: 1, location: "l", codec: .null, syncMarker: [UInt8](repeating: 1, count: 16))
            let name = ManifestName(path: "m.avro", length: Int64(bytes.count), content: content)
            #expect(try ManifestList.names(in: list, location: "l") == [name, name])
        }
    }

    @Test func `what is no manifest and no list is refused, with its place`() throws {
        let other = try AvroFileWriter(schema: .record("r", [AvroField("x", .long, fieldID: 1)]), metadata: [], codec: .null, syncMarker: Array(0..<16))
        var file = other
        try file.append(.record([.long(1)]))
        let bytes = try file.finish()
        #expect(#expect(throws: IcebergError.self) { try Manifest.liveNames(in: bytes, location: "s3://m") }?.message == "s3://m: avro: manifest: expected status, path and content of a file")
        #expect(#expect(throws: IcebergError.self) { try ManifestList.names(in: bytes, location: "l") }?.code == .malformed)
        #expect(throws: IcebergError.self) { try ManifestList.names(in: [1, 2], location: "l") }
    }
}
