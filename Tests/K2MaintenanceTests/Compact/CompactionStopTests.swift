import K2Domain
import K2Iceberg
import K2Lake
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintenance

/// A run that is asked to stop, wherever it is.
struct CompactionStopTests {
    /// Two partitions of three files, one of them with deletes of both kinds.
    private func lake() throws -> CompactLake {
        var random = Seeded(3)
        let schema = try Schema(fields: [
            NestedField(1, "part", .int, required: false), NestedField(2, "id", .long, required: true),
            NestedField(5, "tags", .list(ListType(elementID: 6, element: .string, elementRequired: true)), required: false),
        ])
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "p", transform: .identity)])
        let lake = try CompactLake(schema: schema, spec: spec, sortOrder: SortOrder(fields: [SortField(sourceID: 2)]))
        for part in [0, 1] { try lake.append((0..<3).map { _ in try lake.makeFile(4, part: Int64(part), &random) }) }
        let files = try lake.dataFiles
        try lake.addDeletes([try lake.positionDeletes([(files[0].path, 2)], specID: 0, partition: files[0].partition, bounds: false)])
        let victim = try lake.rows(of: files[1])[0]
        try lake.addDeletes([try lake.equalityDeletes([victim], ids: [2], specID: 0, partition: files[1].partition)])
        return lake
    }

    /// Candles of K2's, each of them twice.
    private func candles() throws -> CompactLake {
        let schema = try LakeSchema(MarketTables.gold(.oneMinute))
        let lake = try CompactLake(MarketTables.gold(.oneMinute).coldName, schema: schema.schema, sortOrder: schema.sortOrder)
        for number in 0..<3 {
            let rows = try (0..<4).map { try lake.row(["window_start": .integer(Int64(number * 4 + $0)), "revision": .integer(0)]) }
            try lake.append([try lake.write(rows, partition: []), try lake.write(rows, partition: [])])
        }
        return lake
    }

    private var options: CompactOptions {
        var options = CompactOptions()
        options.minInputFiles = 2
        options.maxCommits = 2
        options.rewritesManifests = true
        return options
    }

    /// Runs until it is asked for the `count`th time whether to stop. Returns how often it was asked in all.
    private func run(_ lake: CompactLake, _ options: CompactOptions, isDryRun: Bool = false, stopAt count: Int) throws -> Int {
        var asked = 0
        let work = lake.work(isDryRun: isDryRun, isStopped: {
            asked += 1
            return asked >= count
        })
        do { _ = try Compaction(work, options).run() } catch let error as LakeError where error.code == .stopped {
            #expect(error.message.hasPrefix("\(lake.identifier.name): stopped after ") && error.message.hasSuffix("; the next run goes on"))
            #expect(asked == count, "the first answer is enough")
        }
        return asked
    }

    @Test(arguments: [false, true]) func `it ends at once, takes back what it wrote, and the next run does the rest`(_ dedupes: Bool) throws {
        var options = options
        options.removesDuplicates = dedupes
        let make = dedupes ? candles : lake
        let total = try run(make(), options, stopAt: .max)
        #expect(total > 40)
        let clean = try make()
        let before = try clean.content()
        _ = try run(clean, options, stopAt: .max)
        let expected = try clean.content()
        for count in 1...total {
            let lake = try make()
            #expect(try run(lake, options, stopAt: count) == count)
            let after = try lake.content()
            #expect(after == before || after == expected, "stopped at \(count)")
            #expect(try lake.strays() == [] && lake.state.maintenanceIntents(table: nil).isEmpty, "stopped at \(count)")
            _ = try run(lake, options, stopAt: .max)
            #expect(try lake.content() == expected && lake.dataFiles.count == clean.dataFiles.count, "stopped at \(count), then again")
        }
    }

    @Test func `a dry run ends as well`() throws {
        let lake = try lake()
        let total = try run(lake, options, isDryRun: true, stopAt: .max)
        #expect(total > 8)
        for count in 1...total { #expect(try run(lake, options, isDryRun: true, stopAt: count) == count) }
    }

    /// What keeps the wait short: between two questions no more than one piece of one file is read.
    @Test(arguments: [false, true]) func `it is asked before each read of a file`(_ dedupes: Bool) throws {
        var options = options
        options.removesDuplicates = dedupes
        let lake = try dedupes ? candles() : lake()
        lake.faults.fail(call: .max, .before)
        var reads: [Int] = []
        let work = lake.work(isStopped: {
            reads.append(lake.faults.log.count { $0.hasPrefix("get ") && $0.hasSuffix(".parquet") })
            return false
        })
        _ = try Compaction(work, options).run()
        #expect(reads.last! > 20 && zip(reads, reads.dropFirst()).allSatisfy { $1 - $0 <= 1 })
    }
}
