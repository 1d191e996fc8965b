import K2Bytes
import Testing

@testable import K2Parquet

struct ParquetWriterTests {
    typealias Field = ParquetSchema.Field

    @Test func theSummaryCountsAndBoundsAllRowGroups() throws {
        let fields = [
            Field("a", id: 1, .int64), Field("b", id: 2, .string), Field("c", id: 3, .decimal(precision: 38, scale: 2), isRequired: true),
            Field("d", id: 4, .double, isRequired: true), Field("e", id: 5, .list(element: Field("element", id: 6, .string, isRequired: true))),
        ]
        let long = String(repeating: "z", count: 100)
        let lists = ColumnValues.list(offsets: [0, 0, 2, 2], elements: Column(.bytes(ByteColumn(["x", "y"]))))
        let first = [
            Column(.int64([5, 0, -7]), validity: [true, false, true]), Column(.bytes(ByteColumn(["m", "n", "o"]))),
            Column(.int128([1, -1, 3])), Column(.double([1, .nan, 2])), Column(lists, validity: [false, true, true]),
        ]
        let second = [
            Column(.int64([9, 10, 11])), Column(.bytes(ByteColumn(["a", long, "b"]))), Column(.int128([10, 20, -30])),
            Column(.double([.nan, .nan, .nan])), Column(lists),
        ]
        let summary = try writeFile(ParquetSchema(fields), [(first, .all), (second, .all)]).summary
        #expect(summary.columns.map(\.valueCount) == [6, 6, 6, 6, 8])
        #expect(summary.columns.map(\.nullCount) == [1, 0, 0, 0, 4])
        #expect(summary.columns.map(\.nanCount) == [0, 0, 0, 4, 0])
        #expect(summary.columns.map(\.leaf.fieldID) == [1, 2, 3, 4, 6])
        #expect(summary.columns[0].bounds == Bounds(min: .int64(-7), max: .int64(11)))
        let above = Array((String(repeating: "z", count: 63) + "{").utf8)
        #expect(summary.columns[1].bounds == Bounds(min: .bytes([97]), max: .bytes(above), isMaxExact: false))
        #expect(summary.columns[2].bounds == Bounds(min: .decimal(-30), max: .decimal(20)))
        #expect(summary.columns[3].bounds == Bounds(min: .double(1), max: .double(2)))
        let pages = summary.metadata.rowGroups.flatMap(\.columns).reduce(0) { $0 + $1.totalCompressedSize }
        #expect(summary.columns.reduce(0) { $0 + $1.compressedSize } == pages)
    }

    @Test func theFooterHoldsWhatTheCallerGave() throws {
        var options = WriterOptions()
        options.keyValues = [KeyValue("iceberg.schema", #"{"type":"struct"}"#)]
        options.createdBy = "k2 version 0.1.0 (build abc)"
        let fields = [Field("a", id: 17, .int64, isRequired: true)]
        let (bytes, summary) = try writeFile(ParquetSchema(fields), [([Column(.int64([1]))], .all)], options: options)
        let reader = try ParquetReader(bytes)
        #expect(reader.metadata == summary.metadata)
        #expect(reader.metadata.keyValues == options.keyValues)
        #expect(reader.metadata.createdBy == options.createdBy)
        #expect(reader.schema.leaves.map(\.fieldID) == [17])
    }

    @Test(arguments: [
        ([], "schema: no fields"),
        ([Field("a", .int32), Field("a", .int64)], "schema: two fields have the same name"),
        ([Field("a", .decimal(precision: 39, scale: 0))], "a: decimal(39, 0): expected a precision of 1 to 38 and a scale up to it"),
        ([Field("a", .decimal(precision: 3, scale: 4))], "a: decimal(3, 4): expected a precision of 1 to 38 and a scale up to it"),
        ([Field("a", .fixed(0))], "a: fixed(0): expected a length of 1 or more"),
        ([Field("a", .map(key: Field("key", .string), value: Field("value", .string)))], "a: map keys must be required"),
        ([Field("a", .list(element: Field("element", .list(element: Field("element", .int32)))))], "a.list.element: lists and maps cannot be nested"),
    ])
    func impossibleSchemasAreErrors(fields: [Field], message: String) {
        #expect { try writeFile(ParquetSchema(fields), []) } throws: { "\($0)" == "parquet: " + message }
    }

    static let badBatches: [(Field, Column, String)] = [
        (Field("a", .int64), Column(.int32([1, 2])), "a: column of int32, expected one for int64"),
        (Field("a", .int64), Column(.int64([1, 2]), validity: [true]), "a: found validity of 1 values, expected 2"),
        (Field("a", .int64, isRequired: true), Column(.int64([1, 2]), validity: [true, false]), "a: 1 nulls in a required column"),
        (Field("a", .decimal(precision: 3, scale: 0)), Column(.int128([1, 1000])), "a: found 1000, expected at most 3 digits"),
        (Field("a", .decimal(precision: 12, scale: 0)), Column(.int128([1, -1_000_000_000_000])), "a: found -1000000000000, expected at most 12 digits"),
        (Field("a", .decimal(precision: 19, scale: 0)), Column(.int128([1, -10_000_000_000_000_000_000])), "a: found -10000000000000000000, expected at most 19 digits"),
        (Field("a", .fixed(2)), Column(.bytes(ByteColumn(["ab", "abc"]))), "a: found a value of 3 bytes, expected 2"),
        (Field("a", .string), Column(.dictionary(codes: [0, 1], values: ByteColumn(["x"]))), "a: code 1, expected one below 1"),
        (Field("a", .string), Column(.list(offsets: [0, 0, 0], elements: Column(.int32([])))), "a: column and field are not both lists or both maps"),
        (
            Field("a", .list(element: Field("element", .int32, isRequired: true))), Column(.list(offsets: [0, 3, 2], elements: Column(.int32([1, 2, 3])))),
            "a: offsets must not fall, and must end within 3 elements"
        ),
        (
            Field("a", .list(element: Field("element", .int32, isRequired: true))), Column(.list(offsets: [0, 1, 4], elements: Column(.int32([1, 2, 3])))),
            "a: offsets must not fall, and must end within 3 elements"
        ),
    ]

    @Test(arguments: badBatches.indices)
    func columnsThatDoNotFitAreErrors(index: Int) {
        let (field, column, message) = Self.badBatches[index]
        #expect { try writeFile(ParquetSchema([field]), [([column], .all)]) } throws: { "\($0)" == "parquet: " + message }
    }

    @Test func rowsOutsideTheBatchAreErrors() {
        let schema = ParquetSchema([Field("a", .int64), Field("b", .int64)])
        let batch = [Column(.int64([1, 2])), Column(.int64([1, 2]))]
        #expect(throws: ParquetError.self) { try writeFile(schema, [(batch, .rows([0, 2]))]) }
        #expect(throws: ParquetError.self) { try writeFile(schema, [(batch, .range(1..<3))]) }
        #expect(throws: ParquetError.self) { try writeFile(schema, [([batch[0]], .all)]) }
        #expect(throws: ParquetError.self) { try writeFile(schema, [([batch[0], Column(.int64([1]))], .all)]) }
    }

    @Test func whatTheSinkThrowsComesThrough() throws {
        struct Full: Error {}
        #expect(throws: Full.self) {
            var left = 10
            var writer = try ParquetWriter(schema: ParquetSchema([Field("a", .int64)])) { part in
                left -= part.count
                if left < 0 { throw Full() }
            }
            try writer.writeRowGroup([Column(.int64([1, 2, 3]))])
        }
    }
}
