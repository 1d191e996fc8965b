import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2TestSupport
import Testing

@testable import K2Maintenance

/// Compaction with as little memory as makes every way round it necessary.
struct CompactionMemoryTests {
    private static func schema() throws -> Schema {
        try Schema(fields: [
            NestedField(1, "part", .int, required: false), NestedField(2, "id", .long, required: true), NestedField(3, "name", .string, required: false),
            NestedField(4, "text", .string, required: true),
            NestedField(5, "tags", .list(ListType(elementID: 6, element: .string, elementRequired: false)), required: false),
        ])
    }

    private func lake(files: Int, rows: Int, _ random: inout Seeded) throws -> CompactLake {
        let lake = try CompactLake(schema: Self.schema(), sortOrder: SortOrder(fields: [SortField(sourceID: 3), SortField(sourceID: 2, direction: .descending)]))
        var next: Int64 = 0
        for _ in 0..<files {
            var content: [Row] = []
            for _ in 0..<rows {
                var row = RandomSchema.row(try lake.table.metadata.currentSchema, id: next, part: nil, &random)
                row[4] = .bytes(Array("\(next)-\(String(repeating: random.pick(["x", "yz"]), count: random.int(10...40)))".utf8))
                content.append(row)
                next += 1
            }
            try lake.append([try lake.write(content.shuffled(using: &random), partition: [], groupRows: random.pick([.max, 100]))])
        }
        return lake
    }

    private func isSorted(_ rows: [Row]) -> Bool {
        func key(_ row: Row) -> ([UInt8], Int64) {
            var name: [UInt8] = []
            if case .bytes(let bytes)? = row[3] { name = [1] + bytes }
            guard case .integer(let id)? = row[2] else { return (name, 0) }
            return (name, -id)
        }
        return zip(rows, rows.dropFirst()).allSatisfy { a, b in
            let (x, y) = (key(a), key(b))
            return x.0 == y.0 ? x.1 <= y.1 : x.0.lexicographicallyPrecedes(y.0)
        }
    }

