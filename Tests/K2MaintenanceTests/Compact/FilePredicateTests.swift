import K2Iceberg
import K2Lake
import K2TestSupport
import Testing

@testable import K2Maintenance

struct FilePredicateTests {
    @Test func `conditions are read`() throws {
        let predicate = try FilePredicate(#"a.b >= -1.5e3 and "odd ""name" IN ('it''s', 'x') AND flag = TRUE"#)
        #expect(predicate.comparisons == [
            .init(column: "a.b", relation: .greaterOrEqual, literals: [.init(text: "-1.5e3", isQuoted: false)]),
            .init(column: "odd \"name", relation: .isIn, literals: [.init(text: "it's", isQuoted: true), .init(text: "x", isQuoted: true)]),
            .init(column: "flag", relation: .equal, literals: [.init(text: "true", isQuoted: false)]),
        ])
    }

    @Test(arguments: [
        ("", "expected a column, found the end"), ("a", "expected =, <, <=, >, >= or IN after a, found the end"),
        ("a = ", "expected a number, true, false or a text in single quotes, found the end"),
        ("a = b", "expected a number, true, false or a text in single quotes, found \"b\""), ("a = 1 or b = 2", "expected AND or the end, found \"or\""),
        ("a = 'x", "a quote that is not closed"), ("a IN 1", "expected ( after IN, found \"1\""), ("a IN (1 2)", "expected , or ), found \"2\""),
        ("a ! 1", "found \"!\""), ("a <> 1", "expected a number, true, false or a text in single quotes, found \">\""),
    ])
    func `what is none is told`(_ text: String, _ message: String) {
        #expect(throws: FilePredicate.Malformed(description: message)) { try FilePredicate(text) }
    }

    private static func metadata() throws -> TableMetadata {
        let schema = try Schema(fields: [
            NestedField(1, "time", .timestamptz, required: false), NestedField(2, "name", .string, required: false), NestedField(3, "count", .int, required: false),
            NestedField(4, "price", .decimal(10, 2), required: false),
            NestedField(5, "tags", .list(ListType(elementID: 6, element: .string, elementRequired: true)), required: false),
            NestedField(7, "raw", .binary, required: false),
        ])
        let spec = PartitionSpec(fields: [
            PartitionField(sourceID: 1, fieldID: 1000, name: "time_day", transform: .day), PartitionField(sourceID: 2, fieldID: 1001, name: "name", transform: .identity),
            PartitionField(sourceID: 3, fieldID: 1002, name: "count_bucket", transform: .bucket(8)),
        ])
        return try TableMetadata.create(tableUUID: "u", location: "t", schema: schema, spec: spec, nowMS: 1)
    }

    private func file(day: Int32? = 20_000, name: String? = "b", count: Int32 = 7, price: ClosedRange<Int128>? = nil) throws -> DataFile {
        var file = DataFile(
            path: "f", partition: [day.map { .date($0) }, name.map { .string($0) }, try Transform.bucket(8).apply(.int(count))], recordCount: 10, fileSize: 1)
        if let price {
            file.lowerBounds[4] = Datum.decimal(price.lowerBound).singleValue
            file.upperBounds[4] = Datum.decimal(price.upperBound).singleValue
        }
        return file
    }

    @Test(arguments: [
        ("time = '2024-10-04T12:00:00Z'", true), ("time = '2024-10-05'", false), ("time < '2024-10-04'", true), ("time < '2024-10-03 23:00:00'", false),
        ("time >= '2024-10-04T23:59:59Z'", true), ("time >= '2024-10-05T00:00:00+00:00'", false), ("time_day = '2024-10-04'", true), ("time_day > '2024-10-04'", false),
        ("name = 'b'", true), ("name = 'c'", false), ("name < 'b'", false), ("name <= 'b'", true), ("name IN ('a', 'b')", true), ("name IN ('a', 'c')", false),
        ("count = 7", true), ("count = 8", false), ("count IN (8, 7)", true), ("count > 100", true),
        ("price = 1.50", true), ("price < 1.50", false), ("price <= 1.5", true), ("price > 3", false), ("price >= 3", true), ("price = 3.01", false),
        ("price IN (0, 2)", true), ("price IN (0, 4)", false), ("name = 'b' AND price > 3", false),
    ])
    func `files without a row that fulfils the condition are told by partition and bounds`(_ text: String, _ expected: Bool) throws {
        let filter = try FileFilter(try FilePredicate(text), try Self.metadata())
        #expect(filter.mayMatch(try file(price: 150...300)) == expected)
    }

    @Test func `null compares with nothing, and what is not known rules nothing out`() throws {
        func matches(_ text: String, _ file: DataFile) throws -> Bool { try FileFilter(try FilePredicate(text), try Self.metadata()).mayMatch(file) }
        #expect(try !matches("name = 'b'", file(name: nil)) && !matches("time < '2030-01-01'", file(day: nil)))
        #expect(try matches("price > 3", file()))
        var nulls = try file()
        (nulls.valueCounts[4], nulls.nullValueCounts[4]) = (10, 10)
        #expect(try !matches("price > 3", nulls))
    }

    @Test(arguments: [
        ("nope = 1", "column nope: not in the table: expected one of time, name, count, price, raw, time_day, count_bucket"),
        ("tags.element = 'x'", "column tags.element: inside a list or map: expected a column with one value a row"),
        ("tags = 'x'", "column tags: made up of others: expected a column with one value a row"), ("raw = 'x'", "column raw: a binary cannot be compared with a literal"),
        ("count = 'x'", "column count: expected an int, found 'x'"), ("count = 3000000000", "column count: expected an int, found 3000000000"),
        ("price = 1.234", "column price: expected a decimal(10, 2), found 1.234"),
        ("time = '2024-13-01'", "column time: expected a timestamptz such as '2026-02-18T10:00:00Z', found '2024-13-01'"),
        ("name = 3", "column name: expected a text in single quotes, found 3"), ("time_day = 3", "column time_day: expected a date such as '2026-02-18', found 3"),
    ])
    func `columns and literals that do not fit are refused`(_ text: String, _ message: String) throws {
        let error = try #require(throws: UnfitColumn.self) { try FileFilter(try FilePredicate(text), try Self.metadata()) }
        #expect(error.text == "--where: \(message)" && error.isMissing == text.hasPrefix("nope"))
    }

    @Test func `both zeros are one number, in partitions as in rows`() throws {
        let schema = try Schema(fields: [NestedField(1, "a", .double, required: false)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "a", transform: .identity)])
        let metadata = try TableMetadata.create(tableUUID: "u", location: "t", schema: schema, spec: spec, nowMS: 1)
        for value in [0.0, -0.0] {
            let file = DataFile(path: "x", partition: [.double(value)], recordCount: 1, fileSize: 1)
            for text in ["a = 0", "a <= 0", "a >= 0", "a = -0.0", "a <= -0.0", "a IN (1, 0)"] { #expect(try FileFilter(try FilePredicate(text), metadata).mayMatch(file), "\(text)") }
            for text in ["a < 0", "a > 0", "a > -0.0", "a = 1"] { #expect(try !FileFilter(try FilePredicate(text), metadata).mayMatch(file), "\(text)") }
        }
    }

    /// Against the rows themselves: a file that is left out has none.
    @Test func `no file with a fitting row is left out`() throws {
        var random = Seeded.start()
        let metadata = try Self.metadata()
        for _ in 0..<600 {
            let value = Int128(random.int(-300...300))
            let literal = Int128(random.int(-300...300))
            let relation = random.pick(["=", "<", "<=", ">", ">="])
            let text = "price \(relation) \(literal < 0 ? "-" : "")\(literal.magnitude / 100).\(literal.magnitude % 100 < 10 ? "0" : "")\(literal.magnitude % 100)"
            let low = value - Int128(random.int(0...50)), high = value + Int128(random.int(0...50))
            let holds = relation == "=" ? value == literal : relation == "<" ? value < literal : relation == "<=" ? value <= literal : relation == ">" ? value > literal : value >= literal
            let filter = try FileFilter(try FilePredicate(text), metadata)
            if holds { #expect(filter.mayMatch(try file(price: low...high)), "seed \(random.seed): \(text) of \(value)") }
            let (year, day) = (random.int(1969...2050), random.int(1...28))
            let time = "\(year)-0\(random.int(1...9))-\(day < 10 ? "0" : "")\(day)"
            guard case .timestamp(let micros)? = try Optional(Datum.timestamp(Int64(random.int(-40_000_000_000_000...2_500_000_000_000_000)))),
                case .date(let found)? = try Transform.day.apply(.timestamp(micros))
            else { continue }
            let other = try FileFilter(try FilePredicate("time \(relation) '\(time)'"), metadata)
            let bound = try FileFilterTime.microseconds(time)
            let fits = relation == "=" ? micros == bound : relation == "<" ? micros < bound : relation == "<=" ? micros <= bound : relation == ">" ? micros > bound : micros >= bound
            if fits { #expect(other.mayMatch(try file(day: found)), "seed \(random.seed): \(relation) \(time) of \(micros)") }
        }
    }
}

private enum FileFilterTime {
    static func microseconds(_ day: String) throws -> Int64 {
        let parts = day.split { $0 == "-" }.map { Int64($0)! }
        // Days of the civil calendar, as Howard Hinnant counts them.
        let year = parts[1] <= 2 ? parts[0] - 1 : parts[0]
        let era = (year >= 0 ? year : year - 399) / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (parts[1] + (parts[1] > 2 ? -3 : 9)) + 2) / 5 + parts[2] - 1
        return (era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468) * 86_400_000_000
    }
}
