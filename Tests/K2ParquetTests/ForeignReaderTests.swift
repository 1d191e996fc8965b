import K2Bytes
import Foundation
import Testing

@testable import K2Parquet

/// Runs the Python that has pyarrow, duckdb and chdb: `K2_TEST_PYTHON`, else the virtual environment of the package.
enum ForeignPython {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Foreign")

    static let interpreter: String = {
        if let named = ProcessInfo.processInfo.environment["K2_TEST_PYTHON"] { return named }
        return folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: ".venv/bin/python").path
    }()

    /// In CI a missing interpreter must fail, so that the tests are run there.
    static let isWanted =
        FileManager.default.isExecutableFile(atPath: interpreter) || ProcessInfo.processInfo.environment["CI"] != nil

    static func run(_ script: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: interpreter)
        process.arguments = [folder.appending(path: script).path] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(script) \(arguments) failed")
        return String(decoding: data, as: UTF8.self)
    }

    /// Calls `body` with a new folder that is removed afterwards.
    static func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "k2-parquet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }
}

@Suite(.enabled(if: ForeignPython.isWanted))
struct ForeignReaderTests {
    @Test(arguments: ["pyarrow", "duckdb", "chdb"])
    func otherEnginesReadEveryValue(engine: String) throws {
        for (options, rows) in [(RoundTripTests.variants[0], 2000), (RoundTripTests.variants[1], 500), (RoundTripTests.variants[2], 1)] {
            let seed = newSeed()
            let every = EveryType(rows: rows, seed: seed)
            let (bytes, _) = try writeFile(every.schema, [(every.batch, .all), (every.batch, .range(0..<1))], options: options)
            try ForeignPython.withFolder { folder in
                let file = folder.appending(path: "every.parquet")
                try Data(bytes).write(to: file)
                let lines = try ForeignPython.run("dump.py", [engine, file.path]).split(separator: "\n")
                #expect(lines.count == rows + 1)
                let found = lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
                for (index, field) in every.fields.enumerated() {
                    let cells = Self.expected(every.batch[index].cells(field.type), field, engine)
                    let wrong = zip(found, cells + cells.prefix(1)).first { $0.count != every.fields.count || $0[index] != $1 }
                    #expect(wrong == nil, "seed \(seed) \(engine) column \(field.name): \(wrong.map { "\($0[index]) for \($1)" } ?? "")")
                }
            }
        }
    }

    /// ClickHouse has no null lists and maps: it reads them as empty ones.
    private static func expected(_ cells: [String], _ field: ParquetSchema.Field, _ engine: String) -> [String] {
        guard engine == "chdb" else { return cells }
        switch field.type {
        case .list: return cells.map { $0 == "NULL" ? "[]" : $0 }
        case .map: return cells.map { $0 == "NULL" ? "{}" : $0 }
        default: return cells
        }
    }

