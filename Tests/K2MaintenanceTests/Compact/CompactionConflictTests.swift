import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Maintenance

/// What others do between the reading of files and the commit that replaces them.
struct CompactionConflictTests {
    private static func schema() throws -> Schema {
        try Schema(fields: [
            NestedField(1, "part", .int, required: false), NestedField(2, "id", .long, required: true), NestedField(3, "name", .string, required: false),
        ])
    }

    private static let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "p", transform: .identity)])

    /// Two partitions of six files with ten rows each.
    private func lake() throws -> (CompactLake, Seeded) {
        var random = Seeded(7)
        let lake = try CompactLake(schema: Self.schema(), spec: Self.spec)
        for part in [0, 1] { try lake.append((0..<6).map { _ in try lake.makeFile(10, part: Int64(part), &random) }) }
        return (lake, random)
    }

    private func files(_ lake: CompactLake, part: Int32) throws -> [DataFile] { try lake.dataFiles.filter { $0.partition == [.int(part)] } }

    @Test func `an append meanwhile costs nothing but another try`() throws {
        var (lake, random) = try lake()
        let written = lake.memory.log.filter { $0.hasPrefix("openWriter") }.count
        lake.catalog.beforeCommit = { try lake.append([try lake.makeFile(5, part: 0, &random)]) }
        let outcome = try lake.compact(CompactOptions())
        #expect(outcome.status == .done && outcome.facts["commits"] == 2)
        #expect(try files(lake, part: 0).map(\.recordCount).sorted() == [5, 60] && files(lake, part: 1).count == 1)
        // The rewritten files were kept for the second try: two of them, and the one that was appended.
        #expect(lake.memory.log.filter { $0.hasPrefix("openWriter") }.count == written + 3)
        try lake.expectReplacementsEqual("append")
    }

    @Test func `rows that are deleted by position meanwhile stay deleted: the group is left, others are committed`() throws {
        let (lake, _) = try lake()
        var notes: [String] = []
        var options = CompactOptions()
        options.maxCommits = 1
        lake.catalog.beforeCommit = {
            let file = try files(lake, part: 0)[2]
            try lake.addDeletes([try lake.positionDeletes([(file.path, 3)], specID: 0, partition: [.int(0)])])
        }
        let outcome = try lake.compact(options) { notes.append($0) }
        #expect(outcome.status == .done && outcome.facts["groups_given_up"] == 1 && outcome.facts["groups"] == 1)
        #expect(notes.count == 1 && notes[0].contains("were deleted since"))
        #expect(try files(lake, part: 0).count == 6 && files(lake, part: 1).count == 1 && lake.strays() == [])
        try lake.expectReplacementsEqual("position deletes")
        // The next run applies the delete.
        let before = try lake.content()
        #expect(try lake.compact(CompactOptions()).facts["delete_files_dropped"] == 1)
        #expect(try lake.content() == before && files(lake, part: 0).map(\.recordCount) == [59] && lake.deleteFiles.isEmpty)
    }

    @Test func `rows that are deleted by value meanwhile are deleted in the new files`() throws {
        let (lake, _) = try lake()
        var victim: Row = [:]
        lake.catalog.beforeCommit = {
            victim = try lake.rows(of: try files(lake, part: 0)[1])[4]
            try lake.addDeletes([try lake.equalityDeletes([victim], ids: [2], specID: 0, partition: [.int(0)])])
        }
        var options = CompactOptions()
        options.maxCommits = 1
        let outcome = try lake.compact(options)
        #expect(outcome.status == .done && outcome.facts["groups"] == 2 && outcome.facts["groups_given_up"] == nil)
        #expect(try files(lake, part: 0).map(\.recordCount) == [60])
        #expect(try lake.content()[victim] == nil && lake.content().values.reduce(0, +) == 119)
        try lake.expectReplacementsEqual("equality deletes")
        _ = try lake.compact(CompactOptions())
        #expect(try files(lake, part: 0).map(\.recordCount) == [59] && lake.deleteFiles.isEmpty && lake.content().values.reduce(0, +) == 119)
    }

    @Test func `a run whose intent another one closed commits nothing`() throws {
        var (lake, random) = try lake()
        // The lease is lost, its next holder closes the intent, and the commit conflicts: the second try must not be made.
        lake.catalog.beforeCommit = {
            for intent in try lake.state.maintenanceIntents(table: nil) { try lake.state.closeMaintenance(id: intent.id) }
            try lake.append([try lake.makeFile(5, part: 0, &random)])
        }
        let error = #expect(throws: IcebergError.self) { try lake.compact(CompactOptions()) }
        #expect(error?.message.contains("was closed by another run: nothing is committed") == true)
        #expect(try files(lake, part: 0).count == 7 && lake.content().values.reduce(0, +) == 125 && lake.strays() == [])
        #expect(try lake.table.metadata.snapshots.allSatisfy { $0.operation != .replace })
    }

    @Test func `a file that is gone meanwhile leaves its group as it is`() throws {
        let (lake, _) = try lake()
        let gone = try files(lake, part: 1)[0].path
        lake.catalog.beforeCommit = {
            let loop = CommitLoop(catalog: lake.inner, store: lake.memory, environment: lake.clock.environment)
            _ = try loop.overwrite(removing: [gone], adding: [], in: lake.identifier)
        }
        var notes: [String] = []
        var options = CompactOptions()
        options.maxCommits = 1
        // The second pass would take the five that are left, and has no commit left for it.
        let outcome = try lake.compact(options) { notes.append($0) }
        #expect(outcome.facts["groups_given_up"] == 1 && notes.first?.contains("\(gone) is not in the table any more") == true)
        #expect(try files(lake, part: 1).count == 5 && lake.content().values.reduce(0, +) == 110 && lake.strays() == [])
        _ = try lake.compact(CompactOptions())
        #expect(try files(lake, part: 1).map(\.recordCount) == [50])
    }

    @Test func `rows that come back meanwhile, since the table went back to an earlier snapshot, are not lost`() throws {
        let (lake, _) = try lake()
        let earlier = try #require(try lake.table.metadata.currentSnapshotID)
        let file = try files(lake, part: 0)[0]
        try lake.addDeletes([try lake.positionDeletes((0..<10).map { (file.path, $0) }, specID: 0, partition: [.int(0)])])
        lake.catalog.beforeCommit = {
            _ = try lake.inner.commit([.setSnapshotReference(name: "main", SnapshotReference(snapshotID: earlier))], requirements: [], on: try lake.table)
        }
        var notes: [String] = []
        var options = CompactOptions()
        options.maxCommits = 1
        _ = try lake.compact(options) { notes.append($0) }
        #expect(notes.contains { $0.contains("does not apply to \(file.path) any more") })
        #expect(try lake.content().values.reduce(0, +) == 120)
    }

    @Test func `a table that another one took the name of is left alone`() throws {
        let (lake, _) = try lake()
        lake.catalog.beforeCommit = {
            try lake.inner.dropTable(lake.identifier)
            _ = try lake.inner.createTable(lake.identifier, TableCreation(schema: Self.schema(), spec: Self.spec))
        }
        let error = #expect(throws: IcebergError.self) { try lake.compact(CompactOptions()) }
        #expect(error?.code == .validation && error?.message.contains("another table has its name now") == true)
        #expect(try lake.table.metadata.snapshots.isEmpty)
    }

    @Test func `a column that is added, renamed or dropped meanwhile does not matter`() throws {
        let (lake, _) = try lake()
        lake.catalog.beforeCommit = {
            let table = try lake.table
            var schema = table.metadata.currentSchema
            schema.schemaID = 1
            schema.fields[2].name = "title"
            schema.fields.append(NestedField(4, "more", .string, required: false))
            _ = try lake.inner.commit([.addSchema(schema), .setCurrentSchema(id: 1)], requirements: [], on: table)
        }
        #expect(try lake.compact(CompactOptions()).facts["commits"] == 2)
        #expect(try lake.dataFiles.count == 2 && lake.content().values.reduce(0, +) == 120)
        try lake.expectReplacementsEqual("schema")
    }

    @Test func `a delete file that still names a live file stays`() throws {
        let (lake, _) = try lake()
        let (first, second) = (try files(lake, part: 0)[0], try files(lake, part: 1)[0])
        // One file for both partitions' rows would be against the format; two, of which one names a file that is not taken.
        try lake.addDeletes([
            try lake.positionDeletes([(first.path, 1)], specID: 0, partition: [.int(0)], bounds: false),
            try lake.positionDeletes([(second.path, 1)], specID: 0, partition: [.int(1)], bounds: false),
        ])
        var options = CompactOptions()
        options.condition = try FilePredicate("part = 0")
        #expect(try lake.compact(options).facts["delete_files_dropped"] == 1)
        #expect(try lake.deleteFiles.map(\.file.partition) == [[.int(1)]] && files(lake, part: 1).count == 6)
        #expect(try lake.content().values.reduce(0, +) == 118)
        #expect(try lake.compact(options).status == .nothing)
    }

    @Test func `a commit that lost against another is not tried again once the run is to stop`() throws {
        var (lake, random) = try lake()
        var isStopped = false
        lake.catalog.beforeCommit = {
            isStopped = true
            try lake.append([try lake.makeFile(5, part: 0, &random)])
        }
        let error = #expect(throws: LakeError.self) { try Compaction(lake.work(isStopped: { isStopped }), CompactOptions()).run() }
        #expect(error?.code == .stopped && error?.message == "t: stopped after 0 commits; the next run goes on")
        #expect(try files(lake, part: 0).count == 7 && lake.strays() == [] && lake.state.maintenanceIntents(table: nil).isEmpty)
    }

    @Test func `a path that others put into the table once more meanwhile is left as it is`() throws {
        let (lake, _) = try lake()
        let file = try files(lake, part: 0)[3]
        lake.catalog.beforeCommit = { try lake.append([file]) }
        var notes: [String] = []
        var options = CompactOptions()
        options.maxCommits = 1
        let outcome = try lake.compact(options) { notes.append($0) }
        #expect(outcome.facts["groups_given_up"] == 1 && notes == ["6 files left as they are: \(file.path) is in the table 2 times by now"])
        #expect(try files(lake, part: 0).count == 7 && files(lake, part: 1).count == 1 && lake.content().values.reduce(0, +) == 130 && lake.strays() == [])
        try lake.expectReplacementsEqual("doubled")
    }

    @Test func `files that cannot be read are left with a word about it, and others are done`() throws {
        let (lake, _) = try lake()
        // Somebody wrote a double where the table has a long.
        let odd = try Schema(fields: [NestedField(1, "part", .int, required: false), NestedField(2, "id", .double, required: true)])
        try lake.append([try lake.write([[1: .integer(0), 2: .bits(Double(1).bitPattern)]], schema: odd, partition: [.int(0)])])
        var notes: [String] = []
        let outcome = try lake.compact(CompactOptions()) { notes.append($0) }
        #expect(outcome.status == .incomplete && outcome.facts["commits"] == 1 && notes.count == 1)
        #expect(notes.first?.contains("column id: a column of double where a long is expected") == true)
        #expect(outcome.summary.contains("column id: a column of double") && outcome.summary.contains("; beside that, 6 files became 1"))
        #expect(try files(lake, part: 0).count == 7 && files(lake, part: 1).count == 1 && lake.strays() == [])
        notes = []
        let planned = try Compaction(lake.work(isDryRun: true, note: { notes.append($0) }), CompactOptions()).run()
        #expect(notes.count == 1 && notes[0].hasPrefix("7 files would be left as they are: ") && planned.status == .incomplete)
        // A damaged one is an error, but no reason not to do the rest.
        let (damaged, _) = try self.lake()
        let broken = try files(damaged, part: 0)[1]
        try damaged.memory.put([UInt8](repeating: 0, count: Int(broken.fileSize)), to: broken.path)
        let result = try damaged.compact(CompactOptions())
        #expect(result.status == .incomplete && result.summary.contains(broken.path))
        #expect(try files(damaged, part: 0).count == 6 && files(damaged, part: 1).count == 1)
        // So is one that is not there any more, or is shorter than it should be.
        let (lost, _) = try self.lake()
        let (gone, cut) = (try files(lost, part: 0)[1], try files(lost, part: 1)[2])
        try lost.memory.delete(gone.path)
        let bytes = try lost.memory.get(cut.path)
        try lost.memory.put(Array(bytes.dropLast(5)), to: cut.path)
        notes = []
        #expect(try lost.compact(CompactOptions(), note: { notes.append($0) }).status == .incomplete)
        #expect(
            notes == [
                "6 files left as they are: \(gone.path): not in the store",
                "6 files left as they are: \(cut.path): the file is shorter than its manifest says: found \(bytes.count - 5) bytes, expected \(bytes.count)",
            ])
    }
}
