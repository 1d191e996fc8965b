import K2Iceberg
import K2Lake
import K2ObjectStore
import K2StateStore

/// Puts rewritten groups into the table beside other writers: `replace`, checked anew against the table as it is at each attempt.
///
/// A group is given up when it would undo what others did since its files were read: one of them is gone, or a position delete of one of its rows came,
/// or a delete that was applied is not in the table any more, or a file is in the table more than once by now. Equality deletes that came since are no obstacle: the new files are as old as the snapshot
/// that was read, so these apply to them too.
final class CompactionCommit {
    /// In the summary of the snapshot: the id of the intent.
    static let key = HistoryNeeds.maintenanceKey

    private let stores: LakeStores
    private let identifier: TableIdentifier
    /// As it was when the groups were read.
    private let read: LiveTable
    private let id: String
    /// Names of data files by position delete file, as far as they are known.
    private var namedPaths: [ExactPath: Set<ExactPath>]
    /// Files that must be live although they are not replaced: they hold the rows that stay of duplicates.
    private let witnesses: [String: Set<String>]
    /// Asked before each attempt but the first: a run that is to stop does not wait for its turn.
    private let isStopped: () -> Bool

    /// Groups that were not committed, and why.
    private(set) var givenUp: [(group: RewrittenGroup, reason: String)] = []
    private(set) var committed: [RewrittenGroup] = []
    private(set) var droppedDeletes = 0

    init(
        _ stores: LakeStores, _ identifier: TableIdentifier, read: LiveTable, id: String, namedPaths: [ExactPath: Set<ExactPath>],
        witnesses: [String: Set<String>] = [:], isStopped: @escaping () -> Bool = { false }
    ) {
        self.stores = stores
        self.identifier = identifier
        self.read = read
        self.id = id
        self.namedPaths = namedPaths
        self.witnesses = witnesses
        self.isStopped = isStopped
    }

    /// - Returns: the snapshot; nil when there was nothing left to commit.
    /// - Throws: `outcomeUnknown` when it cannot be said whether it was made.
    func run(_ groups: [RewrittenGroup]) throws(IcebergError) -> Int64? {
        if groups.isEmpty { return nil }
        let loop = CommitLoop(catalog: stores.catalog, store: stores.objects, environment: stores.environment)
        let outcome = try loop.run(identifier) { (table, identity) throws(IcebergError) in
            if !table.metadata.snapshots(withSummary: Self.key, value: id).isEmpty { return nil }
            if identity.attempt > 0, isStopped() { throw IcebergError(.validation, "\(identifier): stopped before a commit was made") }
            try checkIntent()
            return try plan(groups, table, identity, loop)
        }
        switch outcome {
        case .committed(_, let snapshotID): return snapshotID
        case .nothingToDo(let table): return table.metadata.snapshots(withSummary: Self.key, value: id).first?.snapshotID
        }
    }

    /// Who takes the lease over closes the intents of the run before it, and may do the same work.
    private func checkIntent() throws(IcebergError) {
        let open: [MaintenanceIntent]
        do throws(StateStoreError) { open = try stores.state.maintenanceIntents(table: identifier.name) } catch {
            throw IcebergError(.storage, "state store: \(error.message)", isRetryable: error.isRetryable)
        }
        guard open.contains(where: { $0.id == id }) else {
            throw IcebergError(.validation, "\(identifier): intent \(id) was closed by another run: nothing is committed")
        }
    }

    private func plan(_ groups: [RewrittenGroup], _ table: Table, _ identity: CommitIdentity, _ loop: CommitLoop) throws(IcebergError) -> SnapshotChange? {
        guard table.metadata.tableUUID == read.metadata.tableUUID else {
            throw IcebergError(.validation, "\(identifier): another table has its name now")
        }
        let files = TableFiles(metadata: table.metadata, store: stores.objects)
        let index = try DeleteIndex(files)
        let data = try files.liveEntries(.data)
        try readNewPaths(index, table.metadata)
        (givenUp, committed) = ([], [])
        let live = Dictionary(grouping: data) { $0.file.path }
        for group in groups {
            if let reason = obstacle(group, live, index) { givenUp.append((group, reason)) } else { committed.append(group) }
        }
        if committed.isEmpty { return nil }
        let replacement = replacement(data, index)
        droppedDeletes = replacement.droppingDeletes.count
        let summary = HistoryNeeds.carried(table.metadata).merging([Self.key: id, "engine-name": "k2"]) { $1 }
        return try loop.change(table, identity) { (update, read) throws(IcebergError) in
            try update.rewrite(replacement, summary: summary, readManifest: read)
        }
    }

