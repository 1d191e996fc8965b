import K2Bytes
import K2Compression
import Testing

@testable import K2Parquet

struct PageDecoderTests {
    private static func int32(_ values: Int32...) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    }

    @Test func levelsInTheOlderPackingAreRead() throws {
        var file = CraftedFile(.int32, rows: 10, isRequired: false)
        // Ten levels of one bit, the first in the highest bit: 1011001110
        file.add(10, .plain, levels: .bitPacked, [0b1011_0011, 0b1000_0000] + Self.int32(1, 2, 3, 4, 5, 6))
        let column = try file.read()
        #expect(column.definitionLevels == [1, 0, 1, 1, 0, 0, 1, 1, 1, 0] && column.values == .int32([1, 2, 3, 4, 5, 6]))
    }

    @Test func aRowMayGoOnInTheNextPage() throws {
        var file = CraftedFile(.int32, rows: 3, isRepeated: true)
        file.valueCount = 6
        // Lists of 1, 4 and 1 elements in pages of 3 entries, of which one begins with the middle of a list.
        func page(_ repetitions: [UInt8], _ values: [UInt8]) -> [UInt8] {
            let bits = repetitions.enumerated().reduce(UInt8(0)) { $0 | $1.element << UInt8($1.offset) }
            return [2, 0, 0, 0, 3, bits] + [2, 0, 0, 0, 6, 1] + values
        }
        file.add(3, .plain, page([0, 0, 1], Self.int32(1, 2, 3)))
        file.add(3, .plain, page([1, 1, 0], Self.int32(4, 5, 6)))
        let reader = try ParquetReader(file.bytes)
        let column = try reader.column(0, rowGroup: 0)
        #expect(column.rowCount == 3 && column.values == .int32([1, 2, 3, 4, 5, 6]))
        var pages = try reader.pages(0, rowGroup: 0)
        var pieces: [LeafValues] = []
        while let piece = try pages.next() { pieces.append(piece.values) }
        #expect(pieces == [.int32([1]), .int32([2, 3, 4, 5, 6])])
        let list = try reader.field(0, rowGroup: 0)
        #expect(list.plainCells == ["[1]", "[2,3,4,5]", "[6]"])
    }

    /// Dictionary codes, then values, then codes again; the footer does not name the dictionary page.
    @Test func codesAndValuesMayTakeTurns() throws {
        var file = CraftedFile(.int32, rows: 9)
        file.namesDictionary = false
        file.add(.dictionary(valueCount: 2, encoding: .plainDictionary), Self.int32(70, 80))
        file.add(3, .plainDictionary, [1, 3, 0b101])
        file.add(3, .plain, Self.int32(1, 2, 3))
        file.add(3, .rleDictionary, [1, 6, 1])
        #expect(try file.read().values == .int32([80, 70, 80, 1, 2, 3, 80, 80, 80]))
        #expect(try file.read(.kept).values == .int32([80, 70, 80, 1, 2, 3, 80, 80, 80]))
        var pages = try ParquetReader(file.bytes).pages(0, rowGroup: 0, dictionaries: .kept)
        let dictionary = LeafDictionary(.int32([70, 80]))
        #expect(try pages.next()?.values == .coded([1, 0, 1], of: dictionary))
        #expect(try pages.next()?.values == .int32([1, 2, 3]))
        #expect(try pages.next()?.values == .coded([1, 1, 1], of: dictionary))
        let end = try pages.next()
        #expect(end == nil && pages.rowCount == 9)
        var rows = try ParquetReader(file.bytes).pages(0, rowGroup: 0, dictionaries: .kept)
        #expect(try rows.next(rows: 2).values == .coded([1, 0], of: dictionary))
        #expect(try rows.next(rows: 3).values == .int32([80, 1, 2]))
        #expect(try rows.next().map(\.values) == .int32([3]))
        #expect(try rows.next(rows: 9).values == .coded([1, 1, 1], of: dictionary))
    }

    @Test func oneEntryNeedsNoBits() throws {
        var file = CraftedFile(.int32, rows: 4)
        file.add(.dictionary(valueCount: 1, encoding: .plain), Self.int32(7))
        file.add(4, .rleDictionary, [0])
        #expect(try file.read().values == .int32([7, 7, 7, 7]))
    }

    @Test func booleansMayBeRuns() throws {
        var file = CraftedFile(.boolean, rows: 11)
        file.add(11, .rle, [4, 0, 0, 0, 6, 1, 3, 0b0101_0101])
        #expect(try file.read().values == .boolean([true, true, true, true, false, true, false, true, false, true, false]))
    }

    @Test func streamsOfBytesArePutTogether() throws {
        var file = CraftedFile(.int32, rows: 2)
        file.add(2, .byteStreamSplit, [0x01, 0x05, 0x02, 0x06, 0x03, 0x07, 0x04, 0x08])
        #expect(try file.read().values == .int32([0x0403_0201, 0x0807_0605]))
    }

    /// The form with two levels that older writers have.
    @Test func whatIsRepeatedMayBeTheElement() throws {
        var file = CraftedFile(.int32, rows: 4)
        file.elements = [
            SchemaElement(name: "root", childCount: 1), SchemaElement(name: "l", repetition: .optional, childCount: 1, convertedType: .list),
            SchemaElement(name: "array", type: .int32, repetition: .repeated),
        ]
        file.path = ["l", "array"]
        file.valueCount = 5
        // [1,2], null, [], [3]: repetitions 0 1 0 0 0 and definitions 2 2 0 1 2, packed in one and two bits.
        file.add(5, .plain, [2, 0, 0, 0, 3, 0b10] + [3, 0, 0, 0, 3, 0b0100_1010, 0b10] + Self.int32(1, 2, 3))
        #expect(try ParquetReader(file.bytes).field(0, rowGroup: 0).plainCells == ["[1,2]", "NULL", "[]", "[3]"])
    }

    @Test func decimalsMayBeByteStringsOfAnyLength() throws {
        var file = CraftedFile(.byteArray, rows: 4)
        file.elements[1].logicalType = .decimal(precision: 38, scale: 2)
        let values: [[UInt8]] = [[7], [0xff, 0x38], [0, 0x80], [UInt8](repeating: 0xff, count: 17)]
        file.add(4, .plain, values.flatMap { Self.int32(Int32($0.count)) + $0 })
        #expect(try ParquetReader(file.bytes).field(0, rowGroup: 0).values == .int128([7, -200, 128, -1]))
        file = CraftedFile(.byteArray, rows: 1)
        file.elements[1].convertedType = .decimal
        file.add(1, .plain, Self.int32(17) + [0, 0x80] + [UInt8](repeating: 0, count: 15))
        #expect(throws: ParquetError(.unsupported, "row group 0: a", "a decimal of more than 128 bits")) { try ParquetReader(file.bytes).field(0, rowGroup: 0) }
        file = CraftedFile(.byteArray, rows: 1)
        file.elements[1].convertedType = .decimal
        file.add(1, .plain, Self.int32(0))
        #expect(throws: ParquetError(.malformed, "row group 0: a", "a decimal without bytes")) { try ParquetReader(file.bytes).field(0, rowGroup: 0) }
    }

    private static func message(_ file: CraftedFile, _ limits: ReaderLimits = ReaderLimits()) -> String {
        do {
            _ = try ParquetReader(file.bytes, limits: limits).column(0, rowGroup: 0)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func errorsSayWhichPage() throws {
        var file = CraftedFile(.int32, rows: 3)
        #expect(Self.message(file) == "parquet: row group 0: a: pages end 3 values too early")
        file.add(2, .plain, Self.int32(1, 2))
        #expect(Self.message(file) == "parquet: row group 0: a: pages end 1 values too early")
        var next = file
        next.add(1, .plain, [1, 2, 3])
        #expect(Self.message(next) == "parquet: row group 0: a: page 1 at byte 25: bytes end too early (byte 3)")
        next = file
        next.add(2, .plain, Self.int32(1, 2))
        #expect(Self.message(next) == "parquet: row group 0: a: page 1 at byte 25: found 2 values, expected at most 1")
        next = file
        next.add(1, .rleDictionary, [1, 2, 0])
        #expect(Self.message(next) == "parquet: row group 0: a: page 1 at byte 25: codes without a dictionary page")
        next = file
        next.add(1, .rle, [1, 0, 0, 0, 2])
        #expect(Self.message(next) == "parquet: row group 0: a: page 1 at byte 25: values in encoding rle that are not booleans")
        next = file
        next.add(1, .plain, Self.int32(1))
        next.rowCount = 4
        #expect(Self.message(next) == "parquet: row group 0: a: found 3 rows, expected 4")
    }

    @Test func codesBeyondTheDictionaryAreErrors() throws {
        for reading in [DictionaryReading.decoded, .kept] {
            var file = CraftedFile(.int32, rows: 1)
            file.add(.dictionary(valueCount: 1, encoding: .plain), Self.int32(7))
            file.add(1, .rleDictionary, [1, 2, 1])
            #expect { try file.read(reading) } throws: { "\($0)" == "parquet: row group 0: a: page 1 at byte 17: code 1 in a dictionary of 1" }
        }
    }

    @Test func checksumsAreCompared() throws {
        let body = Self.int32(1, 2, 3)
        let kind = PageHeader.Kind.data(valueCount: 3, encoding: .plain, definitionEncoding: .rle, repetitionEncoding: .rle)
        let checksum = Int32(bitPattern: body.withUnsafeBytes { CRC32.checksum($0) })
        for (change, isGood) in [(Int32(0), true), (1, false)] {
            var file = CraftedFile(.int32, rows: 3)
            file.add(PageHeader(kind: kind, uncompressedSize: 12, compressedSize: 12, checksum: checksum ^ change), body)
            #expect(Self.message(file) == (isGood ? "none" : "parquet: row group 0: a: page 0 at byte 0: the checksum of the page does not fit its bytes"))
        }
    }

    /// What a few bytes claim is refused before room is made for it.
    @Test(arguments: [CompressionCodec.zstd, .gzip, .snappy])
    func pagesThatCannotBeThatLongAreRefused(codec: CompressionCodec) {
        var file = CraftedFile(.int32, rows: 1 << 28)
        file.codec = codec
        let kind = PageHeader.Kind.data(valueCount: 1 << 28, encoding: .plain, definitionEncoding: .rle, repetitionEncoding: .rle)
        file.add(kind, [1, 2, 3, 4, 5, 6], size: 1 << 30)
        #expect(Self.message(file).hasSuffix("page 0 at byte 0: page of 1073741824 bytes from 6"))
        #expect(Self.message(file, .strict).hasPrefix("parquet: row group 0: a: 268435456 values, expected at most"))
    }

    @Test(arguments: [CompressionCodec.zstd, .gzip, .snappy])
    func contentOfAnotherLengthIsAnError(codec: CompressionCodec) throws {
        let content = Self.int32(1, 2, 3)
        let body: [UInt8]
        switch codec {
        case .zstd:
            var zstd = try ZstdCompressor()
            body = try zstd.compress(content.span)
        case .gzip:
            var gzip = try GzipWriter()
            var output: [UInt8] = []
            gzip.write(content.span, to: &output)
            gzip.finishMember(to: &output)
            body = output
        default: body = Snappy.compress(content.span)
        }
        for size in [11, 12, 13] {
            var file = CraftedFile(.int32, rows: 3)
            file.codec = codec
            file.add(.data(valueCount: 3, encoding: .plain, definitionEncoding: .rle, repetitionEncoding: .rle), body, size: size)
            if size == 12 {
                #expect(try file.read().values == .int32([1, 2, 3]))
            } else {
                #expect(Self.message(file).hasPrefix("parquet: row group 0: a: page 0 at byte 0: "))
            }
        }
    }
}
