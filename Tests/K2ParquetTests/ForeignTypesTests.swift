import Foundation
import K2Bytes
import Testing

@testable import K2Parquet

/// A folder of files that all hold the table whose cells lie beside them.
private struct ForeignFiles {
    let names: [String]
    /// Cells by column, then by row.
    let truth: [[String]]
    let files: [(name: String, bytes: [UInt8])]

    init(_ folder: URL) throws {
        let lines = try String(contentsOf: folder.appending(path: "truth"), encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        names = try #require(lines.first)
        truth = names.indices.map { column in lines.dropFirst().map { $0[column] } }
        files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".parquet") }.sorted().map {
            ($0, [UInt8](try Data(contentsOf: folder.appending(path: $0))))
        }
    }

    func check(_ found: [String], column: Int, _ what: String) {
        let wrong = zip(found, truth[column]).enumerated().first { $1.0 != $1.1 }
        #expect(found.count == truth[column].count && wrong == nil, "\(what) column \(names[column]): \(wrong.map { "row \($0): \($1.0) for \($1.1)" } ?? "")")
    }
}

@Suite(.enabled(if: ForeignPython.isWanted))
struct ForeignTypesTests {
    /// Every type, in every encoding, codec and version of pages, whole and in pieces, with dictionaries and without.
    @Test func everyFileOfPyarrowIsReadToTheLastValue() throws {
        let seed = newSeed() % 1_000_000
        try ForeignPython.withFolder { folder in
            _ = try ForeignPython.run("write_types.py", [folder.path, "\(seed)"])
            let foreign = try ForeignFiles(folder)
            #expect(foreign.files.count == 41 && foreign.truth[0].count == 250)
            var seen: Set<Encoding> = []
            var random = SeededGenerator(seed: seed)
            for (name, bytes) in foreign.files {
                let reader = try ParquetReader(bytes)
                let groups = reader.metadata.rowGroups.indices
                for group in reader.metadata.rowGroups { for column in group.columns { seen.formUnion(column.encodings) } }
                for column in foreign.names.indices {
                    for reading in [DictionaryReading.decoded, .kept] {
                        let found = try groups.flatMap { try reader.field(column, rowGroup: $0, dictionaries: reading).plainCells }
                        foreign.check(found, column: column, "seed \(seed) \(name) \(reading)")
                    }
                }
                for leaf in reader.schema.leaves.indices where random.chance(20) {
                    for group in groups { try Self.checkPieces(reader, leaf, group, &random, "seed \(seed) \(name)") }
                }
            }
            #expect(seen.isSuperset(of: [.plain, .rle, .rleDictionary, .deltaBinaryPacked, .deltaByteArray, .deltaLengthByteArray, .byteStreamSplit]))
        }
    }

    /// Pages, and pieces of any number of rows, put together again are what the whole is.
    static func checkPieces(_ reader: ParquetReader, _ leaf: Int, _ group: Int, _ random: inout SeededGenerator, _ what: Comment) throws {
        let whole = try reader.column(leaf, rowGroup: group)
        for reading in [DictionaryReading.decoded, .kept] {
            let fetchBytes = Int.random(in: 1...20_000, using: &random)
            var pages = try reader.pages(leaf, rowGroup: group, dictionaries: reading, fetchBytes: fetchBytes)
            var rows = try reader.pages(leaf, rowGroup: group, dictionaries: reading, fetchBytes: fetchBytes)
            var (byPage, byRows) = (LeafColumn(leaf: whole.leaf), LeafColumn(leaf: whole.leaf))
            while let piece = try pages.next() {
                #expect(piece.repetitionLevels.first ?? 0 == 0 && piece.entryCount > 0, what)
                try byPage.append(piece)
            }
            while true {
                let wanted = Int.random(in: 1...150, using: &random)
                // Now and then what is left of a page comes in between.
                let piece = random.chance(10) ? try rows.next() ?? LeafColumn(leaf: whole.leaf) : try rows.next(rows: wanted)
                if piece.entryCount == 0 { break }
                try byRows.append(piece)
            }
            #expect(pages.rowCount == whole.rowCount && rows.rowCount == whole.rowCount, what)
            byPage.values = try byPage.values.decoded()
            byRows.values = try byRows.values.decoded()
            #expect(byPage == whole && byRows == whole, what)
        }
        var kept = try reader.column(leaf, rowGroup: group, dictionaries: .kept)
        kept.values = try kept.values.decoded()
        #expect(kept == whole, what)
    }

