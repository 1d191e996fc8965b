import K2Iceberg
import K2JSON
import K2Lake
import Testing

@testable import K2Maintenance

/// Data files that hold no rows: some engines write them.
struct EmptyFilesTests {
    private static let schema = Result { try Schema(fields: [NestedField(2, "id", .long, required: true), NestedField(3, "name", .string, required: false)]) }

    private func lake() throws -> CompactLake { try CompactLake(schema: try Self.schema.get()) }

    private func rows(_ ids: Range<Int64>) -> [Row] { ids.map { [2: .integer($0), 3: .bytes(Array("n\($0)".utf8))] } }

    @Test func `a group of them goes, and nothing takes its place`() throws {
        let lake = try lake()
        try lake.append(try (0..<6).map { _ in try lake.write([], partition: []) })
        let outcome = try lake.compact(CompactOptions())
        #expect(outcome.status == .done && outcome.facts["files_in"] == 6 && outcome.facts["files_out"] == 0 && outcome.facts["rows"] == 0, "\(outcome.summary)")
        #expect(try lake.dataFiles.isEmpty && lake.content().isEmpty && lake.strays() == [])
        #expect(try lake.compact(CompactOptions()).status == .nothing)
    }

    @Test func `beside others they go too, deletes or not`() throws {
        let lake = try lake()
        try lake.append([try lake.write(rows(0..<20), partition: []), try lake.write([], partition: [])])
        try lake.addDeletes([try lake.equalityDeletes([[2: .integer(3)]], ids: [2], specID: 0, partition: [])])
        try lake.append([try lake.write([], partition: [])])
        var expected = Dictionary(uniqueKeysWithValues: rows(0..<20).map { ($0, 1) })
        expected[rows(3..<4)[0]] = nil
        #expect(try lake.compact(CompactOptions()).status == .done)
        #expect(try lake.content() == expected && lake.dataFiles.count == 1 && lake.deleteFiles.isEmpty)
        // One that comes later goes alone: the others are few, and stay.
        let file = try lake.dataFiles[0].path
        try lake.append([try lake.write([], partition: [])])
        #expect(try lake.compact(CompactOptions()).status == .done)
        #expect(try lake.content() == expected && lake.dataFiles.map(\.path) == [file])
    }
}
