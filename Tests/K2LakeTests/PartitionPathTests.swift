import K2Domain
import K2Iceberg
import Testing

@testable import K2Lake

struct PartitionPathTests {
    private func path(_ definition: TableDefinition, _ values: [Datum?]) throws -> String {
        let schema = try LakeSchema(definition)
        return PartitionPath.text(values, spec: schema.spec, schema: schema.schema)
    }

    /// The folder of one value in a column of a type.
    private func folder(_ value: Datum?, _ type: PrimitiveType, _ transform: Transform = .identity, named name: String = "k") throws -> String {
        let schema = try Schema(fields: [NestedField(1, "c", .primitive(type), required: false)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: name, transform: transform)])
        return PartitionPath.text([value], spec: spec, schema: schema)
    }

    @Test func `folders are named as Iceberg's writers name them`() throws {
        #expect(try path(MarketTables.silver, [.date(0)]) == "timestamp_day=1970-01-01")
        #expect(try path(MarketTables.silver, [.date(20502)]) == "timestamp_day=2026-02-18")
        #expect(try path(MarketTables.silver, [.date(-1)]) == "timestamp_day=1969-12-31")
        #expect(try path(MarketTables.silver, [.date(-719_162)]) == "timestamp_day=0001-01-01")
        #expect(try path(MarketTables.silver, [nil]) == "timestamp_day=null")
        for (month, text) in [(0, "1970-01"), (-1, "1969-12"), (-12, "1969-01"), (-13, "1968-12"), (673, "2026-02"), (11, "1970-12")] {
            #expect(try path(MarketTables.gold(.oneDay), [.int(Int32(month)), .string("a b/é.")]) == "window_start_month=\(text)/exchange=a+b%2F%C3%A9.")
        }
    }

    /// Values and texts of the reference's own tests (`TestIdentity`, `TestDates`, `TestTimestamps`, `TestTruncate`, `TestPartitionPaths`), and more of the kind.
    static let values: [(Datum?, PrimitiveType, Transform, String)] = [
        (nil, .long, .identity, "null"), (nil, .timestamptz, .day, "null"), (nil, .int, .void, "null"), (.boolean(true), .boolean, .identity, "true"),
        (.int(1), .int, .identity, "1"), (.int(-7), .int, .identity, "-7"), (.long(-1_234_567_890_000), .long, .identity, "-1234567890000"),
        (.string("a/b/c=d"), .string, .identity, "a%2Fb%2Fc%3Dd"), (.string("a b*~+"), .string, .identity, "a+b*%7E%2B"), (.string(""), .string, .identity, ""),
        (.decimal(-150), .decimal(precision: 9, scale: 2), .identity, "-1.50"), (.decimal(5), .decimal(precision: 9, scale: 2), .identity, "0.05"),
        (.decimal(0), .decimal(precision: 9, scale: 2), .identity, "0.00"), (.decimal(1_234), .decimal(precision: 9, scale: 0), .identity, "1234"),
        (.decimal(1), .decimal(precision: 9, scale: 6), .identity, "0.000001"), (.decimal(-12), .decimal(precision: 9, scale: 8), .identity, "-1.2E-7"),
        (.date(17_501), .date, .identity, "2017-12-01"), (.time(36_775_038_194), .time, .identity, "10%3A12%3A55.038194"),
        (.time(36_720_000_000), .time, .identity, "10%3A12"), (.time(36_775_500_000), .time, .identity, "10%3A12%3A55.500"),
        (.timestamp(1_512_123_175_038_194), .timestamptz, .identity, "2017-12-01T10%3A12%3A55.038194Z"),
        (.timestamp(1_512_123_175_038_194), .timestamp, .identity, "2017-12-01T10%3A12%3A55.038194"),
        (.timestamp(-1), .timestamp, .identity, "1969-12-31T23%3A59%3A59.999999"), (.timestamp(0), .timestamptz, .identity, "1970-01-01T00%3A00Z"),
        (.binary([1, 2, 3]), .binary, .identity, "AQID"), (.fixed([0xfb, 0xff, 0, 1]), .fixed(4), .identity, "%2B%2F8AAQ%3D%3D"),
        (.uuid(Array(0..<16)), .uuid, .identity, "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (.int(47), .timestamptz, .year, "2017"), (.int(-1), .date, .year, "1969"), (.int(575), .timestamptz, .month, "2017-12"), (.int(-1), .date, .month, "1969-12"),
        (.date(17_501), .timestamptz, .day, "2017-12-01"), (.int(-1), .date, .day, "1969-12-31"), (.int(420_034), .timestamptz, .hour, "2017-12-01-10"),
        (.int(-1), .timestamp, .hour, "1969-12-31-23"), (.int(3), .string, .bucket(8), "3"), (.int(100), .int, .truncate(10), "100"),
        (.decimal(1_410), .decimal(precision: 9, scale: 2), .truncate(10), "14.10"), (.string("ab"), .string, .truncate(2), "ab"), (.binary([1, 2]), .binary, .truncate(2), "AQI%3D"),
    ]

    @Test(arguments: values.indices) func `values of every type and transform are named as the reference names them`(_ index: Int) throws {
        let (value, type, transform, text) = Self.values[index]
        #expect(try folder(value, type, transform) == "k=\(text)")
    }

    @Test func `names are escaped too`() throws { #expect(try folder(.int(1), .int, named: "a b/c") == "a+b%2Fc=1") }
}
