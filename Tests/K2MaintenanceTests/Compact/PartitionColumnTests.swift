import K2Iceberg
import K2JSON
import K2Lake
import K2TestSupport
import Testing

@testable import K2Maintenance

/// Files that were written without the columns they are partitioned by, as Hive and Spark lay them out.
struct PartitionColumnTests {
    private static func schema(_ type: PrimitiveType, required: Bool = false) throws -> Schema {
        try Schema(fields: [
            NestedField(1, "part", .primitive(type), required: required), NestedField(2, "id", .long, required: true),
            NestedField(3, "name", .string, required: false),
        ])
    }

    private static func narrow(_ schema: Schema) throws -> Schema { try Schema(fields: schema.fields.filter { $0.id != 1 }) }

    private static let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "p", transform: .identity)])

    private static let values: [(PrimitiveType, [(Datum, Cell)])] = [
        (.boolean, [(.boolean(true), .integer(1)), (.boolean(false), .integer(0))]),
        (.int, [(.int(7), .integer(7)), (.int(-1), .integer(-1))]),
        (.long, [(.long(1 << 40), .integer(1 << 40)), (.long(0), .integer(0))]),
        (.double, [(.double(1.5), .bits(1.5.bitPattern)), (.double(-2), .bits((-2.0).bitPattern))]),
        (.float, [(.float(0.5), .bits(0.5.bitPattern)), (.float(3), .bits(3.0.bitPattern))]),
        (.date, [(.date(20_000), .integer(20_000)), (.date(-3), .integer(-3))]),
        (.time, [(.time(5), .integer(5)), (.time(86_000_000_000), .integer(86_000_000_000))]),
        (.timestamptz, [(.timestamp(1_700_000_000_000_001), .integer(1_700_000_000_000_001)), (.timestamp(-5), .integer(-5))]),
        (.string, [(.string("ä/b"), .bytes(Array("ä/b".utf8))), (.string("x"), .bytes(Array("x".utf8)))]),
        (.binary, [(.binary([0, 255]), .bytes([0, 255])), (.binary([9]), .bytes([9]))]),
        (.fixed(3), [(.fixed([1, 2, 3]), .bytes([1, 2, 3])), (.fixed([0, 0, 0]), .bytes([0, 0, 0]))]),
        (.uuid, [(.uuid(Array(0..<16)), .bytes(Array(0..<16))), (.uuid(Array(repeating: 9, count: 16)), .bytes(Array(repeating: 9, count: 16)))]),
        (.decimal(precision: 18, scale: 4), [(.decimal(-12_345), .decimal(-12_345)), (.decimal(7), .decimal(7))]),
        (.decimal(precision: 38, scale: 12), [(.decimal(-(1 << 100)), .decimal(-(1 << 100))), (.decimal(0), .decimal(0))]),
    ]

    private static func row(_ id: Int, _ part: Cell?) -> Row {
        var row: Row = [2: .integer(Int64(id)), 3: .bytes(Array("n\(id % 5)".utf8))]
        row[1] = part
        return row
    }

    /// Files with and without the column, in each of the partitions and in that of null; some rows are deleted by value and by position.
    @Test(arguments: [false, true]) func `the column gets the value of the partition, whatever its type`(_ isSorted: Bool) throws {
        for (type, values) in Self.values {
            let (schema, comment): (Schema, Testing.Comment) = (try Self.schema(type), "\(type)")
            let order = isSorted ? SortOrder(fields: [SortField(sourceID: 1), SortField(sourceID: 2, direction: .descending, nullOrder: .last)]) : .unsorted
            let lake = try CompactLake(schema: schema, spec: Self.spec, sortOrder: order)
            var (expected, id): ([Row: Int], Int) = ([:], 0)
            for (datum, cell) in values.map({ (Optional($0), Optional($1)) }) + [(nil, nil)] {
                for number in 0..<6 {
                    let rows = (0..<9).map { Self.row(id + $0, cell) }
                    id += 9
                    let file = try lake.write(rows, schema: number == 4 ? schema : Self.narrow(schema), partition: [datum], groupRows: 4)
                    try lake.append([file])
                    rows.forEach { expected[$0] = 1 }
                    if number == 1 {
                        try lake.addDeletes([try lake.positionDeletes([(file.path, 3)], specID: 0, partition: [datum])])
                        expected[rows[3]] = nil
                    } else if number == 2 {
                        // By the column that the data file lacks and another.
                        try lake.addDeletes([try lake.equalityDeletes([rows[5]], ids: [1, 2], specID: 0, partition: [datum])])
                        expected[rows[5]] = nil
                    }
                }
            }
            let outcome = try lake.compact(CompactOptions())
            #expect(outcome.status == .done, "\(comment): \(outcome.summary)")
            #expect(try lake.content() == expected, comment)
            #expect(try lake.dataFiles.count == 3 && lake.deleteFiles.isEmpty && lake.strays() == [], comment)
            #expect(try lake.compact(CompactOptions()).status == .nothing, comment)
        }
    }

    @Test func `a column that may not be null is filled as well, and rows are ordered by it`() throws {
        let schema = try Self.schema(.int, required: true)
        let lake = try CompactLake(schema: schema, spec: Self.spec)
        try lake.append((0..<5).map { try lake.write([Self.row($0, nil)], schema: Self.narrow(schema), partition: [.int(4)]) })
        var options = CompactOptions()
        options.order = .fields([SortTerm("part"), SortTerm("id", isDescending: true)])
        #expect(try lake.compact(options).status == .done)
        #expect(try lake.rows(of: lake.dataFiles[0]) == (0..<5).reversed().map { Self.row($0, .integer(4)) })
    }

    @Test func `only the column itself counts, not what a transform makes of it`() throws {
        let schema = try Self.schema(.int)
        let bucket = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "p", transform: .bucket(4))])
        let lake = try CompactLake(schema: schema, spec: bucket)
        try lake.append((0..<5).map { try lake.write([Self.row($0, nil)], schema: Self.narrow(schema), partition: [.int(3)]) })
        #expect(try lake.compact(CompactOptions()).status == .done)
        #expect(try lake.content() == Dictionary(uniqueKeysWithValues: (0..<5).map { (Self.row($0, nil), 1) }))
    }

    /// Old manifests keep the value in the type that the column had then.
    @Test func `a partition is one before and behind the widening of its column`() throws {
        let types: [(PrimitiveType, PrimitiveType, Datum, Datum, Cell, String)] = [
            (.float, .double, .float(0.5), .double(0.5), .bits(0.5.bitPattern), "0.5"), (.int, .long, .int(7), .long(7), .integer(7), "7"),
            (.decimal(precision: 5, scale: 2), .decimal(precision: 20, scale: 2), .decimal(-125), .decimal(-125), .decimal(-125), "-1.25"),
        ]
        for (narrow, wide, old, new, cell, literal) in types {
            let lake = try CompactLake(schema: try Self.schema(narrow), spec: Self.spec)
            func rows(_ ids: Range<Int>) -> [Row] { ids.map { Self.row($0, cell) } }
            try lake.append(try (0..<3).map { try lake.write(rows($0 * 4..<$0 * 4 + 4), partition: [old]) })
            try lake.addDeletes([try lake.equalityDeletes([rows(5..<6)[0]], ids: [2], specID: 0, partition: [old])])
            var next = try Self.schema(wide)
            next.schemaID = 1
            _ = try lake.inner.commit([.addSchema(next), .setCurrentSchema(id: 1)], requirements: [], on: lake.table)
            try lake.append(try (3..<6).map { try lake.write(rows($0 * 4..<$0 * 4 + 4), partition: [new]) })
            try lake.addDeletes([try lake.equalityDeletes([rows(2..<3)[0]], ids: [2], specID: 0, partition: [new])])
            var expected = Dictionary(uniqueKeysWithValues: rows(0..<24).map { ($0, 1) })
            for row in [2, 5] { expected[rows(row..<row + 1)[0]] = nil }
            #expect(try lake.content() == expected)
            var options = CompactOptions()
            options.condition = try FilePredicate("p = \(literal)")
            options.rewritesManifests = true
            let outcome = try lake.compact(options)
            #expect(outcome.status == .done && outcome.facts["groups"] == 1, "\(narrow): \(outcome.summary)")
            #expect(try lake.content() == expected && lake.dataFiles.map(\.partition) == [[new]] && lake.deleteFiles.isEmpty, "\(narrow)")
        }
    }

    @Test func `inside a struct it cannot be filled, and the group is refused`() throws {
        let inner = [NestedField(4, "part", .int, required: false), NestedField(5, "other", .int, required: false)]
        let schema = try Schema(fields: [NestedField(2, "id", .long, required: true), NestedField(3, "s", .structure(inner), required: false)])
        let narrow = try Schema(fields: [schema.fields[0], NestedField(3, "s", .structure([inner[1]]), required: false)])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 4, fieldID: 1000, name: "p", transform: .identity)])
        let lake = try CompactLake(schema: schema, spec: spec)
        let rows: [Row] = (0..<5).map { [2: .integer($0), 3: .structure([5: .integer($0)])] }
        try lake.append(rows.map { try lake.write([$0], schema: narrow, partition: [.int(4)]) })
        var notes: [String] = []
        let (snapshot, options) = (try lake.table.metadata.currentSnapshotID, CompactOptions())
        #expect(try lake.compact(options) { notes.append($0) }.status == .incomplete)
        #expect(notes.contains { $0.contains("column s.part: not in the file, and the value of its partition cannot be filled in") })
        #expect(try lake.table.metadata.currentSnapshotID == snapshot && lake.strays() == [])
    }
}
