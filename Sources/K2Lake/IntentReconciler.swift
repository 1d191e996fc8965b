import K2Domain
import K2Iceberg
import K2ObjectStore
import K2StateStore

/// Settles the open intents of a table: batches of which a run that was killed, or that lost an answer, could not say what became of them.
struct IntentReconciler {
    let stores: LakeStores
    let definition: TableDefinition

    /// In the summary of a snapshot without changes: the attempt at a batch that cannot be committed any more.
    static let fencedKey = "k2.fenced-batch"

    /// The same rows may make the same batch again: then with an intent of its own.
    static func fencedValue(_ intent: Intent) -> String { "\(intent.batchID) of \(intent.createdAt)" }

    private var table: String { definition.coldName }
    private var identifier: TableIdentifier { TableIdentifier(LakeSchema.namespace, table) }

    /// - Returns: what was found, a line each.
    /// - Precondition: the caller has the table's lease.
    func run() throws -> [String] { try stores.state.openIntents(table: table).map(settle) }

    private func settle(_ intent: Intent) throws -> String {
        if let snapshot = try snapshot(of: intent) ?? fence(intent) ?? keeper(of: intent) {
            var run = stores.run(of: intent, status: "committed")
            run.snapshotID = snapshot.snapshotID
            run.rows = snapshot.summary["added-records"].flatMap { Int64($0) } ?? 0
            try stores.state.settle(batchID: intent.batchID, .committed, run: run, watermark: try watermark(after: intent, run))
            return "\(table): batch \(intent.batchID) had been committed in snapshot \(snapshot.snapshotID)"
        }
        // Without the table nobody can say whether they are live.
        let isThere = try stores.catalog.findTable(identifier) != nil
        if isThere { for file in intent.files { _ = try stores.objects.delete(file) } }
        try stores.state.settle(batchID: intent.batchID, .forgotten, run: stores.run(of: intent, status: "forgotten"), watermark: nil)
        return "\(table): batch \(intent.batchID) was not committed: \(isThere ? "its files are removed" : "the table is gone, its files are left alone")"
    }

    private func snapshot(of intent: Intent) throws -> Snapshot? {
        try stores.catalog.findTable(identifier)?.metadata.snapshots(withSummary: TableCommitter.batchKey, value: intent.batchID).first
    }

    /// Makes sure that the batch's commit, which a server may still be about to carry out, or a run that we take for dead, cannot
    /// succeed: a snapshot without changes that names the batch follows on the one that the commit builds on.
    /// - Returns: the batch's snapshot when its commit came first.
    private func fence(_ intent: Intent) throws -> Snapshot? {
        guard !intent.files.isEmpty, try stores.catalog.findTable(identifier) != nil else { return nil }
        let loop = CommitLoop(catalog: stores.catalog, store: stores.objects, environment: stores.environment)
        _ = try loop.run(identifier) { (table, identity) throws(IcebergError) in
            if !table.metadata.snapshots(withSummary: TableCommitter.batchKey, value: intent.batchID).isEmpty { return nil }
            return try loop.change(table, identity) { (update, read) throws(IcebergError) in
                try update.append([], summary: [Self.fencedKey: Self.fencedValue(intent), "engine-name": "k2"], readManifest: read)
            }
        }
        return try snapshot(of: intent)
    }

    /// The current snapshot when a file of the batch is live in it: the one that committed the batch was expired since.
    private func keeper(of intent: Intent) throws -> Snapshot? {
        guard let table = try stores.catalog.findTable(identifier), let current = table.metadata.currentSnapshot else { return nil }
        let live = Set(try TableFiles(metadata: table.metadata, store: stores.objects).dataFiles().map(\.path))
        return intent.files.contains { live.contains($0) } ? current : nil
    }

    /// How far the table is offloaded with the batch.
    private func watermark(after intent: Intent, _ run: RunRecord) throws(StateStoreError) -> Watermark? {
        guard intent.kind == BatchKind.window.rawValue, let window = intent.window else { return nil }
        var watermark = try stores.state.watermark(table: table) ?? Watermark(table: table, position: window.to, status: "running", updatedAt: stores.now)
        watermark.position = max(watermark.position, window.to)
        watermark.updatedAt = stores.now
        return watermark
    }
}
