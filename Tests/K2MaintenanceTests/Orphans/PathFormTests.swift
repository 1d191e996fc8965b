import Foundation
import K2Domain
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore
import Testing

@testable import K2Iceberg
@testable import K2Maintenance

/// A table in the folder `real/t` whose location goes through a link to `real`.
private final class LinkedLake {
    let folder: String
    let lake: HistoryLake

    init(location: String = "link/t") throws {
        folder = FileManager.default.temporaryDirectory.path + "/forms-\(UUID())"
        try FileManager.default.createDirectory(atPath: "\(folder)/real/t/data", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: "\(folder)/elsewhere", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "real")
        // All files are old.
        let tomorrow = Int64(Date().timeIntervalSince1970 * 1_000) + 86_400_000
        lake = try HistoryLake(location: "file://\(folder)/\(location)", store: LocalStore(durable: false), startMS: tomorrow)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ form: String, _ name: String) -> String { "\(form.hasPrefix("/") ? "" : "file://")\(folder)/\(form)/t/data/\(name)" }

    /// Puts a file into `real/t/data`, and tells it under another form of its place.
    func file(_ name: String, as form: String = "real") throws -> DataFile {
        let bytes = Array("content of \(name)".utf8)
        try lake.memory.put(bytes, to: path("real", name))
        return DataFile(path: path(form, name), recordCount: 1, fileSize: Int64(bytes.count))
    }

    func link(_ name: String, to target: String) throws { try FileManager.default.createSymbolicLink(atPath: "\(folder)/real/t/\(name)", withDestinationPath: target) }

    /// Names below `real/t/data`.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: "\(folder)/real/t/data").sorted() }

    func add(_ files: [DataFile], _ branch: String = "main") throws { try lake.commit(branch) { entries, _, made in entries = files.map { made.added($0) } } }

    func plan(note: @escaping (String) -> Void = { _ in }) throws -> OrphanPlan {
        let output = PlanLines()
        _ = try OrphanSearch(lake.work(note: note), olderThan: 0, locations: CatalogLocations(), output: output).run()
        return try #require(try OrphanPlan.read(output.bytes).first)
    }

    func found() throws -> [String] { try plan().files.map { StoreLocation.name($0.location) }.sorted() }

    func apply(_ plan: OrphanPlan, note: @escaping (String) -> Void = { _ in }) throws -> StepOutcome {
        try QuarantineMove(lake.work(note: note), plan, locations: CatalogLocations()).run()
    }

    func expire() throws -> StepOutcome {
        lake.clock.advance(HistoryLake.hour)
        return try Expiry(lake.work(), ExpireOptions(olderThan: 0, retainLast: 1)).run()
    }

    /// Another table of the catalog.
    func neighbour(at location: String) throws -> TableIdentifier {
        let identifier = TableIdentifier(["cold"], "u")
        _ = try lake.inner.createTable(identifier, TableCreation(schema: try Schema(fields: [NestedField(1, "id", .long, required: true)]), location: location))
        return identifier
    }

    func add(_ file: DataFile, to identifier: TableIdentifier) throws {
        _ = try CommitLoop(catalog: lake.inner, store: lake.memory, environment: lake.clock.environment).append([file], to: identifier)
    }
}

struct PathFormTests {
    private static let forms = ["real", "link", "link/../real", "real/.", "real//", "link/../link"]

    // MARK: Orphans

    @Test(arguments: forms, ["link/t", "real/t", "link/../link//t/"]) func `a file is needed in whatever form its place is written`(_ form: String, _ location: String) throws {
        let linked = try LinkedLake(location: location)
        try linked.add([try linked.file("live", as: form)])
        let (writing, compacting) = (try linked.file("writing", as: form), try linked.file("compacting", as: form))
        let state = linked.lake.state
        try state.openIntent(Intent(batchID: "b", table: "t", createdAt: Timestamp(microseconds: 0), files: [writing.path]))
        try state.openMaintenance(MaintenanceIntent(id: "m", table: "t", kind: "compact", holder: "x", createdAt: Timestamp(microseconds: 0), files: [compacting.path]))
        _ = try linked.file("stray")
        let made = try linked.plan()
        #expect(made.files.map { StoreLocation.name($0.location) } == ["stray"])
        #expect(try linked.apply(made).facts["moved_files"]?.intValue == 1)
        #expect(try linked.names() == ["compacting", "live", "writing"])
        _ = try QuarantineEnd(linked.lake.work()).restore(Quarantine.id(made))
        #expect(try linked.names() == ["compacting", "live", "stray", "writing"])
        #expect(try !FileManager.default.fileExists(atPath: "\(linked.folder)/real/t/_quarantine") && linked.found() == ["stray"])
    }

