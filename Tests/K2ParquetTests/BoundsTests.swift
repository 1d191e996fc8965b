import Testing

@testable import K2Parquet

struct BoundsTests {
    @Test func lowerBoundsArePrefixesThatEndBetweenCharacters() {
        #expect(BoundTruncation.lower(Array("abcdef".utf8), limit: 6, isText: true) == Array("abcdef".utf8))
        #expect(BoundTruncation.lower(Array("abcdefg".utf8), limit: 6, isText: true) == Array("abcdef".utf8))
        #expect(BoundTruncation.lower(Array("abcdéf".utf8), limit: 5, isText: true) == Array("abcd".utf8))
        #expect(BoundTruncation.lower(Array("abcdéf".utf8), limit: 5, isText: false) == Array("abcd".utf8) + [0xc3])
    }

    @Test func upperBoundsLieAboveEverythingThatBeginsWithThem() {
        #expect(BoundTruncation.upper(Array("abc".utf8), limit: 3, isText: true) == Array("abc".utf8))
        #expect(BoundTruncation.upper(Array("abcd".utf8), limit: 3, isText: true) == Array("abd".utf8))
        #expect(BoundTruncation.upper(Array("a\u{10ffff}b".utf8), limit: 5, isText: true) == Array("b".utf8))
        #expect(BoundTruncation.upper(Array("a\u{d7ff}b".utf8), limit: 4, isText: true) == Array("a\u{e000}".utf8))
        #expect(BoundTruncation.upper(Array("\u{10ffff}\u{10ffff}".utf8), limit: 4, isText: true) == nil)
        #expect(BoundTruncation.upper([1, 255, 255, 255], limit: 3, isText: false) == [2])
        #expect(BoundTruncation.upper([255, 255, 255, 255], limit: 3, isText: false) == nil)
    }

    @Test func decimalsAreBigEndianTwosComplement() {
        #expect(BoundValue.decimal(-1).plain(type: .fixedLenByteArray, width: 9) == [UInt8](repeating: 255, count: 9))
        #expect(BoundValue.decimal(258).plain(type: .fixedLenByteArray, width: 16) == [UInt8](repeating: 0, count: 14) + [1, 2])
        #expect(BoundValue.decimal(-2).plain(type: .int32, width: 0) == [254, 255, 255, 255])
    }

    @Test func nanIsNoBoundAndZerosCoverBothSigns() {
        let values: [Double] = [0.0, .nan, -0.0]
        let summary = ChunkValues.words64(values.map { Int64(bitPattern: $0.bitPattern) }).summary(.double, limit: 16)
        #expect(summary.nanCount == 1)
        guard case .double(let least) = summary.bounds?.min, case .double(let greatest) = summary.bounds?.max else {
            Issue.record("no bounds")
            return
        }
        #expect(least.sign == .minus && greatest.sign == .plus)
        #expect(ChunkValues.words64([Int64(bitPattern: Double.nan.bitPattern)]).summary(.double, limit: 16).bounds == nil)
    }

    @Test func uuidsAreComparedUnsigned() {
        let values = [UInt128.max, 1].map { Int128(bitPattern: $0) }
        let bounds = ChunkValues.words128(values, width: 16).summary(.uuid, limit: 16).bounds
        #expect(bounds == Bounds(min: .uuid(1), max: .uuid(.max)))
    }

    @Test(arguments: [(1, 1), (2, 1), (3, 2), (4, 2), (9, 4), (18, 8), (19, 9), (20, 9), (21, 9), (22, 10), (38, 16)])
    func decimalsTakeTheFewestBytes(precision: Int, width: Int) {
        #expect(ParquetSchema.FieldType.decimalWidth(precision: precision) == width)
    }
}
