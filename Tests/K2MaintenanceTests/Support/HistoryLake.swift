import K2Avro
import K2Domain
import K2JSON
import K2Lake
import K2Maintenance
import K2ObjectStore
import K2StateStore
import K2TestSupport
import Synchronization

@testable import K2Iceberg

/// A table in memory whose history a test makes up: appends, deletes, overwrites, delete files, merged manifests, branches and tags.
final class HistoryLake {
    /// In memory, unless a test says otherwise.
    let memory: any ObjectStore
    let faults = Faults()
    let inner: SQLCatalog
    let catalog: FailingCatalog
    let state: SQLStateStore
    let clock: TestClock
    let identifier = TableIdentifier(LakeSchema.namespace, "t")
    private var fileCount = 0

    init(
        seed: UInt64 = 1, properties: [String: String] = [:], location: String? = nil, store: any ObjectStore = MemoryStore(), startMS: Int64 = 1_760_000_000_000
    ) throws {
        memory = store
        clock = TestClock(seed: seed, startMS: startMS)
        inner = try SQLCatalog(path: ":memory:", warehouse: "mem://lake", store: memory, environment: clock.environment)
        catalog = FailingCatalog(inner, faults)
        state = try SQLStateStore(path: ":memory:")
        try inner.createNamespace(identifier.namespace, properties: [:])
        let schema = try Schema(fields: [NestedField(1, "id", .long, required: true)])
        _ = try inner.createTable(identifier, TableCreation(schema: schema, properties: properties, location: location))
    }

    func stores(holder: String = "test:1:1") -> LakeStores {
        LakeStores(
            catalog: catalog, objects: FailingStore(inner: memory, faults: faults), state: state, environment: clock.environment, holder: holder,
            isGone: { _ in false })
    }

    func work(
        isDryRun: Bool = false, isStopped: @escaping () -> Bool = { false }, note: @escaping (String) -> Void = { _ in },
        show: @escaping (ShownLine) -> Void = { _ in }
    ) -> TableWork {
        TableWork(name: "t", identifier: identifier, stores: stores(), runID: "run", isDryRun: isDryRun, isStopped: isStopped, note: note, show: show)
    }

    var table: Table { get throws { try inner.loadTable(identifier) } }

    // MARK: Making history

    /// A data file or delete file that is in the store.
    func makeFile(_ content: DataFile.Content = .data, folder: String? = nil) throws -> DataFile {
        fileCount += 1
        let path = try "\(folder ?? table.metadata.dataFolder)/file-\(fileCount).parquet"
        let bytes = Array("content of \(path)".utf8)
        try memory.put(bytes, to: path)
        return DataFile(content: content, path: path, recordCount: 1, fileSize: Int64(bytes.count))
    }

    /// Commits a snapshot to a branch, which is made when it is not there, from what its head lists.
    @discardableResult
    func commit(
        _ branch: String = "main", summary: [String: String] = [:], _ edit: (_ entries: inout [ManifestEntry], _ manifests: inout [ManifestFile], Commit) throws -> Void
    ) throws -> Int64 {
        let table = try table
        let metadata = table.metadata
        let parent = metadata.references[branch]?.snapshotID
        let identity = CommitIdentity(clock.environment)
        let made = Commit(identity: identity, sequence: metadata.lastSequenceNumber + 1, metadata: metadata, store: memory)
        var manifests = try parent.map { try TableFiles(metadata: metadata, store: memory).manifests(snapshotID: $0) } ?? []
        var entries: [ManifestEntry] = []
        try edit(&entries, &manifests, made)
        if !entries.isEmpty { manifests.insert(try made.write(entries), at: 0) }
        let location = "\(metadata.metadataFolder)/snap-\(identity.snapshotID).avro"
        let list = try ManifestList.write(
            manifests, snapshot: identity.snapshotID, parent: parent, sequenceNumber: made.sequence, location: location, codec: .deflate,
            syncMarker: identity.syncMarker(99))
        try memory.put(list, to: location)
        let snapshot = Snapshot(
            snapshotID: identity.snapshotID, parentSnapshotID: parent, sequenceNumber: made.sequence, timestampMS: max(clock.nowMS, metadata.lastUpdatedMS),
            manifestList: location, summary: summary.merging(["operation": "append"]) { $1 }, schemaID: 0)
        var reference = metadata.references[branch] ?? SnapshotReference(snapshotID: identity.snapshotID)
        reference.snapshotID = identity.snapshotID
        _ = try inner.commit([.addSnapshot(snapshot), .setSnapshotReference(name: branch, reference)], requirements: [], on: table)
        return identity.snapshotID
    }