    @Test(arguments: ["pyarrow", "duckdb", "chdb"])
    func otherEnginesReadALongTable(engine: String) throws {
        let count = 150_000
        let fields: [ParquetSchema.Field] = [
            .init("id", id: 1, .string, isRequired: true), .init("sequence", id: 2, .int64, isRequired: true),
            .init("price", id: 3, .decimal(precision: 38, scale: 12), isRequired: true), .init("time", id: 4, .timestampTZMicros),
            .init("uuid", id: 5, .uuid, isRequired: true),
        ]
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        let batch = [
            Column(.bytes(ByteColumn((0..<count).map { "BINANCE-\(388_511_000 + $0)" }))),
            Column(.int64((0..<Int64(count)).map { $0 * 3 - 7 })),
            Column(.int128((0..<count).map { _ in Int128.random(in: -9999...9999, using: &random) * 10_000_000_000 })),
            Column(.int64((0..<Int64(count)).map { 1_771_372_800_000_000 + $0 * 8191 }), validity: (0..<count).map { $0 % 11 != 0 }),
            Column(.uint128((0..<count).map { _ in UInt128(random.next()) << 64 | UInt128(random.next()) })),
        ]
        let (bytes, summary) = try writeFile(ParquetSchema(fields), [(batch, .all)])
        #expect(
            summary.metadata.rowGroups[0].columns.map { $0.encodingStats.last?.encoding }
                == [.deltaByteArray, .deltaBinaryPacked, .rleDictionary, .deltaBinaryPacked, .plain])
        try ForeignPython.withFolder { folder in
            let file = folder.appending(path: "long.parquet")
            try Data(bytes).write(to: file)
            let found = try ForeignPython.run("dump.py", [engine, file.path])
            let columns = zip(batch, fields).map { $0.cells($1.type) }
            let expected = (0..<count).map { row in columns.map { $0[row] }.joined(separator: "\t") }.joined(separator: "\n") + "\n"
            #expect(found == expected, "seed \(seed)")
        }
    }

    /// Pages without a single value, in each encoding.
    @Test(arguments: ["pyarrow", "duckdb", "chdb"])
    func otherEnginesReadPagesOfNulls(engine: String) throws {
        let (count, filled) = (300_000, 2000)
        let validity = (0..<count).map { $0 < filled }
        let fields: [ParquetSchema.Field] = [
            .init("sequence", .int64), .init("id", .string), .init("word", .string), .init("price", .decimal(precision: 38, scale: 12)),
            .init("list", .list(element: .init("element", .string, isRequired: true))),
        ]
        var ids = ByteColumn((0..<filled).map { "BINANCE-\(388_511_000 + $0)" })
        for _ in filled..<count { ids.appendEmpty() }
        let offsets = (0...count).map { UInt32(min($0, filled)) }
        let batch = [
            Column(.int64((0..<Int64(count)).map { $0 * 1000 }), validity: validity), Column(.bytes(ids), validity: validity),
            Column(.dictionary(codes: (0..<UInt32(count)).map { $0 % 3 }, values: ByteColumn(["a", "b", "c"])), validity: validity),
            Column(.int128((0..<Int128(count)).map { $0 * $0 * 1_000_003 }), validity: validity),
            Column(.list(offsets: offsets, elements: Column(.bytes(ids)))),
        ]
        let (bytes, summary) = try writeFile(ParquetSchema(fields), [(batch, .all)])
        let pages = summary.metadata.rowGroups[0].columns.map { $0.encodingStats.last }
        #expect(pages.map { $0?.encoding } == [.deltaBinaryPacked, .deltaByteArray, .rleDictionary, .plain, .deltaByteArray])
        #expect(pages.allSatisfy { ($0?.count ?? 0) > 1 })
        let columns = zip(batch, fields).map { $0.cells($1.type) }
        #expect(try readCells(bytes, ParquetSchema(fields)) == columns)
        try ForeignPython.withFolder { folder in
            let file = folder.appending(path: "nulls.parquet")
            try Data(bytes).write(to: file)
            let found = try ForeignPython.run("dump.py", [engine, file.path])
            let expected = (0..<count).map { row in columns.map { $0[row] }.joined(separator: "\t") }.joined(separator: "\n") + "\n"
            #expect(found == expected)
        }
    }

    @Test func othersReadFooterAndStatistics() throws {
        var options = WriterOptions()
        options.keyValues = [KeyValue("iceberg.schema", #"{"type":"struct"}"#)]
        options.maxBoundLength = 4
        let fields: [ParquetSchema.Field] = [
            .init("price", id: 8, .decimal(precision: 38, scale: 12), isRequired: true), .init("name", id: 9, .string),
            .init("tags", id: 10, .list(element: .init("element", id: 11, .string, isRequired: true)), isRequired: true),
        ]
        let lists = ColumnValues.list(offsets: [0, 1, 1, 1], elements: Column(.bytes(ByteColumn(["x"]))))
        let batch = [
            Column(.int128([-1_500_000_000_000, 7, 2_000_000_000_000])), Column(.bytes(ByteColumn(["abcdefg", "", "xyzzy"])), validity: [true, false, true]),
            Column(lists),
        ]
        let (bytes, _) = try writeFile(ParquetSchema(fields), [(batch, .all)], options: options)
        try ForeignPython.withFolder { folder in
            let file = folder.appending(path: "footer.parquet")
            try Data(bytes).write(to: file)
            let lines = try ForeignPython.run("describe.py", [file.path]).split(separator: "\n").map(String.init)
            #expect(lines.contains("created_by k2 version 0.1.0 (build unknown)"))
            #expect(lines.contains(#"key iceberg.schema {"type":"struct"}"#))
            #expect(lines.contains("column 0 price 3 -1.500000000000 2.000000000000 0"))
            #expect(lines.contains("column 0 name 3 abcd xyz{ 1"))
            #expect(lines.contains("bounds 0 name abcd False xyz{ False"))
            #expect(lines.contains("bounds 0 price -1.500000000000 True 2.000000000000 True"))
            #expect(lines.contains("column 0 tags.list.element 3 x x 2"))
            #expect(lines.contains("  optional group field_id=10 tags (List) {") == false)
            #expect(lines.contains("  required group field_id=10 tags (List) {"))
            #expect(lines.contains("      required binary field_id=11 element (String);"))
            #expect(lines.contains("  required fixed_len_byte_array(16) field_id=8 price (Decimal(precision=38, scale=12));"))
        }
    }

    @Test func filesOfPyarrowAreRead() throws {
        try ForeignPython.withFolder { folder in
            let files = try ForeignPython.run("write.py", [folder.path]).split(separator: "\n").map(String.init)
            #expect(files.count == 7)
            for file in files {
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
                let reader = try ParquetReader(bytes)
                #expect(reader.metadata.rowCount == 5000 && reader.metadata.createdBy?.hasPrefix("parquet-cpp-arrow") == true)
                #expect(reader.schema.root.children.map(\.element.name) == ["n", "s", "l", "p", "b"])
                #expect(reader.schema.leaves[3].element.logicalType == .decimal(precision: 38, scale: 12))
                let statistics = try #require(reader.metadata.rowGroups.last?.columns[0].statistics)
                #expect(statistics.max == BoundValue.int64(4999 * 4999).plain(type: .int64, width: 0))
                let expected = try ForeignPython.run("dump.py", ["pyarrow", file]).split(separator: "\n").map(String.init)
                let types: [ParquetSchema.FieldType] = [
                    .int64, .string, .list(element: .init("element", .string)), .decimal(precision: 38, scale: 12), .boolean,
                ]
                let columns = try types.enumerated().map { index, type in
                    try reader.metadata.rowGroups.indices.flatMap { try reader.field(index, rowGroup: $0).cells(type) }
                }
                let found = (0..<5000).map { row in columns.map { $0[row] }.joined(separator: "\t") }
                #expect(found == expected, "\(file)")
            }
        }
    }
}
