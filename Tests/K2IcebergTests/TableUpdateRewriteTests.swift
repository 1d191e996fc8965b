@testable import K2Iceberg
import K2ObjectStore
import Testing

struct TableUpdateRewriteTests {
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

        private var files: TableFiles { TableFiles(metadata: metadata, store: store) }

        private mutating func update() throws -> TableUpdate {
            number += 1
            return try TableUpdate(metadata: metadata, manifests: try files.manifests(), identity: CommitIdentity(.fixed(seed: number)))
        }

        @discardableResult
        private mutating func apply(_ change: SnapshotChange) throws -> Snapshot {
            for object in change.objects { try store.put(object.bytes, to: object.location) }
            metadata = try metadata.applying(change.updates, nowMS: 2)
            return change.snapshot
        }

        mutating func append(_ added: [DataFile]) throws {
            let source = files
            try apply(try update().append(added) { (manifest) throws(IcebergError) in try source.entries(manifest) })
        }

        mutating func rewrite(_ replacement: FileReplacement) throws -> Snapshot {
            let source = files
            return try apply(try update().rewrite(replacement, summary: ["x": "y"]) { (manifest) throws(IcebergError) in try source.entries(manifest) })
        }

        /// Nil when there is nothing to gain.
        mutating func rewriteManifests() throws -> Snapshot? {
            let source = files
            guard let change = try update().rewriteManifests(readManifest: { (manifest) throws(IcebergError) in try source.entries(manifest) }) else { return nil }
            return try apply(change)
        }

        /// Adds delete files as another engine would: K2 writes none.
        mutating func addDeletes(_ added: [DataFile]) throws {
            let sequence = metadata.lastSequenceNumber + 1
            var update = try update()
            let entries = added.map { ManifestEntry(status: .added, snapshotID: update.identity.snapshotID, sequenceNumber: nil, fileSequenceNumber: nil, file: $0) }
            let made = try update.write(entries, specID: 0, .deletes)
            let kept = update.manifests
            let change = try update.finish(made + kept, SummaryCounts(), .append, [
                "total-delete-files": String(added.count), "total-position-deletes": String(added.reduce(0) { $0 + $1.recordCount }),
            ])
            try apply(change)
            #expect(metadata.lastSequenceNumber == sequence)
        }

