import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2TestSupport
import Testing

@testable import K2Maintenance

/// What a dry run tells is what a run does.
struct CompactionDryRunTests {
    private struct Dry {
        var outcome: StepOutcome
        var lines: [JSONObject] = []
        func lines(_ action: String) -> [JSONObject] { lines.filter { $0["action"]?.stringValue == action } }
        func sum(_ action: String, _ key: String) -> Int64 { lines(action).reduce(0) { $0 + ($1[key]?.int64Value ?? 0) } }
    }

    private func dryRun(_ lake: CompactLake, _ options: CompactOptions) throws -> Dry {
        var lines: [JSONObject] = []
        let outcome = try Compaction(lake.work(isDryRun: true, show: { lines.append($0.json()) }), options).run()
        return Dry(outcome: outcome, lines: lines)
    }

    @Test func `groups, files, bytes, rows and deletes are those of the run`() throws {
        var random = Seeded.start()
        for round in 0..<12 {
            let lake = try CompactLake.random(&random)
            for _ in 0..<random.int(2...10) {
                if random.once(in: 4) { try lake.deleteSome(&random) } else { try lake.append([try lake.makeFile(random.int(1...30), part: random.pick([nil, 0, 1]), &random)]) }
            }
            var options = CompactOptions()
            options.minInputFiles = random.int(2...5)
            let snapshot = try lake.table.metadata.currentSnapshotID
            let dry = try dryRun(lake, options)
            #expect(try lake.table.metadata.currentSnapshotID == snapshot && lake.strays() == [])
            let done = try lake.compact(options)
            let comment: Testing.Comment = "seed \(random.seed) round \(round): \(dry.outcome.summary), then \(done.summary)"
            #expect((dry.outcome.status == .nothing) == (done.status == .nothing), comment)
            for key in ["groups", "files_in", "bytes_in", "rows", "rows_removed", "delete_files_dropped"] {
                #expect(dry.outcome.facts[key] == done.facts[key], "\(comment) \(key)")
            }
            let paths = dry.lines("rewrite").flatMap { $0["files"]?.arrayValue ?? [] }
            #expect(Int64(paths.count) == done.facts["files_in"]?.int64Value && dry.sum("rewrite", "rows") == done.facts["rows"]?.int64Value, comment)
            #expect(dry.lines.allSatisfy { $0["action"] != nil }, comment)
        }
    }

    @Test func `what a run could not do is told before`() throws {
        var random = Seeded.start()
        let lake = try CompactLake(schema: try Schema(fields: [NestedField(2, "id", .long, required: true)]))
        let files = try (0..<6).map { try lake.write([[2: .integer($0)]], partition: []) }
        try lake.append(files)
        let deletes = try lake.equalityDeletes([[2: .integer(3)]], ids: [2], specID: 0, partition: [])
        try lake.addDeletes([deletes])
        try lake.memory.put((0..<Int(deletes.fileSize)).map { _ in UInt8(random.int(0...255)) }, to: deletes.path)
        let (dry, done) = (try dryRun(lake, CompactOptions()), try lake.compact(CompactOptions()))
        #expect(dry.outcome.status == .incomplete && done.status == .incomplete && dry.outcome.summary == done.summary, "\(dry.outcome.summary), then \(done.summary)")
        #expect(dry.outcome.facts["left_out"] == done.facts["left_out"] && dry.lines.isEmpty)
    }

    @Test func `manifests that would be laid together are told, and nothing where nothing is to do`() throws {
        let lake = try CompactLake(schema: try Schema(fields: [NestedField(2, "id", .long, required: true)]))
        for id in 0..<4 { try lake.append([try lake.write([[2: .integer(Int64(id))]], partition: [])]) }
        var options = CompactOptions()
        #expect(try dryRun(lake, options).outcome.status == .nothing && dryRun(lake, options).outcome.summary == "nothing to do")
        options.rewritesManifests = true
        let dry = try dryRun(lake, options)
        #expect(dry.outcome.status == .planned && dry.lines("rewrite-manifests").count == 1 && dry.outcome.summary == "4 manifests would become 1")
        let done = try lake.compact(options)
        #expect(done.facts["manifests"] == dry.outcome.facts["manifests"] && done.facts["manifests"] == ["before": 4, "after": 1])
        #expect(try dryRun(lake, options).outcome.status == .nothing && lake.compact(options).status == .nothing)
    }

    @Test func `the target is the table's own where the command line says none`() throws {
        let schema = try Schema(fields: [NestedField(2, "id", .long, required: true), NestedField(3, "name", .string, required: false)])
        let lake = try CompactLake(schema: schema, properties: ["write.target-file-size-bytes": "65536"])
        var (random, id) = (Seeded.start(), Int64(0))
        for _ in 0..<6 {
            let rows = (0..<3_000).map { _ -> Row in
                id += 1
                return [2: .integer(id), 3: .bytes((0..<16).map { _ in UInt8(random.int(97...122)) })]
            }
            try lake.append([try lake.write(rows, partition: [], groupRows: 500)])
        }
        var options = CompactOptions()
        options.isTargetOfTable = true
        let before = try lake.content()
        #expect(try lake.compact(options).status == .done)
        let sizes = try lake.dataFiles.map(\.fileSize)
        #expect(try sizes.count > 1 && sizes.allSatisfy { $0 >= 40_000 && $0 <= 130_000 } && lake.content() == before, "\(sizes)")
        #expect(try dryRun(lake, options).outcome.status == .nothing && lake.compact(options).status == .nothing)
        // One that is given goes before it.
        (options.isTargetOfTable, options.minInputFiles) = (false, 2)
        #expect(try lake.compact(options).facts["files_out"] == 1)
    }

    @Test(arguments: [("262144", 262_144), ("1", 1 << 16), ("none", 128 << 20), ("-5", 128 << 20), ("99999999999999999999", 128 << 20)])
    func `a table's wish is heeded where it means something`(_ text: String, _ expected: Int) throws {
        let schema = try Schema(fields: [NestedField(2, "id", .long, required: true)])
        let metadata = try TableMetadata.create(tableUUID: "u", location: "t", schema: schema, properties: ["write.target-file-size-bytes": text], nowMS: 1)
        var options = CompactOptions()
        #expect(options.fitted(to: metadata).targetSize == 128 << 20)
        options.isTargetOfTable = true
        #expect(options.fitted(to: metadata).targetSize == expected)
    }
}