    @Test(arguments: forms) func `a plan whose files are written in another form is still judged`(_ form: String) throws {
        let linked = try LinkedLake()
        try linked.add([try linked.file("live")])
        _ = try linked.file("stray")
        var made = try linked.plan()
        var live = made.files[0]
        live.location = linked.path(form, "live")
        made.files[0].location = linked.path(form, "stray")
        made.files.append(live)
        let outcome = try linked.apply(made)
        #expect(outcome.facts["moved_files"]?.intValue == 1 && outcome.facts["live_files"]?.intValue == 1)
        #expect(try linked.names() == ["live"] && linked.lake.memory.exists("\(linked.folder)/real/t/_quarantine/\(Quarantine.id(made))/files/data/stray"))
    }

    @Test(arguments: ["real/t", "real/./t", "link/../real//t/data", "real", "real/t/deep/../.."]) func `a location that is shared in another form is not touched`(_ place: String) throws {
        let linked = try LinkedLake()
        try linked.add([try linked.file("a")])
        _ = try linked.file("stray")
        let made = try linked.plan()
        try FileManager.default.createDirectory(atPath: "\(linked.folder)/real/t/deep", withIntermediateDirectories: true)
        _ = try linked.neighbour(at: "\(linked.folder)/\(place)")
        #expect(#expect(throws: LakeError.self) { try linked.plan() }?.message.contains("is shared with table cold.u") == true)
        #expect(throws: LakeError.self) { try linked.apply(made) }
        try linked.lake.overwrite("main", removing: { _ in true }, adding: [])
        #expect(#expect(throws: LakeError.self) { try linked.expire() }?.message.contains("is shared with table cold.u") == true)
        #expect(try linked.names().filter { $0 != "metadata" } == ["a", "stray"])
    }

    @Test(arguments: forms) func `what another table has taken in stays, in whatever form it names it`(_ form: String) throws {
        let linked = try LinkedLake()
        let taken = try linked.file("taken", as: form)
        let other = try linked.neighbour(at: "file://\(linked.folder)/elsewhere/u")
        try linked.add(taken, to: other)
        _ = try linked.file("stray")
        #expect(try linked.found() == ["stray"])
        // And of expiry.
        try linked.add([try linked.file("taken", as: "link"), try linked.file("gone", as: "link")])
        try linked.lake.overwrite("main", removing: { _ in true }, adding: [])
        #expect(try linked.expire().facts["files_of_other_tables"]?.intValue == 1)
        #expect(try linked.names() == ["stray", "taken"])
    }

    // MARK: Expiry

    @Test(arguments: forms) func `expiry keeps a file that a staying snapshot names in another form`(_ form: String) throws {
        let linked = try LinkedLake()
        let (first, other) = (try linked.file("kept", as: "link"), try linked.file("kept", as: form))
        try linked.add([first, try linked.file("gone", as: form)])
        try linked.lake.overwrite("main", removing: { _ in true }, adding: [other])
        let outcome = try linked.expire()
        #expect(outcome.facts["deleted_data_files"]?.intValue == 1 && outcome.facts["foreign_files"]?.intValue == 0)
        #expect(try linked.names() == ["kept"])
    }

    @Test func `many files in one folder, named through a link, are expired`() throws {
        let linked = try LinkedLake()
        let files = try (0..<2_000).map { try linked.file("00000-\($0)-data.parquet", as: "link") }
        try linked.add(files)
        try linked.lake.overwrite("main", removing: { $0.file.path.hasSuffix("7-data.parquet") }, adding: [])
        #expect(try linked.expire().facts["deleted_data_files"]?.intValue == 200)
        #expect(try linked.names().count == 1_800)
    }

    // MARK: Links below the location

    @Test func `links to files stay, and what they lead to`() throws {
        let linked = try LinkedLake()
        for name in ["a", "b", "stray"] { _ = try linked.file(name) }
        try Data("outside".utf8).write(to: URL(fileURLWithPath: "\(linked.folder)/outside"))
        try linked.link("data/to-a", to: "a")
        try linked.link("data/to-b", to: "b")
        try linked.link("data/to-outside", to: "\(linked.folder)/outside")
        try linked.link("data/lost", to: "nowhere")
        // The table names one of them: through it, it needs `a`.
        try linked.add([DataFile(path: linked.path("link", "to-a"), recordCount: 1, fileSize: 12)])
        var notes: [String] = []
        var made = try linked.plan { notes.append($0) }
        #expect(made.files.map { StoreLocation.name($0.location) } == ["stray"])
        #expect(notes.contains { $0.hasPrefix("3 links to files, and what they lead to, stay, such as ") })
        // A plan that was made before they were links, or otherwise.
        for name in ["a", "b", "to-a", "to-b", "to-outside"] {
            made.files.append(made.files[0])
            made.files[made.files.count - 1].location = linked.path("link", name)
        }
        #expect(try linked.apply(made).facts["moved_files"]?.intValue == 1)
        #expect(try linked.names() == ["a", "b", "lost", "to-a", "to-b", "to-outside"])
        #expect(try linked.lake.memory.get("\(linked.folder)/outside") == Array("outside".utf8))
    }