    /// Position deletes that came since the read and may name many files.
    private func readNewPaths(_ index: DeleteIndex, _ metadata: TableMetadata) throws(IcebergError) {
        let known = Set(read.index.entries.map { ExactPath($0.file.path) })
        var reader = DeleteReader(store: stores.objects, metadata: metadata)
        for entry in index.entries where entry.file.content == .positionDeletes && !known.contains(ExactPath(entry.file.path)) && entry.file.referencedDataFile == nil {
            guard entry.file.format == "PARQUET", namedPaths[ExactPath(entry.file.path)] == nil else { continue }
            do { try reader.readPaths(entry) } catch let error as IcebergError { throw error } catch {
                throw IcebergError(.storage, "\(error)", isRetryable: true)
            }
        }
        namedPaths.merge(reader.namedPaths) { $1 }
    }

    // MARK: Checks

    private func obstacle(_ group: RewrittenGroup, _ live: [String: [ManifestEntry]], _ index: DeleteIndex) -> String? {
        for input in group.group.inputs {
            if let reason = change(of: input, live, index) { return reason }
            for witness in (witnesses[input.data.file.path] ?? []).sorted() {
                guard let file = read.files.first(where: { $0.data.file.path == witness }) else { continue }
                if let reason = change(of: file, live, index) { return reason }
            }
        }
        return nil
    }

    /// What became of a file since it was read that forbids its replacement.
    private func change(of input: DeletedFile, _ live: [String: [ManifestEntry]], _ index: DeleteIndex) -> String? {
        let path = input.data.file.path
        let entries = live[path] ?? []
        // A commit takes one of them away only.
        if entries.count > 1 { return "\(path) is in the table \(entries.count) times by now" }
        guard let now = entries.first, now.sequenceNumber == input.data.sequenceNumber else { return "\(path) is not in the table any more" }
        func names(_ delete: ManifestEntry) -> Bool { namedPaths[ExactPath(delete.file.path)].map { $0.contains(ExactPath(path)) } ?? true }
        let applied = Set(input.deletes.filter(names).map { ExactPath($0.file.path) })
        let applying = index.deletes(for: now).filter(names)
        for delete in applying where !applied.contains(ExactPath(delete.file.path)) {
            // What is newer than the read applies to the new files as well.
            if delete.file.content == .equalityDeletes, delete.sequenceNumber ?? 0 > read.sequenceNumber { continue }
            return "rows of \(path) were deleted since"
        }
        let still = Set(applying.map { ExactPath($0.file.path) })
        guard let gone = applied.subtracting(still).map(\.text).min() else { return nil }
        return "delete file \(gone) does not apply to \(path) any more"
    }

    private func replacement(_ data: [ManifestEntry], _ index: DeleteIndex) -> FileReplacement {
        let removed = committed.flatMap { $0.group.inputs.map(\.data.file.path) }
        let gone = Set(removed.map { ExactPath($0) })
        let added = committed.flatMap(\.outputs)
        let rest = data.filter { !gone.contains(ExactPath($0.file.path)) } + added.map {
            ManifestEntry(status: .added, snapshotID: nil, sequenceNumber: read.sequenceNumber, fileSequenceNumber: nil, file: $0)
        }
        let unneeded = index.unneeded(rest) { namedPaths[$0] }
        return FileReplacement(
            removing: removed, adding: added, dataSequenceNumber: read.sequenceNumber, droppingDeletes: unneeded.map(\.file.path))
    }
}
