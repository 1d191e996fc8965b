import K2ObjectStore

/// Commits a change to a table that others write to as well: load, plan, write, commit, and again
/// on fresher metadata when somebody was faster.
public struct CommitLoop {
    /// Plans the change for the table as it is now; nil when there is nothing left to do.
    ///
    /// Called once an attempt: what it derives from the table must be derived anew each time.
    public typealias Planner = (_ table: Table, _ identity: CommitIdentity) throws(IcebergError) -> SnapshotChange?

    public enum Outcome: Equatable, Sendable {
        case committed(Table, snapshotID: Int64)
        case nothingToDo(Table)
    }

    public let catalog: any Catalog
    public let store: any ObjectStore
    public let environment: CommitEnvironment
    /// Attempts in all, the first included.
    public var maxAttempts: Int
    /// Milliseconds to wait after a conflict, before what chance adds: `base`, doubled each time up to `limit`.
    public var backoffBaseMS: Int64 = 20
    public var backoffLimitMS: Int64 = 5_000

    public init(catalog: any Catalog, store: any ObjectStore, environment: CommitEnvironment = .system, maxAttempts: Int = 10) {
        self.catalog = catalog
        self.store = store
        self.environment = environment
        self.maxAttempts = maxAttempts
    }

    /// - Throws: `conflict` when all attempts lost; `outcomeUnknown` when a commit may have been made
    ///   and the table could not be read back (its files are left alone); what `plan` throws.
    public func run(_ identifier: TableIdentifier, plan: Planner) throws(IcebergError) -> Outcome {
        var identity = CommitIdentity(environment)
        while true {
            identity.timestampMS = environment.nowMS()
            let table = try catalog.loadTable(identifier)
            guard let change = try plan(table, identity) else { return .nothingToDo(table) }
            do throws(IcebergError) {
                try write(change)
                let committed = try catalog.commit(change.updates, requirements: change.requirements, on: table)
                return .committed(committed, snapshotID: change.snapshot.snapshotID)
            } catch {
                if error.code == .outcomeUnknown { return try readBack(identifier, change, after: error) }
                discard(change)
                identity.attempt += 1
                guard error.isRetryable else { throw error }
                guard identity.attempt < maxAttempts else {
                    throw IcebergError(error.code, "\(error.message) (gave up after \(maxAttempts) attempts)", isRetryable: true)
                }
            }
            environment.sleepMS(delay(attempt: identity.attempt))
        }
    }

    /// Appends `files`, unless `isDone` says that the table has them already.
    public func append(
        _ files: [DataFile], to identifier: TableIdentifier, summary: [String: String] = [:],
        unless isDone: (TableMetadata) -> Bool = { _ in false }
    ) throws(IcebergError) -> Outcome {
        try run(identifier) { (table, identity) throws(IcebergError) in
            if isDone(table.metadata) { return nil }
            let files = files
            return try change(table, identity) { (update, read) throws(IcebergError) in
                try update.append(files, summary: summary, readManifest: read)
            }
        }
    }

    /// Replaces the data files at `paths` by `files`.
    /// - Throws: `validation` when one of the paths is not live (any more).
    public func overwrite(
        removing paths: Set<String>, adding files: [DataFile], in identifier: TableIdentifier, summary: [String: String] = [:]
    ) throws(IcebergError) -> Outcome {
        try run(identifier) { (table, identity) throws(IcebergError) in
            try change(table, identity) { (update, read) throws(IcebergError) in
                try update.overwrite(removing: paths, adding: files, summary: summary, readManifest: read)
            }
        }
    }

    /// Loads the manifest list and hands a planner for the next snapshot to `body`.
    public func change(
        _ table: Table, _ identity: CommitIdentity,
        _ body: (_ update: TableUpdate, _ read: TableUpdate.ManifestReader) throws(IcebergError) -> SnapshotChange
    ) throws(IcebergError) -> SnapshotChange {
        let files = TableFiles(metadata: table.metadata, store: store)
        let update = try TableUpdate(metadata: table.metadata, manifests: try files.manifests(), identity: identity)
        return try body(update) { (manifest) throws(IcebergError) in try files.entries(manifest) }
    }

    private func write(_ change: SnapshotChange) throws(IcebergError) {
        for object in change.objects {
            do throws(StoreError) { try store.put(object.bytes, to: object.location) } catch { throw IcebergError(error) }
        }
    }

    /// Removes the objects of an attempt that failed for certain. They are only rubbish, so failing to is no error.
    private func discard(_ change: SnapshotChange) {
        for object in change.objects { _ = try? store.delete(object.location) }
    }

    private func readBack(_ identifier: TableIdentifier, _ change: SnapshotChange, after failure: IcebergError) throws(IcebergError) -> Outcome {
        let table: Table
        do throws(IcebergError) { table = try catalog.loadTable(identifier) } catch { throw failure }
        guard table.metadata.snapshot(id: change.snapshot.snapshotID) != nil else { throw failure }
        return .committed(table, snapshotID: change.snapshot.snapshotID)
    }

    /// Doubles with each attempt; a random part keeps writers that collided apart.
    private func delay(attempt: Int) -> Int64 {
        let full = min(backoffBaseMS << Int64(min(attempt, 16)), backoffLimitMS)
        return full / 2 + full * Int64(environment.random16()[0]) / 512
    }
}