    /// Every codec, encoding and version with changed bytes: errors or other values, and nothing else.
    @Test func changedFilesOfPyarrowAreErrorsOrFine() throws {
        let seed = newSeed() % 1_000_000
        try ForeignPython.withFolder { folder in
            _ = try ForeignPython.run("write_types.py", [folder.path, "\(seed)", "small"])
            var random = SeededGenerator(seed: seed)
            var refused = 0
            for (_, good) in try ForeignFiles(folder).files {
                try ParquetReader.readEverything(good)
                for _ in 0..<8 {
                    var bytes = good
                    for _ in 0..<Int.random(in: 1...3, using: &random) {
                        let position = Int.random(in: 4..<bytes.count - 8, using: &random)
                        bytes[position] = random.chance(50) ? UInt8.random(in: 0...255, using: &random) : bytes[position] ^ 1
                    }
                    if MalformedFileTests.isRefused(bytes, seed) { refused += 1 }
                }
            }
            #expect(refused > 50, "seed \(seed)")
        }
    }

    @Test func levelsTellStructsAndNestedListsApart() throws {
        let seed = newSeed() % 1_000_000
        try ForeignPython.withFolder { folder in
            _ = try ForeignPython.run("write_nested.py", [folder.path, "\(seed)"])
            let foreign = try ForeignFiles(folder)
            var random = SeededGenerator(seed: seed)
            for (name, bytes) in foreign.files {
                let reader = try ParquetReader(bytes)
                for (column, node) in reader.schema.root.children.enumerated() {
                    let found = try reader.metadata.rowGroups.indices.flatMap { try RecordAssembly(reader, rowGroup: $0).rows(node) }
                    foreign.check(found, column: column, "seed \(seed) \(name)")
                    #expect { try reader.field(column, rowGroup: 0) } throws: {
                        "\($0)" == "parquet: row group 0: \(foreign.names[column]): a group that is not a list or map of leaves"
                    }
                    for leaf in node.leaves {
                        for group in reader.metadata.rowGroups.indices { try Self.checkPieces(reader, leaf, group, &random, "seed \(seed) \(name)") }
                    }
                }
            }
        }
    }

    @Test(arguments: ["duckdb", "chdb"])
    func filesOfOtherEnginesAreRead(engine: String) throws {
        try ForeignPython.withFolder { folder in
            let files = try ForeignPython.run("write_engines.py", [engine, folder.path]).split(separator: "\n").map(String.init)
            #expect(files.count == 8)
            // All hold the same rows.
            let rows = try ForeignPython.run("dump.py", [engine, files[0]]).split(separator: "\n").map {
                $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            }
            for file in files {
                let reader = try ParquetReader([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
                // Their bounds are good for leaving row groups out: the first column counts the rows.
                #expect(reader.rowGroups(where: [(0, .within(lower: .int32(3000), upper: nil))]).isEmpty, "\(file)")
                #expect(reader.rowGroups(where: [(0, .oneOf([.int32(2999)]))]) == [reader.metadata.rowGroups.count - 1], "\(file)")
                for column in reader.schema.root.children.indices {
                    let found = try reader.metadata.rowGroups.indices.flatMap { try reader.field(column, rowGroup: $0).plainCells }
                    let expected = rows.map { $0[column] }
                    let wrong = zip(found, expected).first { $0 != $1 }
                    #expect(found.count == expected.count && wrong == nil, "\(file) \(reader.schema.root.children[column].element.name): \(String(describing: wrong))")
                }
            }
        }
    }

    @Test func whatIsNotReadIsNamed() throws {
        try ForeignPython.withFolder { folder in
            let files = try ForeignPython.run("write_unsupported.py", [folder.path]).split(separator: "\n").map(String.init)
            var messages: [String] = []
            for file in files {
                let reader = try ParquetReader([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
                let error = #expect(throws: ParquetError.self) { try reader.field(0, rowGroup: 0) }
                #expect(error?.code == .unsupported)
                messages.append(error.map { "\($0)" } ?? "")
            }
            #expect(
                messages == [
                    "parquet: row group 0: n: values of type INT96",
                    "parquet: row group 0: n: compression lz4Raw",
                    "parquet: row group 0: n: compression brotli",
                    "parquet: row group 0: n: a time of 1771372800000000001 ns, which is no whole number of microseconds",
                    "parquet: row group 0: n: an unsigned value of 18446744073709551615, expected at most 9223372036854775807",
                    "parquet: row group 0: n: a decimal of more than 128 bits",
                ])
            let times = try ParquetReader([UInt8](try Data(contentsOf: URL(fileURLWithPath: files[0])))).column(0, rowGroup: 0)
            // Nanoseconds of the day and the Julian day, both from the least byte on.
            #expect(times.values == .fixed(width: 12, [1, 0, 0, 0, 0, 0, 0, 0, 0xa2, 0x8d, 0x25, 0]) && times.definitionLevels == [1, 0])
        }
    }
}