        func entries(_ content: ManifestContent) throws -> [ManifestEntry] { try files.liveEntries(content).sorted { $0.file.path < $1.file.path } }
        var manifests: [ManifestFile] { get throws { try files.manifests() } }
    }

    private func file(_ name: String, day: Int32 = 1, rows: Int64 = 2) -> DataFile {
        DataFile(path: name, partition: [.date(day)], recordCount: rows, fileSize: 10)
    }

    private func deletes(_ name: String, of path: String? = nil, equality: Bool = false, rows: Int64 = 1) -> DataFile {
        DataFile(
            content: equality ? .equalityDeletes : .positionDeletes, path: name, partition: [.date(1)], recordCount: rows, fileSize: 5,
            equalityIDs: equality ? [1] : [], referencedDataFile: path)
    }

    @Test func `a replacement keeps the age of what it replaces, and says that no row changed`() throws {
        var bench = try Bench()
        try bench.append([file("a"), file("b")])
        try bench.append([file("c")])
        let snapshot = try bench.rewrite(FileReplacement(removing: ["a", "c"], adding: [file("n", rows: 4)], dataSequenceNumber: 2))
        #expect(snapshot.operation == .replace && snapshot.summary["x"] == "y")
        #expect(snapshot.summary["added-data-files"] == "1" && snapshot.summary["deleted-data-files"] == "2" && snapshot.summary["total-records"] == "6")
        #expect(try bench.entries(.data).map(\.file.path) == ["b", "n"])
        let new = try #require(try bench.entries(.data).last)
        #expect(new.sequenceNumber == 2 && new.fileSequenceNumber == 3 && new.snapshotID == snapshot.snapshotID)
        #expect(try bench.manifests.first?.minSequenceNumber == 2)
    }

    @Test func `deletes that came after the read still apply, and those that were applied can go`() throws {
        var bench = try Bench()
        try bench.append([file("a"), file("b")])
        try bench.addDeletes([deletes("p", of: "a"), deletes("e", equality: true, rows: 3)])
        let read = bench.metadata.lastSequenceNumber
        try bench.append([file("d")])
        try bench.addDeletes([deletes("late", equality: true)])
        let snapshot = try bench.rewrite(
            FileReplacement(removing: ["a", "b"], adding: [file("n")], dataSequenceNumber: read, droppingDeletes: ["p", "e"]))
        #expect(try bench.entries(.deletes).map(\.file.path) == ["late"])
        let index = DeleteIndex(try bench.entries(.deletes)) { _ in false }
        let data = try bench.entries(.data)
        #expect(data.map(\.file.path) == ["d", "n"] && data.allSatisfy { index.deletes(for: $0).map(\.file.path) == ["late"] })
        #expect(snapshot.summary["removed-delete-files"] == "2" && snapshot.summary["removed-position-deletes"] == "1")
        #expect(snapshot.summary["removed-equality-delete-files"] == "1" && snapshot.summary["removed-equality-deletes"] == "3")
        #expect(snapshot.summary["total-delete-files"] == "0" && snapshot.summary["removed-files-size"] == "30")
    }

    @Test func `what a delete file refers to survives the rewriting of its manifest`() throws {
        var bench = try Bench()
        try bench.append([file("a"), file("b")])
        try bench.addDeletes([deletes("p", of: "a"), deletes("q", of: "b")])
        _ = try bench.rewrite(FileReplacement(removing: ["a"], adding: [file("n", rows: 1)], dataSequenceNumber: 2, droppingDeletes: ["p"]))
        let left = try bench.entries(.deletes)
        #expect(left.map(\.file.referencedDataFile) == ["b"] && left[0].sequenceNumber == 2 && left[0].file.content == .positionDeletes)
    }

    @Test func `files that are gone, and ages of the future, are refused`() throws {
        var bench = try Bench()
        try bench.append([file("a")])
        func code(_ replacement: FileReplacement) -> IcebergError.Code? {
            var copy = bench
            return #expect(throws: IcebergError.self) { try copy.rewrite(replacement) }?.code
        }
        #expect(code(FileReplacement(removing: ["x"], adding: [], dataSequenceNumber: 1)) == .validation)
        #expect(code(FileReplacement(removing: ["a"], adding: [], dataSequenceNumber: 1, droppingDeletes: ["x"])) == .validation)
        #expect(code(FileReplacement(removing: ["a"], adding: [file("n")], dataSequenceNumber: 2)) == .invalid)
    }

    @Test func `small manifests become few, sorted by partition, and then there is nothing to do`() throws {
        var bench = try Bench()
        for number in 0..<6 { try bench.append([file("f\(number)", day: Int32(number % 3))]) }
        try bench.addDeletes([deletes("p", of: "f0")])
        try bench.addDeletes([deletes("q", of: "f1")])
        let (data, deletes) = (try bench.entries(.data), try bench.entries(.deletes))
        let before = bench.metadata.currentSnapshot?.summary["total-records"]
        let snapshot = try #require(try bench.rewriteManifests())
        #expect(snapshot.operation == .replace && snapshot.summary["total-records"] == before && snapshot.summary["manifests-replaced"] == "8")
        #expect(try bench.manifests.map(\.content.rawValue).sorted() == [0, 1])
        #expect(try bench.entries(.data).map(\.file) == data.map(\.file) && bench.entries(.data).map(\.sequenceNumber) == data.map(\.sequenceNumber))
        #expect(try bench.entries(.deletes).map(\.file) == deletes.map(\.file))
        let source = TableFiles(metadata: bench.metadata, store: bench.store)
        let first = try #require(try bench.manifests.first { $0.content == .data })
        #expect(try source.entries(first).map(\.file.partition) == [[.date(0)], [.date(0)], [.date(1)], [.date(1)], [.date(2)], [.date(2)]])
        #expect(try bench.rewriteManifests() == nil)
    }

    @Test func `manifests of the wanted size are left alone`() throws {
        var bench = try Bench(["commit.manifest.target-size-bytes": "20000", "write.avro.compression-codec": "uncompressed"])
        try bench.append((0..<2000).map { file("a-long-enough-path/\($0)") })
        let before = try bench.manifests
        #expect(before.count > 3)
        for number in 0..<3 { try bench.append([file("small\(number)")]) }
        _ = try #require(try bench.rewriteManifests())
        let after = try bench.manifests
        #expect(before.filter { $0.length >= 15_000 }.allSatisfy { after.contains($0) } && after.count < before.count + 3)
        #expect(try bench.entries(.data).count == 2003 && bench.rewriteManifests() == nil)
    }
}