    @discardableResult
    func append(_ count: Int = 1, to branch: String = "main", summary: [String: String] = [:]) throws -> Int64 {
        let files = try (0..<count).map { _ in try makeFile() }
        return try commit(branch, summary: summary) { entries, _, made in entries = files.map { made.added($0) } }
    }

    /// Files that the branch has are removed, and others added.
    func overwrite(_ branch: String, removing share: (ManifestEntry) -> Bool, adding files: [DataFile]) throws {
        try commit(branch) { entries, manifests, made in
            entries = files.map { made.added($0) }
            for (place, manifest) in manifests.enumerated().reversed() {
                let all = try TableFiles(metadata: made.metadata, store: memory).entries(manifest).filter(\.isLive)
                guard all.contains(where: share) else { continue }
                manifests[place] = try made.write(
                    all.map { share($0) ? $0.asDeleted(in: made.identity.snapshotID) : $0.asExisting }, content: manifest.content)
            }
        }
    }

    /// One manifest for all that the branch has.
    func mergeManifests(_ branch: String) throws {
        try commit(branch) { entries, manifests, made in
            let data = manifests.filter { $0.content == .data }
            for manifest in data { entries += try TableFiles(metadata: made.metadata, store: memory).entries(manifest).filter(\.isLive).map(\.asExisting) }
            manifests.removeAll { $0.content == .data }
        }
    }

    func addDeletes(_ branch: String) throws {
        let file = try makeFile(.positionDeletes)
        try commit(branch) { _, manifests, made in manifests.append(try made.write([made.added(file)], content: .deletes)) }
    }

    func set(_ name: String, _ reference: SnapshotReference) throws {
        _ = try inner.commit([.setSnapshotReference(name: name, reference)], requirements: [], on: try table)
    }

    /// What a commit in the making writes manifests with.
    struct Commit {
        let identity: CommitIdentity
        let sequence: Int64
        let metadata: TableMetadata
        let store: any ObjectStore
        private let count = Counter()

        init(identity: CommitIdentity, sequence: Int64, metadata: TableMetadata, store: any ObjectStore) {
            self.identity = identity
            self.sequence = sequence
            self.metadata = metadata
            self.store = store
        }

        func added(_ file: DataFile) -> ManifestEntry {
            ManifestEntry(status: .added, snapshotID: identity.snapshotID, sequenceNumber: nil, fileSequenceNumber: nil, file: file)
        }

        func write(_ entries: [ManifestEntry], content: ManifestContent = .data) throws -> ManifestFile {
            let number = count.next()
            let location = "\(metadata.metadataFolder)/\(identity.uuid)-m\(number).avro"
            var writer = try ManifestWriter(
                location: location, schema: metadata.currentSchema, spec: metadata.defaultSpec, content: content, snapshotID: identity.snapshotID,
                sequenceNumber: sequence, codec: .deflate, syncMarker: identity.syncMarker(number))
            for entry in entries { try writer.append(entry) }
            let (bytes, manifest) = try writer.finish()
            try store.put(bytes, to: location)
            return manifest
        }
    }

    final class Counter {
        private var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }

    // MARK: Looking, the slow and plain way

