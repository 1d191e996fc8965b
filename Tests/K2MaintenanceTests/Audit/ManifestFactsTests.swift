import K2Iceberg
import Testing

@testable import K2Maintenance

struct ManifestFactsTests {
    private func entry(_ status: ManifestEntry.Status, _ day: Int32?, rows: Int64) -> ManifestEntry {
        let file = DataFile(path: "f", partition: [day.map { .date($0) }], recordCount: rows, fileSize: 1)
        return ManifestEntry(status: status, snapshotID: 1, sequenceNumber: 1, fileSequenceNumber: 1, file: file)
    }

    /// Two files added on days 10 and 12, one existing on day 11, one deleted on day 99.
    private func problems(_ more: [ManifestEntry] = [], _ change: (inout ManifestFile) -> Void = { _ in }) -> [String] {
        let entries = [entry(.added, 10, rows: 5), entry(.added, 12, rows: 6), entry(.existing, 11, rows: 7), entry(.deleted, 99, rows: 8)] + more
        func bytes(_ day: Int32) -> [UInt8] { withUnsafeBytes(of: day.littleEndian) { Array($0) } }
        var manifest = ManifestFile(
            path: "m", length: 1, specID: 0, content: .data, sequenceNumber: 1, minSequenceNumber: 1, addedSnapshotID: 1, addedFiles: 2, existingFiles: 1,
            deletedFiles: 1, addedRows: 11, existingRows: 7, deletedRows: 8,
            partitions: [PartitionFieldSummary(containsNull: false, lowerBound: bytes(10), upperBound: bytes(12))])
        change(&manifest)
        return ManifestFacts(manifest: manifest, entries: entries, types: [.date]).problems
    }

    @Test func `a list that says what the manifest holds, or says nothing, is in order`() {
        #expect(problems() == [])
        #expect(problems { $0.addedFiles = nil; $0.addedRows = nil; $0.partitions = nil } == [])
    }

    @Test func `counts`() {
        #expect(problems { $0.addedFiles = 3 } == ["the manifest list says 3 added files, the manifest has 2"])
        #expect(problems { $0.existingRows = 70 } == ["the manifest list says 70 rows in existing files, the manifest has 7"])
        #expect(problems { $0.deletedFiles = 0 } == ["the manifest list says 0 deleted files, the manifest has 1"])
    }

    @Test func `partition values outside of what the list says`() {
        let outside = problems([entry(.added, 13, rows: 0)]) { $0.addedFiles = 3 }
        #expect(outside.count == 1 && outside[0].hasPrefix("the manifest list says partition values "), "\(outside)")
        #expect(problems([entry(.added, nil, rows: 0)]) { $0.addedFiles = 3 } == ["the manifest list says that no partition value is null, the manifest has one"])
        // A file that is gone by this snapshot may lie anywhere.
        #expect(problems([entry(.deleted, 500, rows: 0)]) { $0.deletedFiles = 2 } == [])
    }
}
