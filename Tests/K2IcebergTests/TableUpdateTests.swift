@testable import K2Iceberg
import K2ObjectStore
import Testing

struct TableUpdateTests {
    private func file(_ name: String, spec: Int = 0, rows: Int64 = 2) -> DataFile {
        DataFile(path: name, specID: spec, partition: spec == 0 ? [.date(1)] : [], recordCount: rows, fileSize: 10)
    }

    /// Commits in memory, without a catalog.
    private struct Bench {
        var metadata: TableMetadata
        let store = MemoryStore()
        var number: UInt64 = 0

        init(_ properties: [String: String] = [:]) throws {
            let creation = try Fixtures.creation()
            metadata = try TableMetadata.create(
                tableUUID: "u", location: "t", schema: creation.schema, spec: creation.spec, properties: properties, nowMS: 1)
        }

        mutating func overwrite(removing paths: Set<String> = [], adding files: [DataFile], summary: [String: String] = [:]) throws -> SnapshotChange {
            number += 1
            let files = files
            let source = TableFiles(metadata: metadata, store: store)
            let update = try TableUpdate(metadata: metadata, manifests: try source.manifests(), identity: CommitIdentity(.fixed(seed: number)))
            let change = try update.overwrite(removing: paths, adding: files, summary: summary) { (manifest) throws(IcebergError) in try source.entries(manifest) }
            for object in change.objects { try store.put(object.bytes, to: object.location) }
            metadata = try metadata.applying(change.updates, nowMS: 2)
            return change
        }

        var manifests: [ManifestFile] { get throws { try TableFiles(metadata: metadata, store: store).manifests() } }
        var paths: [String] { get throws { try TableFiles(metadata: metadata, store: store).dataFiles().map(\.path).sorted() } }
    }

