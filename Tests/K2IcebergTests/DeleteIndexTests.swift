import K2ObjectStore
import Testing

@testable import K2Iceberg

struct DeleteIndexTests {
    private func data(_ path: String, sequence: Int64, spec: Int = 1, _ partition: [Datum?] = [.date(1)]) -> ManifestEntry {
        entry(DataFile(path: path, specID: spec, partition: partition, recordCount: 1, fileSize: 1), sequence)
    }

    private func entry(_ file: DataFile, _ sequence: Int64) -> ManifestEntry {
        ManifestEntry(status: .existing, snapshotID: 1, sequenceNumber: sequence, fileSequenceNumber: sequence, file: file)
    }

    private func positions(
        _ path: String, sequence: Int64, bounds: (String, String)? = nil, of: String? = nil, spec: Int = 1, _ partition: [Datum?] = [.date(1)]
    ) -> ManifestEntry {
        var file = DataFile(content: .positionDeletes, path: path, specID: spec, partition: partition, recordCount: 1, fileSize: 1, referencedDataFile: of)
        if let bounds {
            file.lowerBounds[DeleteIndex.filePathID] = Array(bounds.0.utf8)
            file.upperBounds[DeleteIndex.filePathID] = Array(bounds.1.utf8)
        }
        return entry(file, sequence)
    }

    private func equality(_ path: String, sequence: Int64, spec: Int = 1, _ partition: [Datum?] = [.date(1)]) -> ManifestEntry {
        entry(DataFile(content: .equalityDeletes, path: path, specID: spec, partition: partition, recordCount: 1, fileSize: 1, equalityIDs: [1]), sequence)
    }

    /// Spec 0 has no fields, spec 1 has one.
    private func index(_ entries: ManifestEntry...) -> DeleteIndex { DeleteIndex(entries) { $0 == 0 } }

    @Test func `position deletes apply to files of the same age and older, equality deletes to older ones only`() {
        let index = index(positions("p", sequence: 5), equality("e", sequence: 5))
        func found(_ sequence: Int64) -> [String] { index.deletes(for: data("a", sequence: sequence)).map(\.file.path) }
        #expect(found(4) == ["p", "e"] && found(5) == ["p"] && found(6) == [])
    }

    @Test func `deletes stay in their partition, but for equality deletes of an unpartitioned spec`() {
        let index = index(
            positions("p", sequence: 9), equality("e", sequence: 9), equality("g", sequence: 9, spec: 0, []), positions("q", sequence: 9, spec: 0, []))
        #expect(index.deletes(for: data("a", sequence: 1)).map(\.file.path) == ["p", "e", "g"])
        #expect(index.deletes(for: data("a", sequence: 1, [.date(2)])).map(\.file.path) == ["g"])
        #expect(index.deletes(for: data("a", sequence: 1, [nil])).map(\.file.path) == ["g"])
        #expect(index.deletes(for: data("a", sequence: 1, spec: 0, [])).map(\.file.path) == ["g", "q"])
    }

    @Test func `paths in bounds or in the entry rule files out`() {
        let index = index(
            positions("range", sequence: 9, bounds: ("data/b", "data/d")), positions("one", sequence: 9, bounds: ("data/c", "data/c")),
            positions("named", sequence: 9, of: "data/c"), positions("cut", sequence: 9, bounds: ("data", "data")), positions("any", sequence: 9))
        #expect(index.deletes(for: data("data/a", sequence: 1)).map(\.file.path) == ["cut", "any"])
        #expect(index.deletes(for: data("data/c", sequence: 1)).map(\.file.path) == ["range", "one", "named", "cut", "any"])
        // A path counts whatever the partition that the delete file's writer put down.
        #expect(index.deletes(for: data("data/c", sequence: 1, [.date(7)])).map(\.file.path) == ["one", "named"])
        #expect(index.deletes(for: data("data/z", sequence: 1)).map(\.file.path) == ["cut", "any"])
    }

    @Test func `a path that only looks the same is another one`() {
        let index = index(positions("named", sequence: 9, of: "data/é"), positions("one", sequence: 9, bounds: ("data/e\u{301}", "data/e\u{301}")))
        #expect(index.deletes(for: data("data/é", sequence: 1)).map(\.file.path) == ["named"])
        #expect(index.deletes(for: data("data/e\u{301}", sequence: 1)).map(\.file.path) == ["one"])
        #expect(index.unneeded([data("data/é", sequence: 1)]) { _ in nil }.map(\.file.path) == ["one"])
    }

    @Test func `deletes without anything to apply to are found`() {
        let index = index(
            positions("gone", sequence: 5, bounds: ("a", "a")), positions("kept", sequence: 5, bounds: ("b", "b")), positions("many", sequence: 5),
            equality("old", sequence: 2), equality("new", sequence: 6), equality("global", sequence: 3, spec: 0, []),
            equality("useless", sequence: 1, spec: 0, []))
        let live = [data("b", sequence: 2), data("new", sequence: 5), data("c", sequence: 1, [.date(3)])]
        #expect(index.unneeded(live) { _ in nil }.map(\.file.path) == ["gone", "old", "useless"])
        #expect(index.unneeded(live) { $0 == ExactPath("many") ? [ExactPath("a"), ExactPath("x")] : nil }.map(\.file.path) == ["gone", "many", "old", "useless"])
        #expect(index.unneeded(live) { $0 == ExactPath("many") ? [ExactPath("a"), ExactPath("b")] : nil }.map(\.file.path) == ["gone", "old", "useless"])
        #expect(index.unneeded([]) { _ in nil }.count == 7)
    }
}
