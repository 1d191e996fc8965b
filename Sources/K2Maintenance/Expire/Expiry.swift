import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore

/// How snapshots are expired.
public struct ExpireOptions: Equatable, Sendable {
    /// Snapshots younger than this stay, µs; nil: as the table says, else 7 days.
    public var olderThan: Int64?
    /// So many snapshots of each branch stay; nil: as the table says, else 3.
    public var retainLast: Int?
    /// Objects that are read at a time.
    public var readsAtATime = 8

    public init(olderThan: Int64? = nil, retainLast: Int? = nil) {
        self.olderThan = olderThan
        self.retainLast = retainLast
    }
}

/// Removes old snapshots from a table's metadata, and then the files that only they needed.
///
/// The order keeps every reader and every crash safe: read all that has to be known, commit, look at the table again, delete. A kill before the commit
/// changes nothing; one behind it leaves files that nothing names, which the search for orphans finds.
public struct Expiry {
    let work: TableWork
    private let options: ExpireOptions
    private let locations: CatalogLocations

    /// Commits that may be lost to faster writers.
    private static let maxAttempts = 10
    private static let deleteBatch = 1_000

    public init(_ work: TableWork, _ options: ExpireOptions, locations: CatalogLocations = CatalogLocations()) {
        self.work = work
        self.options = options
        self.locations = locations
    }

    private var reads: ObjectReads { ObjectReads(store: stores.objects, width: options.readsAtATime, mayGoOn: work.mayGoOn) }

    public static func step(_ options: ExpireOptions, locations: CatalogLocations = CatalogLocations()) -> MaintenanceStep {
        MaintenanceStep("expire") { work in try Expiry(work, options, locations: locations).run() }
    }

    private var stores: LakeStores { work.stores }

    public func run() throws -> StepOutcome {
        var attempt = 0
        while true {
            let table = try stores.catalog.loadTable(work.identifier)
            if table.metadata.forbidsDeleting { return Self.nothing("gc.enabled is false: its files may belong to others", table.metadata) }
            let retention = try retention(of: table.metadata)
            if retention.isEmpty { return Self.nothing("nothing to expire, \(table.metadata.snapshots.count) snapshots", table.metadata, retention) }
            // What lies where another table lies may be that one's, and without the snapshots nobody could tell any more.
            try locations.checkShared(table, work)
            var files = try UnreachableFiles(table.metadata, removing: retention.removed, reads: reads, places: work.places, progress: work.progress)
            if work.isDryRun { return try plan(table.metadata, retention, &files) }
            // What is not in reach just now is better known before anything is done; behind the commit it is asked again.
            _ = try locations.neighbours.look(for: files.keys, besides: work.identifier, work)
            try work.mayGoOn()
            let after: Table
            do throws(IcebergError) {
                try checkReferences(table)
                after = try commit(retention, on: table)
            } catch {
                attempt += 1
                guard error.code == .conflict, attempt < Self.maxAttempts else { throw error }
                stores.environment.sleepMS(Int64(20 << attempt))
                continue
            }
            do { return try finish(table.metadata, after.metadata, retention, &files) } catch {
                if let error = error as? LakeError, error.code != .held { throw error }
                throw LakeError(
                    .failed, "\(work.name): \(retention.removed.count) snapshots expired, then: \(error); files that nothing names are left to the search for orphans")
            }
        }
    }

    private func retention(of metadata: TableMetadata) throws -> Retention {
        let rules = RetentionRules(metadata.properties, olderThanMS: options.olderThan.map { $0 / 1_000 }, retainLast: options.retainLast)
        // Behind the loading of the table: see HistoryNeeds.
        let needs = try HistoryNeeds(table: work.name, state: stores.state)
        return Retention(metadata, rules, nowMS: stores.environment.nowMS(), needed: needs.reasons(metadata))
    }

    // MARK: The commit

    /// A server lets a commit pass that names the references which it expects, also when there are others by now: a tag that was set on a snapshot
    /// while the manifests were read would go with it.
    /// - Throws: `conflict` when the references are not those that the plan was made with.
    private func checkReferences(_ planned: Table) throws(IcebergError) {
        let now = try stores.catalog.loadTable(work.identifier).metadata
        if now.tableUUID == planned.metadata.tableUUID, now.references == planned.metadata.references { return }
        throw IcebergError(.conflict, "\(work.name): its branches and tags change faster than it can be read", isRetryable: true)
    }