    /// The live files of a snapshot, with their content; it is an error when one of them, or what names it, is not there.
    func contents(of snapshot: Int64) throws -> [String: [UInt8]] {
        let metadata = try table.metadata
        let files = TableFiles(metadata: metadata, store: memory)
        var result: [String: [UInt8]] = [:]
        for manifest in try files.manifests(snapshotID: snapshot) {
            for entry in try files.entries(manifest) where entry.isLive { result[entry.file.path] = try memory.get(entry.file.path) }
        }
        return result
    }

    /// The contents of all snapshots.
    func contents() throws -> [Int64: [String: [UInt8]]] {
        try Dictionary(uniqueKeysWithValues: table.metadata.snapshots.map { ($0.snapshotID, try contents(of: $0.snapshotID)) })
    }

    /// All that the table's snapshots need.
    func reachable() throws -> Set<String> {
        let metadata = try table.metadata
        let files = TableFiles(metadata: metadata, store: memory)
        var result = Set(metadata.statistics.compactMap { $0["statistics-path"]?.stringValue })
        for snapshot in metadata.snapshots {
            result.insert(snapshot.manifestList)
            for manifest in try files.manifests(snapshotID: snapshot.snapshotID) {
                result.insert(manifest.path)
                for entry in try files.entries(manifest) where entry.isLive { result.insert(entry.file.path) }
            }
        }
        return result
    }

    /// All that lies under the table, without metadata files.
    func stored() throws -> Set<String> {
        Set(try memory.list(prefix: try table.metadata.location + "/").map(\.location).filter { !$0.hasSuffix(".metadata.json") })
    }
}

/// Time that a test moves on.
final class TestClock: Sendable {
    private let state: Mutex<(now: Int64, random: Seeded)>

    init(seed: UInt64, startMS: Int64 = 1_760_000_000_000) { state = Mutex((startMS, Seeded(seed))) }

    var nowMS: Int64 { state.withLock { $0.now } }
    func advance(_ milliseconds: Int64) { state.withLock { $0.now += milliseconds } }

    var environment: CommitEnvironment {
        CommitEnvironment(
            nowMS: { [self] in nowMS },
            random16: { [self] in state.withLock { $0.random.bytes(16) } },
            sleepMS: { [self] in advance($0) })
    }
}

extension HistoryLake {
    static let hour: Int64 = 3_600_000

    /// Makes up a history, and time passes: about an hour between two commits.
    func makeHistory(_ random: inout Seeded, commits: Int) throws {
        try append(2)
        for _ in 0..<commits {
            clock.advance(Int64(random.int(0...120)) * 60_000)
            let references = try table.metadata.references
            let branches = references.filter { $0.value.kind == .branch }.map(\.key).sorted()
            let branch = random.pick(branches)
            switch random.int(0...9) {
            case 0...3: try append(random.int(1...3), to: branch)
            case 4, 5:
                var choice = random
                try overwrite(branch, removing: { _ in choice.once(in: 3) }, adding: try (0..<random.int(0...2)).map { _ in try makeFile() })
                random = choice
            case 6: try mergeManifests(branch)
            case 7: try addDeletes(branch)
            default:
                let snapshots = try table.metadata.snapshots
                let id = random.pick(snapshots).snapshotID
                let kind: SnapshotReference.Kind = random.once(in: 2) ? .tag : .branch
                let reference = SnapshotReference(
                    snapshotID: id, kind: kind, minSnapshotsToKeep: kind == .branch && random.once(in: 2) ? random.int(1...3) : nil,
                    maxSnapshotAgeMS: kind == .branch && random.once(in: 2) ? Int64(random.int(0...20)) * Self.hour : nil,
                    maxReferenceAgeMS: random.once(in: 2) ? Int64(random.int(0...40)) * Self.hour : nil)
                try set("\(kind)-\(fileCount)", reference)
            }
        }
    }
}
