import K2Iceberg
import K2ObjectStore
import K2Parquet
import Testing

@testable import K2Lake

/// What may not be let go of when rows are written anew.
struct CompleteLeavesTests {
    private static let optional = NestedField(9, "s", .structure([NestedField(10, "x", .int, required: false), NestedField(11, "y", .int, required: false)]), required: false)
    private static let list = NestedField(
        12, "l", .list(ListType(elementID: 13, element: .structure([NestedField(14, "n", .int, required: false)]), elementRequired: false)), required: false)

    /// A file without field ids of columns of ints, structs and lists of structs, with one row of nulls.
    private func file(_ fields: [NestedField], counts: [Int: (values: Int64, nulls: Int64?)] = [:], withIDs: Bool = false) throws -> TableFile {
        var parquet = ParquetSchema(try Schema(fields: fields))
        if !withIDs { parquet.fields = parquet.fields.map(Self.bare) }
        let store = MemoryStore()
        let writer = try store.openWriter("mem://f")
        var assembler = try FileAssembler(parquet) { try writer.write($0) }
        var encoder = try ChunkEncoder(WriterOptions())
        let chunks = try zip(try FileAssembler.leaves(parquet), parquet.leafTypes).map { leaf, type in
            var batch = LeafBatch(type, maxDefinition: leaf.maxDefinition, maxRepetition: leaf.maxRepetition)
            batch.append(nulls: 1)
            batch.seal()
            return try encoder.encode(batch, rows: [0][...], as: leaf)
        }
        try assembler.append(chunks.map(\.description), rowCount: 1) { chunks[$0].bytes }
        _ = try assembler.finish()
        try writer.close()
        let file = DataFile(
            path: "mem://f", recordCount: 1, fileSize: try store.size("mem://f"), valueCounts: counts.mapValues(\.values), nullValueCounts: counts.compactMapValues(\.nulls))
        return try TableFile(file, in: store)
    }

    private static func bare(_ field: ParquetSchema.Field) -> ParquetSchema.Field {
        var field = field
        field.id = nil
        switch field.type {
        case .structure(let inner): field.type = .structure(inner.map(bare))
        case .list(let element): field.type = .list(element: bare(element))
        case .map(let key, let value): field.type = .map(key: bare(key), value: bare(value))
        default: break
        }
        return field
    }

    private func refusal(_ file: TableFile, _ present: [NestedField], before: [[NestedField]] = [], mapping: NameMapping? = nil) throws -> String? {
        let schema = try Schema(fields: present)
        let table = TableColumns(schema, mapping: mapping ?? NameMapping(schema))
        do {
            _ = try file.completeLeaves(table, schemas: try before.map { try Schema(fields: $0) } + [schema])
            return nil
        } catch let error as IcebergError where error.code == .unsupported { return error.message }
    }

    private func int(_ id: Int, _ name: String) -> NestedField { NestedField(id, name, .int, required: false) }

    private func loss(_ name: String) -> String {
        "mem://f: column \(name): the name mapping of the table does not name it, and no schema says that it was dropped: its values would be lost"
    }

    @Test func `a column of the file that nothing names is not let go of`() throws {
        let file = try file([int(1, "a"), int(2, "b")])
        #expect(try refusal(file, [int(1, "a"), int(2, "b")]) == nil)
        #expect(try refusal(file, [int(1, "a")]) == loss("b"))
        // Renamed, and the mapping forgot the old name.
        #expect(try refusal(file, [int(1, "a"), int(2, "c")]) == loss("b"))
        #expect(try refusal(file, [int(1, "a"), int(2, "c")], before: [[int(1, "a"), int(2, "b")]]) == loss("b"))
        // It has both.
        let both = NameMapping(fields: [.init(fieldID: 1, names: ["a"]), .init(fieldID: 2, names: ["b", "c"])])
        #expect(try refusal(file, [int(1, "a"), int(2, "c")], mapping: both) == nil)
        // With ids in the file, what the table does not know is not the table's.
        #expect(try refusal(self.file([int(1, "a"), int(2, "b")], withIDs: true), [int(1, "a")]) == nil)
    }

    @Test func `a column that was dropped may go, and so may one that is none of the table's by the mapping itself`() throws {
        let file = try file([int(1, "a"), int(2, "b")])
        #expect(try refusal(file, [int(1, "a")], before: [[int(1, "a"), int(2, "b")]]) == nil)
        // One of that name came again: the file's may be either.
        let again = NameMapping(fields: [.init(fieldID: 1, names: ["a"])])
        #expect(try refusal(file, [int(1, "a"), int(3, "b")], before: [[int(1, "a"), int(2, "b")]], mapping: again) == loss("b"))
        let none = NameMapping(fields: [.init(fieldID: 1, names: ["a"]), .init(fieldID: nil, names: ["b"])])
        #expect(try refusal(file, [int(1, "a")], mapping: none) == nil)
        let old = NameMapping(fields: [.init(fieldID: 1, names: ["a"]), .init(fieldID: 2, names: ["b"])])
        #expect(try refusal(file, [int(1, "a")], mapping: old) == nil)
    }

    @Test func `fields of structs are asked for as well, also inside lists`() throws {
        let file = try file([Self.optional, Self.list])
        #expect(try refusal(file, [Self.optional, Self.list]) == nil)
        let mapping = NameMapping(fields: [
            .init(fieldID: 9, names: ["s"], fields: [.init(fieldID: 10, names: ["x"])]),
            .init(fieldID: 12, names: ["l"], fields: [.init(fieldID: 13, names: ["element"], fields: [.init(fieldID: 14, names: ["n"])])]),
        ])
        #expect(try refusal(file, [Self.optional, Self.list], mapping: mapping) == loss("s.y"))
        let other = NameMapping(fields: [
            .init(fieldID: 9, names: ["s"], fields: [.init(fieldID: 10, names: ["x"]), .init(fieldID: 11, names: ["y"])]),
            .init(fieldID: 12, names: ["l"], fields: [.init(fieldID: 13, names: ["element"], fields: [])]),
        ])
        #expect(try refusal(file, [Self.optional, Self.list], mapping: other) == loss("l.element.n"))
        let narrow = NestedField(9, "s", .structure([NestedField(10, "x", .int, required: false)]), required: false)
        #expect(try refusal(file, [narrow, Self.list], before: [[Self.optional, Self.list]]) == nil)
        #expect(try refusal(file, [Self.list], before: [[Self.optional, Self.list]]) == nil)
    }

    @Test func `a column is not null when the manifest counts values of it`() throws {
        let table = [int(1, "a"), int(2, "b")]
        let text = "mem://f: column b: not found in the file, while the manifest says that it has values: they would be lost"
        for withIDs in [false, true] {
            #expect(try refusal(file([int(1, "a")], counts: [2: (1, 1)], withIDs: withIDs), table) == nil)
            #expect(try refusal(file([int(1, "a")], counts: [2: (1, 0)], withIDs: withIDs), table) == text)
            #expect(try refusal(file([int(1, "a")], counts: [2: (1, nil)], withIDs: withIDs), table) == nil)
        }
    }
}