    /// - Throws: `conflict`, `outcomeUnknown`.
    private func commit(_ retention: Retention, on table: Table) throws(IcebergError) -> Table {
        let ids = retention.removed.map(\.snapshotID)
        var updates = retention.removedReferences.map { MetadataUpdate.removeSnapshotReference(name: $0) }
        if !ids.isEmpty { updates.append(.removeSnapshots(ids)) }
        let references = table.metadata.references.sorted { $0.key < $1.key }
        // Tables of format version 1 may have none.
        let uuid = table.metadata.tableUUID
        let requirements = (uuid.isEmpty ? [] : [Requirement.tableUUID(uuid)]) + references.map { .reference(name: $0.key, snapshotID: $0.value.snapshotID) }
        do throws(IcebergError) { return try stores.catalog.commit(updates, requirements: requirements, on: table) } catch {
            guard error.code == .outcomeUnknown else { throw error }
            // A table that has none of them any more will not get them back.
            let unknown = IcebergError(.outcomeUnknown, "\(error.message); nothing was deleted")
            guard let found = try? stores.catalog.loadTable(work.identifier), found.metadata.tableUUID == table.metadata.tableUUID,
                ids.allSatisfy({ found.metadata.snapshot(id: $0) == nil }), retention.removedReferences.allSatisfy({ found.metadata.references[$0] == nil })
            else { throw unknown }
            return found
        }
    }

    // MARK: The files

    /// Deletes what is not needed any more. The table is looked at once more: other writers may have gone on since.
    private func finish(
        _ before: TableMetadata, _ after: TableMetadata, _ retention: Retention, _ files: inout UnreachableFiles
    ) throws -> StepOutcome {
        let removed = Set(retention.removed.map(\.snapshotID))
        var known = Set(before.snapshots.map(\.snapshotID)).subtracting(removed)
        for metadata in [after, try stores.catalog.loadTable(work.identifier).metadata] {
            guard metadata.tableUUID == before.tableUUID else { throw LakeError(.failed, "\(work.name): another table has its name now: nothing was deleted") }
            do { try files.keep(metadata, besides: known) } catch let error as LakeError where error.code == .stopped {
                throw LakeError(
                    .stopped, "\(work.name): stopped: \(removed.count) snapshots expired, files that nothing names are left to the search for orphans")
            }
            known.formUnion(metadata.snapshots.map(\.snapshotID))
        }
        let spared = try spare(&files, before)
        let (deleted, failures) = try delete(files.all)
        var outcome = outcome(.done, before, retention, deleted, spared, metadataFiles: before.trimmedCount(before: after))
        outcome.after = TableSize(after)
        outcome.metrics.append(StepMetric("maintenance_table_snapshots", "Snapshots of the table.", Double(after.snapshots.count)))
        try spared.check(outcome, work.name)
        guard let first = failures.first else { return outcome }
        throw LakeError(.failed, "\(work.name): \(outcome.summary); \(failures.count) files could not be deleted and are left to the search for orphans: \(first)")
    }

    /// Files that no snapshot needs and that stay all the same.
    struct Spared {
        /// They do not lie in the table's own folders.
        var foreign = 0
        /// Other tables name them.
        var others = 0
        /// Another table that cannot be read may name them.
        var unproven = 0
        var unread: LakeError?

        /// - Throws: when it cannot be said of files whether they are needed.
        func check(_ outcome: StepOutcome, _ name: String) throws(LakeError) {
            guard let unread, unproven > 0 else { return }
            throw LakeError(.failed, "\(name): \(outcome.summary); \(unproven) files stay, for the search for orphans: \(unread.message)", hint: unread.hint)
        }
    }

    /// Takes out what others need or may need: what open batches are about to write, what does not lie in the table's own folders, and what other tables
    /// have taken in.
    func spare(_ files: inout UnreachableFiles, _ metadata: TableMetadata) throws -> Spared {
        for location in files.unread { work.note("an expired snapshot's file cannot be read, what it names is left alone: \(location)") }
        try files.keep(try stores.state.openIntents(table: nil).flatMap(\.files) + stores.state.maintenanceIntents(table: nil).flatMap(\.files))
        let folders = try TableFolders(metadata, work.places)
        var spared = Spared(foreign: files.remove { key, file in file.isLink || !folders.hold(key) })
        let answer = try locations.neighbours.look(for: files.keys, besides: work.identifier, work)
        if let first = answer.named.map(\.text).min() {
            spared.others = files.remove { key, _ in answer.named.contains(key) }
            work.note("\(spared.others) files are named by other tables and stay, such as \(first)")
        }
        if let unread = answer.unread.first {
            spared.unread = unread
            spared.unproven = files.remove { _, _ in true }
        }
        return spared
    }

    private func delete(_ files: [UnreachableFiles.File]) throws -> (deleted: [UnreachableFiles.File], failures: [StoreError]) {
        var deleted: [UnreachableFiles.File] = []
        var failures: [StoreError] = []
        for start in stride(from: 0, to: files.count, by: Self.deleteBatch) {
            try work.keepLease()
            if work.isStopped() {
                throw LakeError(.stopped, "\(work.name): stopped: \(files.count - start) files that nothing names are left to the search for orphans")
            }
            let part = Array(files[start..<min(start + Self.deleteBatch, files.count)])
            let errors = stores.objects.delete(part.map(\.location))
            let bad = Set(errors.map { ExactPath($0.location) })
            deleted += bad.isEmpty ? part : part.filter { !bad.contains(ExactPath($0.location)) }
            failures += errors
            work.progress("\(start + part.count) of \(files.count) files deleted")
        }
        return (deleted, failures)
    }
}
