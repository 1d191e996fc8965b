import K2Bytes
import Testing

@testable import K2Parquet

struct RoundTripTests {
    static let variants: [WriterOptions] = {
        var small = WriterOptions()
        small.pageSize = 512
        var bare = WriterOptions()
        bare.compression = .uncompressed
        bare.allowsDeltaEncodings = false
        var hard = WriterOptions()
        hard.compression = .zstd(level: 9)
        return [WriterOptions(), small, bare, hard]
    }()

    @Test(arguments: variants.indices, [0, 1, 2, 1000])
    func everyTypeComesBack(variant: Int, rows: Int) throws {
        let seed = newSeed()
        let every = EveryType(rows: rows, seed: seed)
        let (bytes, summary) = try writeFile(every.schema, [(every.batch, .all)], options: Self.variants[variant])
        #expect(summary.rowCount == Int64(rows) && summary.fileSize == Int64(bytes.count))
        for (field, (found, column)) in zip(every.fields, zip(try readCells(bytes, every.schema), every.batch)) {
            #expect(found == column.cells(field.type), "seed \(seed) column \(field.name)")
        }
    }

    @Test func rowGroupsTakeTheirRowsInTheGivenOrder() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        let every = EveryType(rows: 500, seed: seed)
        let order = [UInt32](0..<500).shuffled(using: &random)
        let groups: [(batch: [Column], rows: RowSelection)] = [
            (every.batch, .rows(order[100..<400])), (every.batch, .range(7..<8)), (every.batch, .range(9..<9)), (every.batch, .rows([3, 3, 3])),
            (every.batch, .all),
        ]
        let (bytes, summary) = try writeFile(every.schema, groups)
        #expect(summary.metadata.rowGroups.map(\.rowCount) == [300, 1, 3, 500])
        #expect(summary.splitOffsets.first == 4 && summary.splitOffsets == summary.splitOffsets.sorted())
        let rows = order[100..<400].map { Int($0) } + [7, 3, 3, 3] + (0..<500)
        for (field, (found, column)) in zip(every.fields, zip(try readCells(bytes, every.schema), every.batch)) {
            let cells = column.cells(field.type)
            #expect(found == rows.map { cells[$0] }, "seed \(seed) column \(field.name)")
        }
    }

    @Test func columnsOfAllNullsAndOfNoNulls() throws {
        for nullPercent in [0, 100] {
            let seed = newSeed()
            let every = EveryType(rows: 300, seed: seed, nullPercent: nullPercent)
            let (bytes, _) = try writeFile(every.schema, [(every.batch, .all)])
            for (field, (found, column)) in zip(every.fields, zip(try readCells(bytes, every.schema), every.batch)) {
                #expect(found == column.cells(field.type), "seed \(seed) column \(field.name)")
            }
        }
    }

    /// Long enough for several pages, for probing, and for each encoding to be chosen once.
    @Test func longColumnsComeBackInEveryEncoding() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        let count = 200_000
        typealias Field = ParquetSchema.Field
        let fields = [
            Field("sequence", .int64, isRequired: true), Field("repeated", .int64, isRequired: true), Field("id", .string, isRequired: true),
            Field("words", .string, isRequired: true), Field("price", .decimal(precision: 38, scale: 12), isRequired: true),
            Field("random", .uuid, isRequired: true), Field("free", .string, isRequired: true), Field("days", .date), Field("flag", .boolean),
        ]
        var price: Int128 = 64_000
        let batch: [Column] = [
            Column(.int64((0..<Int64(count)).map { 388_511_000 + $0 })),
            Column(.int64((0..<count).map { _ in Int64.random(in: 0...50, using: &random) << 40 })),
            Column(.bytes(ByteColumn((0..<count).map { "BINANCE-\(388_511_000 + $0)" }))),
            Column(.bytes(ByteColumn((0..<count).map { _ in "word \(Int.random(in: 0...2000, using: &random))" }))),
            Column(.int128((0..<count).map { _ in price += Int128.random(in: -3...3, using: &random); return price * 10_000_000_000 })),
            Column(.uint128((0..<count).map { _ in UInt128(random.next()) << 64 | UInt128(random.next()) })),
            Column(.bytes(ByteColumn((0..<count).map { _ in random.text() }))),
            Column(.int32((0..<count).map { Int32($0 / 1000) }), validity: (0..<count).map { $0 % 3 != 0 }),
            Column(.bool((0..<count).map { _ in random.chance(50) }), validity: (0..<count).map { $0 % 1000 != 0 }),
        ]
        let schema = ParquetSchema(fields)
        let (bytes, summary) = try writeFile(schema, [(batch, .all)])
        for (field, (found, column)) in zip(fields, zip(try readCells(bytes, schema), batch)) {
            var cells = column.cells(field.type)
            if !field.isRequired, let validity = column.validity { cells = zip(cells, validity).map { $1 ? $0 : "NULL" } }
            #expect(found == cells, "seed \(seed) column \(field.name)")
        }
        let encodings = summary.metadata.rowGroups[0].columns.map { $0.encodingStats.last?.encoding }
        #expect(
            encodings.prefix(6) == [.deltaBinaryPacked, .rleDictionary, .deltaByteArray, .rleDictionary, .rleDictionary, .plain])
        #expect(summary.metadata.rowGroups[0].columns[5].codec == .uncompressed)
        #expect(summary.metadata.rowGroups[0].columns[5].encodingStats.last?.count == 4)
    }

    @Test func aLevelOfALongListStaysInOnePage() throws {
        let fields = [ParquetSchema.Field("list", .list(element: .init("element", .int64, isRequired: true)), isRequired: true)]
        let offsets: [UInt32] = [0, 0, 400_000, 400_000, 400_003]
        let batch = [Column(.list(offsets: offsets, elements: Column(.int64((0..<400_003).map { $0 * 7 }))))]
        let (bytes, summary) = try writeFile(ParquetSchema(fields), [(batch, .all)])
        #expect(try readCells(bytes, ParquetSchema(fields))[0] == batch[0].cells(fields[0].type))
        #expect(summary.columns[0].valueCount == 400_005)
        #expect(summary.metadata.rowGroups[0].columns[0].encodingStats.last?.count == 2)
    }
}
