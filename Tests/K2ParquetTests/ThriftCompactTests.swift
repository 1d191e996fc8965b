import K2Bytes
import Testing

@testable import K2Parquet

struct ThriftCompactTests {
    @Test func fieldsOfEveryTypeComeBack() throws {
        let seed = newSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let ids = Set((0..<8).map { _ in Int16.random(in: 1...3000, using: &random) }).sorted()
            let numbers = ids.map { _ in Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random) }
            var writer = ThriftWriter()
            for (id, number) in zip(ids, numbers) {
                switch id % 6 {
                case 0: writer.field(id, number)
                case 1: writer.field(id, Int32(truncatingIfNeeded: number))
                case 2: writer.field(id, Int16(truncatingIfNeeded: number))
                case 3: writer.field(id, number > 0)
                case 4: writer.field(id, "\(number)")
                default:
                    writer.beginStruct(id)
                    writer.field(1, number)
                    writer.endStruct()
                }
            }
            writer.endMessage()
            var reader = ThriftReader(writer.output.bytes, place: "test")
            try reader.beginStruct()
            for (id, number) in zip(ids, numbers) {
                let next = try reader.nextField()
                let field = try #require(next)
                #expect(field.id == id, "seed \(seed)")
                if number % 7 == 0 {
                    try reader.skip(field)
                    continue
                }
                switch id % 6 {
                case 0: #expect(try reader.int64(field) == number, "seed \(seed)")
                case 1: #expect(try reader.int32(field) == Int32(truncatingIfNeeded: number), "seed \(seed)")
                case 2: #expect(try reader.int16(field) == Int16(truncatingIfNeeded: number), "seed \(seed)")
                case 3: #expect(try reader.bool(field) == (number > 0), "seed \(seed)")
                case 4: #expect(try reader.string(field) == "\(number)", "seed \(seed)")
                default:
                    try reader.structure(field)
                    let inner = try reader.nextField()
                    #expect(try reader.int64(try #require(inner)) == number, "seed \(seed)")
                    let end = try reader.nextField()
                    #expect(end == nil)
                }
            }
            let end = try reader.nextField()
            #expect(end == nil && reader.cursor.isAtEnd, "seed \(seed)")
        }
    }

    @Test func listsLongerThan14HaveTheirCountInAVarint() throws {
        for count in [0, 1, 14, 15, 16, 300] {
            var writer = ThriftWriter()
            writer.beginList(2, of: .int32, count: count)
            for element in 0..<count { writer.element(Int32(element)) }
            writer.endMessage()
            var reader = ThriftReader(writer.output.bytes, place: "test")
            try reader.beginStruct()
            let field = try #require(try reader.nextField())
            let found = try reader.list(field, of: .int32)
            #expect(found == count)
            for element in 0..<count { #expect(try reader.int32Element() == Int32(element)) }
        }
    }

    @Test func wholeFootersComeBack() throws {
        let metadata = FileMetadata(
            schema: [
                SchemaElement(name: "root", childCount: 3),
                SchemaElement(name: "a", type: .int32, repetition: .optional, fieldID: 7, logicalType: .integer(bitWidth: 16, isSigned: true)),
                SchemaElement(
                    name: "b", type: .fixedLenByteArray, typeLength: 16, repetition: .required, convertedType: .decimal, scale: 4,
                    precision: 38, logicalType: .decimal(precision: 38, scale: 4)),
                SchemaElement(name: "c", type: .int64, repetition: .required, logicalType: .time(isAdjustedToUTC: false, unit: .nanos)),
            ],
            rowCount: 3,
            rowGroups: [
                RowGroupMetadata(
                    columns: [
                        ColumnChunkMetadata(
                            type: .int32, encodings: [.plain, .rle], path: ["a"], codec: .zstd, valueCount: 3, totalUncompressedSize: 100,
                            totalCompressedSize: 50, dataPageOffset: 40, dictionaryPageOffset: 4,
                            statistics: ColumnStatistics(nullCount: 1, min: [1], max: [2], isMinExact: true, isMaxExact: false),
                            encodingStats: [PageEncodingCount(pageType: .dataPage, encoding: .plain, count: 2)],
                            columnIndex: FileRange(offset: 9, length: 8), offsetIndex: FileRange(offset: 17, length: 1))
                    ], totalByteSize: 100, rowCount: 3, fileOffset: 4, totalCompressedSize: 50, ordinal: 0)
            ], keyValues: [KeyValue("k", "v"), KeyValue("empty", nil)], createdBy: "someone")
        var writer = ThriftWriter()
        metadata.encode(into: &writer)
        var reader = ThriftReader(writer.output.bytes, place: "footer")
        #expect(try FileMetadata(from: &reader) == metadata)
    }

    @Test(arguments: [
        PageHeader(kind: .dictionary(valueCount: 5, encoding: .plain), uncompressedSize: 10, compressedSize: 9),
        PageHeader(
            kind: .data(valueCount: 5, encoding: .rleDictionary, definitionEncoding: .rle, repetitionEncoding: .rle), uncompressedSize: 1,
            compressedSize: 2),
        PageHeader(
            kind: .dataV2(
                PageHeader.DataPageV2(
                    valueCount: 9, nullCount: 3, rowCount: 4, encoding: .plain, definitionLevelsLength: 5, repetitionLevelsLength: 6,
                    isCompressed: false)), uncompressedSize: .max, compressedSize: 0),
    ])
    func pageHeadersComeBack(header: PageHeader) throws {
        var writer = ThriftWriter()
        header.encode(into: &writer)
        var reader = ThriftReader(writer.output.bytes, place: "page")
        #expect(try PageHeader(from: &reader) == header)
    }

    @Test(arguments: [
        [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f],  // a list of 2^32 structs
        [0x18, 0xff, 0xff, 0xff, 0x7f],  // a binary of 256 MB
        [0x1e], [0x15], [], [0x05, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ])
    func impossibleBytesAreErrors(bytes: [UInt8]) {
        #expect(throws: ParquetError.self) {
            var reader = ThriftReader(bytes.span, place: "test")
            try reader.beginStruct()
            while let field = try reader.nextField() { try reader.skip(field) }
        }
    }

    @Test func endlessNestingIsAnError() {
        for byte: UInt8 in [0x1c, 0x19] {
            let bytes = [UInt8](repeating: byte, count: 10_000)
            #expect(throws: ParquetError.self) {
                var reader = ThriftReader(bytes.span, place: "test")
                try reader.beginStruct()
                while let field = try reader.nextField() { try reader.skip(field) }
            }
        }
    }
}
