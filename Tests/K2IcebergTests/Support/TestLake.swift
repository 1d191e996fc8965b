import Foundation
import K2Iceberg
import K2JSON
import K2ObjectStore
import Synchronization

/// A lake in a folder of its own that goes away with the test.
final class TestLake: Sendable {
    let folder: String
    let store = LocalStore(durable: false)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("k2-lake-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var catalogPath: String { folder + "/catalog.db" }
    var warehouse: String { "file://" + folder + "/warehouse" }

    func catalog(_ environment: CommitEnvironment = .fixed()) throws -> SQLCatalog {
        try SQLCatalog(path: catalogPath, warehouse: warehouse, store: store, environment: environment)
    }
}

extension CommitEnvironment {
    /// Time and chance that are the same on every run; waiting takes no time.
    static func fixed(seed: UInt64 = 1, startMS: Int64 = 1_760_000_000_000) -> CommitEnvironment {
        let state = Mutex((clock: startMS, random: seed))
        return CommitEnvironment(
            nowMS: {
                state.withLock { state in
                    state.clock += 1
                    return state.clock
                }
            },
            random16: {
                state.withLock { state in
                    (0..<16).map { _ in
                        state.random = state.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                        return UInt8(truncatingIfNeeded: state.random >> 33)
                    }
                }
            },
            sleepMS: { _ in })
    }
}

/// A small generator for property tests; the seed is printed with a failure.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 2 &+ 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }
}

enum Fixtures {
    /// A column of every type of format version 2 that K2 writes.
    static func everyTypeSchema() throws -> Schema {
        try Schema(fields: [
            NestedField(1, "id", .long, required: true),
            NestedField(2, "ts", .timestamptz, required: true),
            NestedField(3, "symbol", .string, required: false, doc: "base/quote, with \"quotes\" and ümläuts"),
            NestedField(4, "price", .decimal(38, 12), required: false),
            NestedField(5, "flag", .boolean, required: false),
            NestedField(6, "i", .int, required: false),
            NestedField(7, "f", .float, required: false),
            NestedField(8, "d", .double, required: false),
            NestedField(9, "date", .date, required: false),
            NestedField(10, "local", .timestamp, required: false),
            NestedField(11, "uuid", .uuid, required: false),
            NestedField(12, "bin", .binary, required: false),
            NestedField(13, "fix", .fixed(4), required: false),
            NestedField(14, "tags", .list(ListType(elementID: 15, element: .string, elementRequired: true)), required: false),
            NestedField(
                16, "attrs", .map(MapType(keyID: 17, key: .string, valueID: 18, value: .string, valueRequired: false)), required: false),
            NestedField(19, "small", .decimal(9, 2), required: false),
            NestedField(
                20, "inner", .structure([NestedField(21, "x", .long, required: false), NestedField(22, "y", .string, required: false)]),
                required: false),
        ])
    }

    static func daySpec() -> PartitionSpec {
        PartitionSpec(fields: [PartitionField(sourceID: 2, fieldID: 1000, name: "ts_day", transform: .day)])
    }

    static func creation() throws -> TableCreation {
        let schema = try everyTypeSchema()
        return TableCreation(
            schema: schema, spec: daySpec(), sortOrder: SortOrder(fields: [SortField(sourceID: 3), SortField(sourceID: 2)]),
            properties: ["write.parquet.compression-codec": "zstd", NameMapping.property: NameMapping(schema).json.text])
    }

    static let trades = TableIdentifier(["cold"], "trades")
}