    @Test func `an append keeps older manifests and sums up`() throws {
        var bench = try Bench()
        let first = try bench.overwrite(adding: [file("a"), file("b")], summary: ["k2.batch-id": "1"])
        #expect(first.requirements.contains(.reference(name: "main", snapshotID: nil)))
        #expect(first.snapshot.summary == [
            "operation": "append", "k2.batch-id": "1", "added-data-files": "2", "added-records": "4", "added-files-size": "20", "changed-partition-count": "1",
            "total-data-files": "2", "total-records": "4", "total-files-size": "20", "total-delete-files": "0", "total-position-deletes": "0",
            "total-equality-deletes": "0",
        ])
        let before = try bench.manifests
        let second = try bench.overwrite(adding: [file("c")])
        #expect(try bench.manifests.count == 2 && bench.manifests[1] == before[0])
        #expect(second.snapshot.parentSnapshotID == first.snapshot.snapshotID && second.snapshot.summary["total-records"] == "6")
        #expect(second.requirements.contains(.reference(name: "main", snapshotID: first.snapshot.snapshotID)))
        #expect(try bench.paths == ["a", "b", "c"])
        #expect(first.objects.count == 2 && first.objects[0].location.hasPrefix("t/metadata/") && first.objects[1].location == first.snapshot.manifestList)
    }

    @Test func `a replacement rewrites only the manifests it touches`() throws {
        var bench = try Bench()
        _ = try bench.overwrite(adding: [file("a"), file("b")])
        _ = try bench.overwrite(adding: [file("c")])
        let untouched = try #require(try bench.manifests.first)
        let change = try bench.overwrite(removing: ["a"], adding: [file("a2", rows: 5)])
        let manifests = try bench.manifests
        #expect(manifests.contains(untouched) && manifests.count == 3)
        let rewritten = try #require(manifests.first { $0.existingFiles == 1 })
        #expect(rewritten.deletedFiles == 1 && rewritten.addedFiles == 0 && rewritten.minSequenceNumber == 1 && rewritten.sequenceNumber == 3)
        let entries = try TableFiles(metadata: bench.metadata, store: bench.store).entries(rewritten)
        #expect(entries.map(\.status) == [.deleted, .existing])
        #expect(entries[0].snapshotID == change.snapshot.snapshotID && entries[0].sequenceNumber == 1)
        #expect(entries[1].snapshotID == bench.metadata.snapshots[0].snapshotID && entries[1].sequenceNumber == 1 && entries[1].fileSequenceNumber == 1)
        #expect(try bench.paths == ["a2", "b", "c"])
        #expect(change.snapshot.summary["operation"] == "overwrite" && change.snapshot.summary["total-records"] == "9")
        #expect(change.snapshot.summary["deleted-data-files"] == "1" && change.snapshot.summary["removed-files-size"] == "10")
        // The next replacement forgets the deleted entry, and a manifest without live files goes.
        _ = try bench.overwrite(removing: ["b"], adding: [])
        _ = try bench.overwrite(adding: [file("d")])
        #expect(try bench.manifests.allSatisfy { $0.mayHoldLiveFiles || $0.addedSnapshotID == bench.metadata.snapshots[3].snapshotID })
        #expect(try bench.paths == ["a2", "c", "d"])
    }

    @Test func `a file that is no longer live cannot be replaced`() throws {
        var bench = try Bench()
        _ = try bench.overwrite(adding: [file("a")])
        _ = try bench.overwrite(removing: ["a"], adding: [file("b")])
        let error = #expect(throws: IcebergError.self) { try bench.overwrite(removing: ["a"], adding: []) }
        #expect(error?.code == .validation && error?.isRetryable == false && error?.message == "a: not a live data file of the table")
        #expect(throws: IcebergError.self) { try bench.overwrite(adding: [file("x"), file("x")]) }
        #expect(throws: IcebergError.self) { try bench.overwrite(adding: [file("x", spec: 3)]) }
    }

    @Test func `manifests are merged once there are enough, by spec`() throws {
        var bench = try Bench(["commit.manifest.min-count-to-merge": "4"])
        for number in 0..<3 { _ = try bench.overwrite(adding: [file("a\(number)")]) }
        #expect(try bench.manifests.count == 3)
        bench.metadata = try bench.metadata.applying([.addPartitionSpec(PartitionSpec(specID: 1, fields: [])), .setDefaultSpec(id: 1)], nowMS: 1)
        _ = try bench.overwrite(adding: [file("n", spec: 1)])
        #expect(try bench.manifests.count == 4)
        _ = try bench.overwrite(adding: [file("a3")])
        let manifests = try bench.manifests
        #expect(manifests.count == 2 && manifests.map(\.specID).sorted() == [0, 1])
        #expect(manifests.first { $0.specID == 0 }?.existingFiles == 3)
        #expect(try bench.paths == ["a0", "a1", "a2", "a3", "n"])
        var off = try Bench(["commit.manifest.min-count-to-merge": "2", "commit.manifest-merge.enabled": "false"])
        for number in 0..<4 { _ = try off.overwrite(adding: [file("a\(number)")]) }
        #expect(try off.manifests.count == 4)
    }

    @Test func `many files are spread over manifests of the target size`() throws {
        var bench = try Bench(["commit.manifest.target-size-bytes": "20000", "write.avro.compression-codec": "uncompressed"])
        _ = try bench.overwrite(adding: (0..<2000).map { file("a-long-enough-path/\($0)") })
        #expect(try bench.manifests.count > 3 && bench.paths.count == 2000)
    }

    @Test func `random appends and replacements keep exactly the live files`() throws {
        for seed in 0..<15 {
            var random = Seeded(UInt64(seed))
            var bench = try Bench(["commit.manifest.min-count-to-merge": "5"])
            var live: Set<String> = []
            for step in 0..<25 {
                let removed = Set(live.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
                let added = (0..<Int.random(in: 0...3, using: &random)).map { "f\(step)-\($0)" }
                let change = try bench.overwrite(removing: removed, adding: added.map { file($0) })
                live.subtract(removed)
                live.formUnion(added)
                #expect(try bench.paths == live.sorted(), "seed \(seed), step \(step)")
                #expect(change.snapshot.summary["total-data-files"] == String(live.count), "seed \(seed), step \(step)")
            }
        }
    }
}
