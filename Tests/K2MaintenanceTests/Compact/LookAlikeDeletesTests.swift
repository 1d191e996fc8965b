import K2ObjectStore
import Testing

@testable import K2Iceberg
@testable import K2Maintenance

struct LookAlikeDeletesTests {
    private func renamed(_ file: DataFile, _ name: String, _ lake: CompactLake) throws -> DataFile {
        var file = file
        let place = try "\(lake.table.metadata.dataFolder)/\(name).parquet"
        try lake.memory.put(try lake.memory.get(file.path), to: place)
        try lake.memory.delete(file.path)
        file.path = place
        return file
    }

    @Test(arguments: [true, false], [true, false]) func `delete files whose names only look the same are all applied`(_ areEqualities: Bool, _ bounds: Bool) throws {
        let lake = try CompactLake(schema: Schema(fields: [NestedField(2, "id", .long, required: true)]))
        for first in [0, 10, 20] { try lake.append([try lake.write((first..<first + 10).map { [2: .integer(Int64($0))] }, partition: [])]) }
        let files = try lake.dataFiles.sorted { $0.path < $1.path }
        let deletes = try ["é", "e\u{301}"].enumerated().map { number, name in
            let file = areEqualities
                ? try lake.equalityDeletes([[2: .integer(Int64(10 * number + 3))]], ids: [2], specID: 0, partition: [])
                : try lake.positionDeletes([(files[number].path, Int64(number))], specID: 0, partition: [], bounds: bounds)
            return try renamed(file, name, lake)
        }
        try lake.addDeletes(deletes)
        let expected = try lake.content()
        #expect(expected.count == 28)
        var options = CompactOptions()
        options.minInputFiles = 2
        #expect(try lake.compact(options).status == .done && lake.dataFiles.count == 1 && lake.deleteFiles.isEmpty)
        #expect(try lake.content() == expected)
    }
}