    @Test(arguments: [1 << 30, 300_000, 100_000]) func `rows, order and proof are the same however little memory there is`(_ work: Int) throws {
        var random = Seeded.start()
        let lake = try lake(files: 8, rows: 260, &random)
        let before = try lake.content()
        let files = try lake.dataFiles
        try lake.addDeletes([try lake.positionDeletes([(files[0].path, 5), (files[3].path, 0), (files[3].path, 259)], specID: 0, partition: [])])
        let expected = try lake.content()
        #expect(expected.count == before.count - 3)
        var options = CompactOptions()
        options.targetSize = 400_000
        options.minInputFiles = 2
        let budget = MemoryBudget(work: work)
        let outcome = try lake.compact(options, budget: budget)
        #expect(try outcome.status == .done && lake.deleteFiles.isEmpty, "seed \(random.seed)")
        #expect(try lake.content() == expected, "seed \(random.seed)")
        for file in try lake.dataFiles { #expect(isSorted(try lake.rows(of: file)), "seed \(random.seed)") }
        try lake.expectReplacementsEqual("seed \(random.seed)")
        #expect(try lake.compact(options, budget: budget).status == .nothing, "seed \(random.seed)")
    }

    @Test func `a file that is larger than memory is cut into parts, and rows keep their order in each`() throws {
        var random = Seeded.start()
        let lake = try lake(files: 1, rows: 4000, &random)
        let before = try lake.content()
        var options = CompactOptions()
        options.targetSize = 15_000
        let budget = MemoryBudget(work: 100_000)
        #expect(budget.maxRows < 2000)
        let outcome = try lake.compact(options, budget: budget)
        #expect(outcome.status == .done, "seed \(random.seed)")
        #expect(try lake.dataFiles.count >= 3, "seed \(random.seed): \(outcome.summary)")
        #expect(try lake.content() == before, "seed \(random.seed)")
        for file in try lake.dataFiles { #expect(isSorted(try lake.rows(of: file)), "seed \(random.seed)") }
        #expect(try lake.compact(options, budget: budget).status == .nothing, "seed \(random.seed)")
    }

    @Test func `of a distant store each file is asked for once, and each output once more for the proof`() throws {
        var random = Seeded.start()
        let lake = try CompactLake(schema: Self.schema(), wrap: { DistantStore(inner: $0) })
        for _ in 0..<6 { try lake.append([try lake.makeFile(20, part: nil, &random)]) }
        let before = try lake.content()
        lake.faults.fail(call: .max, .before)
        #expect(try lake.compact(CompactOptions()).status == .done)
        let reads = lake.faults.log.filter { $0.hasPrefix("get ") && $0.hasSuffix(".parquet") }
        #expect(reads.count == 7 && Set(reads).count == 7)
        #expect(try lake.content() == before, "seed \(random.seed)")
    }

    /// A slice is cut along the order as often as it takes.
    @Test func `long values take more slices and no more files, and a page that does not fit is told`() throws {
        func lake(_ length: Int, rows count: Int) throws -> CompactLake {
            let lake = try CompactLake(schema: Self.schema(), sortOrder: SortOrder(fields: [SortField(sourceID: 4)]))
            for id in 0..<6 {
                let rows: [Row] = (0..<count).map { [2: .integer(Int64(id * count + $0)), 4: .bytes([UInt8](repeating: UInt8($0 * 6 + id), count: length + $0))] }
                try lake.append([try lake.write(rows, partition: [])])
            }
            return lake
        }
        for (length, work) in [(5_000, 300_000), (20_000, 1_200_000)] {
            let good = try lake(length, rows: 12)
            let expected = try good.content()
            let budget = MemoryBudget(work: work)
            #expect(try good.compact(CompactOptions(), budget: budget).status == .done)
            let files = try good.dataFiles
            #expect(try good.content() == expected && files.count == 1 && files[0].sortOrderID == 1)
            let texts = try good.rows(of: files[0]).map { row -> [UInt8] in if case .bytes(let bytes)? = row[4] { bytes } else { [] } }
            #expect(zip(texts, texts.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
            #expect(try good.compact(CompactOptions(), budget: budget).status == .nothing && good.strays() == [])
        }
        let bad = try lake(200_000, rows: 3)
        let before = try bad.content()
        let outcome = try bad.compact(CompactOptions(), budget: MemoryBudget(work: 300_000))
        #expect(outcome.status == .incomplete && outcome.summary.contains("column text: a page that takes ") && outcome.summary.contains("--max-memory leaves "))
        #expect(try bad.content() == before && bad.dataFiles.count == 6 && bad.strays() == [])
    }

    /// Rows that are all equal in the order's first column cannot be cut along it: files that hold rows of two slices do not say that they are in order.
    @Test func `slices without an order between them make files that claim none`() throws {
        var random = Seeded.start()
        let budget = MemoryBudget(work: 150_000)
        #expect((2000..<4000).contains(budget.maxRows))
        let rows: [Row] = (0..<4000).map { _ in
            [2: .integer(Int64(random.int(0...1 << 40))), 3: .bytes(Array("same".utf8)), 4: .bytes((0..<30).map { _ in UInt8(random.int(97...122)) })]
        }
        var claims: Set<Int?> = []
        for targetSize in [20_000, 25_000, 30_000, 40_000] {
            let lake = try CompactLake(schema: Self.schema(), sortOrder: SortOrder(fields: [SortField(sourceID: 3), SortField(sourceID: 2)]))
            try lake.append([try lake.write(rows, partition: [])])
            let expected = try lake.content()
            var options = CompactOptions()
            options.targetSize = targetSize
            #expect(try lake.compact(options, budget: budget).status == .done, "seed \(random.seed)")
            #expect(try lake.content() == expected, "seed \(random.seed)")
            for file in try lake.dataFiles {
                let ids = try lake.rows(of: file).map { row -> Int64 in if case .integer(let id)? = row[2] { id } else { -1 } }
                let isSorted = zip(ids, ids.dropFirst()).allSatisfy { $0 <= $1 }
                #expect(isSorted == (file.sortOrderID == 1), "seed \(random.seed): \(file.path) \(file.sortOrderID ?? -1)")
                claims.insert(file.sortOrderID)
            }
        }
        #expect(claims == [0, 1], "seed \(random.seed)")
    }

    @Test func `keys of equality deletes that do not fit are applied in parts`() throws {
        var random = Seeded.start()
        let lake = try lake(files: 4, rows: 500, &random)
        let victims = try lake.dataFiles.flatMap { try lake.rows(of: $0) }.filter { _ in random.once(in: 2) }
        try lake.addDeletes([try lake.equalityDeletes(victims, ids: [2, 3], specID: 0, partition: [])])
        // What came back afterwards is not deleted, whichever part its key is in.
        try lake.append([try lake.write(Array(victims.prefix(100)), partition: [])])
        let expected = try lake.content()
        let live = try LiveTable(try lake.table.metadata, lake.memory)
        for keyBytes in [1 << 30, 20_000, 2_000] {
            var reader = DeleteReader(store: lake.memory, metadata: live.metadata, keyBytes: keyBytes)
            let left = zip(live.files, try reader.masks(live.files)).reduce(0) { $0 + ($1.1?.liveCount ?? Int($1.0.data.file.recordCount)) }
            #expect(left == 2000 - victims.count + 100, "seed \(random.seed): \(keyBytes)")
        }
        let budget = MemoryBudget(work: 100_000)
        #expect(budget.deleteKeys < victims.count * 80)
        #expect(try lake.compact(CompactOptions(), budget: budget).status == .done, "seed \(random.seed)")
        #expect(try lake.content() == expected && lake.deleteFiles.isEmpty, "seed \(random.seed)")
    }

    @Test func `what memory is shared out stays within what there is`() {
        for size in [64, 128, 512, 4096] {
            let budget = MemoryBudget(size << 20)
            #expect(budget.work < size << 20)
            let rows = budget.maxRows
            let slice = budget.slice(rows: rows, groupRows: budget.maxGroupRows, encoded: size << 20, column: 0)
            let held = rows * MemoryBudget.bytesPerRow + budget.maxGroupRows * MemoryBudget.bytesPerGroupRow + slice.column
            #expect(held <= budget.work + budget.work / 8 && slice.kept == 0, "\(size) MB")
            #expect(rows * MemoryBudget.bytesPerSortedRow <= budget.work)
        }
    }
}
