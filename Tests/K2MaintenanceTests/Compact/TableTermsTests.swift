import K2Iceberg
import K2Lake
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintenance

/// Flags that do not fit a table.
struct TableTermsTests {
    private func lake(_ name: String = "t", files: Int = 6) throws -> CompactLake {
        var random = Seeded(3)
        let schema = try Schema(fields: [
            NestedField(1, "part", .int, required: false), NestedField(2, "id", .long, required: true), NestedField(3, "name", .string, required: false),
            NestedField(4, "tags", .list(ListType(elementID: 5, element: .string, elementRequired: true)), required: false),
        ])
        let lake = try CompactLake(name, schema: schema)
        if files > 0 { try lake.append((0..<files).map { _ in try lake.makeFile(5, part: 0, &random) }) }
        return lake
    }

    private static func options(_ change: (inout CompactOptions) throws -> Void) rethrows -> CompactOptions {
        var options = CompactOptions()
        try change(&options)
        return options
    }

    static let unfit: [(CompactOptions, String)] = [
        (options { $0.condition = try? FilePredicate("nope = 1") }, "--where: column nope: not in the table: expected one of part, id, name"),
        (options { $0.condition = try? FilePredicate("id = 'x'") }, "--where: column id: expected a long, found 'x'"),
        (options { $0.condition = try? FilePredicate("tags = 'x'") }, "--where: column tags: made up of others: expected a column with one value a row"),
        (options { $0.order = .fields([SortTerm("id"), SortTerm("nope")]) }, "--sort: column nope: not in the table: expected one of part, id, name"),
        (options { $0.order = .fields([SortTerm("tags.element")]) }, "--sort: column tags.element: inside a list or map: expected a column with one value a row"),
        (options { $0.order = .zOrder(["id", "nope"]) }, "--z-order: column nope: not in the table: expected one of part, id, name"),
    ]

    /// In a dry run too, and whether there is something to do or not.
    @Test(arguments: unfit.indices, [0, 6]) func `what does not fit is an error of the configuration, and nothing is done`(_ index: Int, _ files: Int) throws {
        let (options, text) = Self.unfit[index]
        let lake = try lake(files: files)
        let snapshot = try lake.table.metadata.currentSnapshotID
        for isDryRun in [false, true] {
            let error = #expect(throws: LakeError.self) { try Compaction(lake.work(isDryRun: isDryRun), options).run() }
            #expect(error?.code == .configuration && error?.message == "t: \(text)")
        }
        #expect(try lake.table.metadata.currentSnapshotID == snapshot)
    }

    @Test func `of tables that were not named, those without the column are left alone; when none has it the flag is wrong`() throws {
        let (first, second) = (try lake("a"), try lake("b"))
        func run(_ lake: CompactLake, _ text: String, _ columns: ColumnSearch) throws -> StepOutcome {
            try Compaction(lake.work(), Self.options { $0.condition = try FilePredicate(text) }, columns: columns).run()
        }
        let none = ColumnSearch()
        for lake in [first, second] {
            let outcome = try run(lake, "nope = 1", none)
            #expect(outcome.status == .nothing)
            #expect(outcome.summary == "left alone: --where: column nope: not in the table: expected one of part, id, name")
        }
        #expect(none.failure == "--where: column nope: none of 2 tables has it")
        let some = ColumnSearch()
        let table = try second.table
        var schema = table.metadata.currentSchema
        schema.schemaID = 1
        schema.fields.append(NestedField(6, "nope", .int, required: false))
        _ = try second.inner.commit([.addSchema(schema), .setCurrentSchema(id: 1)], requirements: [], on: table)
        #expect(try run(first, "nope = 1", some).status == .nothing && run(second, "nope = 1", some).status == .done)
        #expect(some.failure == nil && ColumnSearch().failure == nil)
        #expect(try first.dataFiles.count == 6 && second.dataFiles.count == 1)
        // A value that is none of the column's type is wrong for whatever table has it.
        let error = #expect(throws: LakeError.self) { try run(first, "id = 'x'", ColumnSearch()) }
        #expect(error?.code == .configuration)
    }
}