    @Test func `expiry deletes neither links nor what lies behind one`() throws {
        let linked = try LinkedLake()
        try linked.lake.memory.put([1], to: "\(linked.folder)/elsewhere/x")
        try linked.link("data/part", to: "\(linked.folder)/elsewhere")
        try linked.link("data/to-x", to: "\(linked.folder)/elsewhere/x")
        try linked.link("data/to-b", to: "b")
        _ = try linked.file("b")
        try linked.add(["part/x", "to-x", "to-b"].map { DataFile(path: linked.path("link", $0), recordCount: 1, fileSize: 1) } + [try linked.file("gone")])
        try linked.lake.overwrite("main", removing: { _ in true }, adding: [])
        let outcome = try linked.expire()
        #expect(outcome.facts["deleted_data_files"]?.intValue == 1)
        #expect(try linked.names() == ["b", "part", "to-b", "to-x"] && linked.lake.memory.exists("\(linked.folder)/elsewhere/x"))
    }

    @Test func `a folder of data behind a link is the table's own`() throws {
        let linked = try LinkedLake()
        try FileManager.default.removeItem(atPath: "\(linked.folder)/real/t/data")
        try linked.link("data", to: "\(linked.folder)/elsewhere")
        try linked.add([try linked.file("gone", as: "link")])
        try linked.lake.overwrite("main", removing: { _ in true }, adding: [])
        #expect(try linked.expire().facts["deleted_data_files"]?.intValue == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(linked.folder)/elsewhere").isEmpty)
    }

    // MARK: Names that only look the same

    @Test(arguments: [("é", "e\u{301}"), ("e\u{301}", "é")]) func `a name that only looks like that of a file in use is another one`(_ name: String, _ other: String) throws {
        let linked = try LinkedLake()
        try linked.add([try linked.file(name, as: "link")])
        _ = try linked.file(other)
        var made = try linked.plan()
        #expect(made.files.map { ExactPath(StoreLocation.name($0.location)) } == [ExactPath(other)])
        made.files.append(made.files[0])
        made.files[1].location = linked.path("link", name)
        let outcome = try linked.apply(made)
        #expect(outcome.facts["moved_files"]?.intValue == 1 && outcome.facts["live_files"]?.intValue == 1)
        #expect(try linked.names().map { ExactPath($0) } == [ExactPath(name)])
        _ = try QuarantineEnd(linked.lake.work()).restore(Quarantine.id(made))
        // What expires is the one, and not the other.
        try linked.lake.overwrite("main", removing: { _ in true }, adding: [DataFile(path: linked.path("real", other), recordCount: 1, fileSize: 1)])
        #expect(try linked.expire().facts["deleted_data_files"]?.intValue == 1)
        #expect(try linked.names().map { ExactPath($0) } == [ExactPath(other)])
    }

    /// A snapshot that names the files through a manifest each, whose names only look the same.
    private func commit(_ files: [DataFile], _ lake: HistoryLake) throws {
        try lake.commit { _, manifests, made in
            manifests = try zip(["é", "e\u{301}"], files).map { name, file in
                let entry = ManifestEntry(status: .existing, snapshotID: 1, sequenceNumber: made.sequence, fileSequenceNumber: made.sequence, file: file)
                var manifest = try made.write([entry])
                let place = "\(made.metadata.metadataFolder)/\(name).avro"
                try lake.memory.put(try lake.memory.get(manifest.path), to: place)
                try lake.memory.delete(manifest.path)
                manifest.path = place
                return manifest
            }
        }
    }

    @Test func `manifests whose names only look the same are both read`() throws {
        let linked = try LinkedLake()
        let files = try ["a", "b"].map { try linked.file($0, as: "link") }
        try linked.add(files)
        try commit(files, linked.lake)
        #expect(try linked.found().isEmpty)
        #expect(try linked.expire().facts["expired_snapshots"]?.intValue == 1)
        #expect(try linked.names() == ["a", "b"])
    }

    @Test func `those of another table are, too`() throws {
        let linked = try LinkedLake()
        let (lake, other) = (linked.lake, try linked.neighbour(at: "file://\(linked.folder)/elsewhere"))
        let files = ["a", "b"].map { DataFile(path: "\(linked.folder)/elsewhere/data/\($0)", recordCount: 1, fileSize: 1) }
        for file in files { try lake.memory.put([1], to: file.path) }
        try commit(files, lake)
        let work = TableWork(name: "u", identifier: other, stores: lake.stores(), runID: "run")
        let outcome = try OrphanSearch(work, olderThan: 0, locations: CatalogLocations()).run()
        #expect(outcome.facts["orphans"]?.intValue == 0 && outcome.facts["files_of_other_tables"]?.intValue == 2)
    }
}
