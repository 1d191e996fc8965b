import K2Bytes
import Testing

@testable import K2Parquet

struct MalformedFileTests {
    /// Small enough to be read some thousand times, with pages of every encoding.
    private static func goodFile() throws -> [UInt8] {
        var options = WriterOptions()
        options.pageSize = 300
        let every = EveryType(rows: 40, seed: 1)
        typealias Field = ParquetSchema.Field
        let keep = ["bool_optional", "int64_required", "double_optional", "string_optional", "uuid_required", "fixed_optional", "list_optional", "map_optional", "decimal38"]
        let chosen = every.fields.indices.filter { keep.contains(every.fields[$0].name) }
        var fields = chosen.map { every.fields[$0] }
        var batch = chosen.map { every.batch[$0] }
        fields += [Field("sorted", .int64, isRequired: true), Field("ids", .string, isRequired: true), Field("words", .string, isRequired: true)]
        batch += [
            Column(.int64((0..<40).map { $0 * 1000 })), Column(.bytes(ByteColumn((0..<40).map { "BINANCE-10000\($0)" }))),
            Column(.dictionary(codes: (0..<40).map { $0 % 3 }, values: ByteColumn(["one", "two", "three"]))),
        ]
        let (bytes, summary) = try writeFile(ParquetSchema(fields), [(batch, .all), (batch, .range(0..<5))], options: options)
        let encodings = Set(summary.metadata.rowGroups[0].columns.compactMap { $0.encodingStats.last?.encoding })
        #expect(encodings.isSuperset(of: [.plain, .rleDictionary, .deltaBinaryPacked, .deltaByteArray]))
        try ParquetReader.readEverything(bytes)
        return bytes
    }

    /// Whether the bytes are refused; anything but a `ParquetError` is a failure, and a trap ends the tests.
    static func isRefused(_ bytes: [UInt8], _ seed: UInt64) -> Bool {
        do {
            try ParquetReader.readEverything(bytes)
            return false
        } catch {
            #expect(error is ParquetError, "seed \(seed): \(error)")
            return true
        }
    }

    @Test func changedBytesAreErrorsOrFine() throws {
        let good = try Self.goodFile()
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // Half of the changes go to the footer, where most length fields are.
                let start = random.chance(50) ? bytes.count / 2 : 0
                let position = Int.random(in: start..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes[position] = 0xff
                default: bytes[position] = bytes[position] &+ 1
                }
            }
            if Self.isRefused(bytes, seed) { refused += 1 }
        }
        #expect(refused > 500, "seed \(seed)")
    }

    @Test func eachByteFlippedAndEachLengthIsAnErrorOrFine() throws {
        let every = EveryType(rows: 6, seed: 2)
        let keep = ["bool_optional", "int64_required", "interned_required", "list_optional", "decimal38"]
        let chosen = every.fields.indices.filter { keep.contains(every.fields[$0].name) }
        let (good, _) = try writeFile(ParquetSchema(chosen.map { every.fields[$0] }), [(chosen.map { every.batch[$0] }, .all)])
        try ParquetReader.readEverything(good)
        var refused = 0
        for position in good.indices {
            for flip: UInt8 in [0xff, 0x01, 0x80] {
                var bytes = good
                bytes[position] ^= flip
                if Self.isRefused(bytes, 0) { refused += 1 }
            }
            #expect(Self.isRefused(Array(good[..<position]), 0))
        }
        #expect(refused > good.count)
    }

    @Test func footersAreBoundedByWhatIsThere() throws {
        let good = try Self.goodFile()
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1000 {
            var bytes = good
            let position = Int.random(in: bytes.count - 2000..<bytes.count - 8, using: &random)
            bytes.replaceSubrange(position..<position + 5, with: [0xff, 0xff, 0xff, 0xff, 0x0f].prefix(Int.random(in: 1...5, using: &random)) + [])
            bytes.append(contentsOf: [UInt8](repeating: 0, count: max(good.count - bytes.count, 0)))
            bytes.replaceSubrange(bytes.count - 8..<bytes.count, with: good.suffix(8))
            _ = Self.isRefused(bytes, seed)
        }
    }

    @Test func shortenedFilesAreErrors() throws {
        let good = try Self.goodFile()
        for length in stride(from: 0, to: good.count, by: 7) { #expect(Self.isRefused(Array(good[..<length]), 0)) }
        for length in stride(from: 1, to: good.count - 12, by: 31) { _ = Self.isRefused(Array(good[length...]), 0) }
        for length in stride(from: 4, to: good.count - 12, by: 31) { _ = Self.isRefused(Array(good[..<length] + good[(length + 1)...]), 0) }
    }

    @Test func errorsNameThePlace() throws {
        let good = try Self.goodFile()
        #expect { try ParquetReader([]) } throws: { "\($0)" == "parquet: file: found 0 bytes, expected 12 or more" }
        #expect { try ParquetReader([UInt8](repeating: 65, count: 20)) } throws: { "\($0)" == "parquet: file: does not end with PAR1" }
        var long = good
        long[long.count - 5] = 0x7f
        #expect { try ParquetReader(long) } throws: { "\($0)".hasPrefix("parquet: footer: length 21") }
        var page = good
        let reader = try ParquetReader(good)
        page[Int(reader.metadata.rowGroups[0].columns[1].dataPageOffset)] = 0xff
        #expect { try ParquetReader(page).column(1, rowGroup: 0) } throws: { "\($0)".contains(": page 0 at byte 0: page header: unknown thrift type 15 (byte 1)") }
    }

    @Test func aPageThatClaimsTooMuchIsRefusedBeforeItIsMade() throws {
        var limits = ReaderLimits.strict
        limits.chunkValues = 10
        let good = try Self.goodFile()
        #expect { try ParquetReader.readEverything(good, limits: limits) } throws: { ($0 as? ParquetError)?.code == .tooLarge }
        limits = .strict
        limits.pageBytes = 16
        #expect { try ParquetReader.readEverything(good, limits: limits) } throws: { ($0 as? ParquetError)?.code == .tooLarge }
        limits = .strict
        limits.chunkBytes = 16
        #expect { try ParquetReader.readEverything(good, limits: limits) } throws: { ($0 as? ParquetError)?.code == .tooLarge }
    }
}
