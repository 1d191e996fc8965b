import K2Bytes
import K2Domain
import K2Iceberg
import K2ObjectStore
import K2Parquet
import K2Rows
import K2StateStore

/// What one commit did.
public struct CommitReport: Equatable, Sendable {
    public var table: String
    public var batchID: String
    public var rows: Int64
    public var files: Int64
    public var bytes: Int64
    public var snapshotID: Int64?
}

/// Brings the rows of a table into the lake, exactly once:
/// intent, data files, commit with the batch id in the snapshot summary, intent closed.
///
/// A kill at any point leaves an open intent at most. `reconcile` settles it: the batch id is in the
/// table's history, or its files are removed.
struct TableCommitter {
    /// Key of the batch id in a snapshot's summary.
    static let batchKey = "k2.batch-id"

    let stores: LakeStores
    let schema: LakeSchema

    private var table: String { schema.definition.coldName }

    /// Refuses a table of another shape; one that is not there yet is well.
    func checkTable() throws {
        if let table = try stores.catalog.findTable(schema.identifier) { _ = try check(table) }
    }

    /// Loads the table, making it (and its namespace) when it is not there.
    func openTable() throws -> Table {
        let catalog = stores.catalog
        if let table = try catalog.findTable(schema.identifier) { return try check(table) }
        do throws(IcebergError) {
            if try !catalog.namespaceExists(LakeSchema.namespace) {
                try catalog.createNamespace(LakeSchema.namespace, properties: [:])
            }
        } catch {
            if error.code != .alreadyExists { throw error }
        }
        do throws(IcebergError) { return try catalog.createTable(schema.identifier, schema.creation) } catch {
            // Somebody else made it in the meantime.
            guard error.code == .alreadyExists else { throw error }
            return try check(try catalog.loadTable(schema.identifier))
        }
    }

    /// A table of another shape is not written to.
    private func check(_ table: Table) throws -> Table {
        guard table.metadata.currentSchema.hasSameColumns(as: schema.schema) else {
            throw LakeError(.configuration, "\(self.table): the table has other columns than this version writes")
        }
        return table
    }

    /// Settles the intents that a killed run left. Returns what was found, a line each.
    func reconcile() throws -> [String] {
        let intents = try stores.state.openIntents(table: table)
        if intents.isEmpty { return [] }
        let history = try stores.catalog.findTable(schema.identifier)?.metadata
        return try intents.map { intent in
            let started = stores.now
            let snapshot = history?.snapshots(withSummary: Self.batchKey, value: intent.batchID).first
            if snapshot == nil { for file in intent.files { _ = try stores.objects.delete(file) } }
            try stores.state.settle(
                batchID: intent.batchID, snapshot == nil ? .forgotten : .committed,
                run: RunRecord(
                    table: table, batchID: intent.batchID, startedAt: started, endedAt: stores.now,
                    snapshotID: snapshot?.snapshotID, status: snapshot == nil ? "forgotten" : "committed"))
            return snapshot == nil
                ? "\(table): batch \(intent.batchID) was not committed: its files are removed"
                : "\(table): batch \(intent.batchID) had been committed in snapshot \(snapshot!.snapshotID)"
        }
    }

    /// Commits the live rows of `rows`. Precondition: there is one. Returns nil when the table has this
    /// very batch already and only the state store did not know.
    func commit(_ rows: LakeTable) throws -> CommitReport? {
        let started = stores.now
        let table = try openTable()
        let order = try RowOrder(rows.buffer, spec: schema.spec)
        let ranges = rows.ledger.ranges
        let keys = rows.ledger.keys
        let batchID = Self.batchID(self.table, ranges, keys)
        if let snapshot = table.metadata.snapshots(withSummary: Self.batchKey, value: batchID).first {
            try adopt(snapshot, batchID, ranges, keys, started)
            return nil
        }
        let replaced = rows.revised ? try GoldRevision(stores: stores, schema: schema).plan(table, rows.buffer) : []
        let additions = Additions(
            partitions: order.partitions, replaced: replaced, location: table.metadata.location, batchID: batchID,
            spec: schema.spec, schema: schema.schema)
        try stores.state.openIntent(
            Intent(
                batchID: batchID, table: self.table, createdAt: started, files: additions.files.map(\.location),
                ranges: ranges, keys: keys))
        do {
            let files = try write(additions, rows.buffer)
            let snapshotID = try add(files, removing: Set(replaced.map(\.file.path)), batchID)
            let report = CommitReport(
                table: self.table, batchID: batchID, rows: Int64(rows.buffer.liveCount), files: Int64(files.count),
                bytes: files.reduce(0) { $0 + $1.fileSize }, snapshotID: snapshotID)
            try settle(report, started)
            return report
        } catch let error as IcebergError where error.code == .outcomeUnknown {
            // The intent stays open: the next run looks whether the commit was made.
            throw error
        } catch {
            abandon(batchID, additions, started, error)
            throw error
        }
    }

    /// Tells the state store of a batch that is in the table. Nothing may be written for it again: files
    /// of the same names are live.
    private func adopt(
        _ snapshot: Snapshot, _ batchID: String, _ ranges: [IdentityRange], _ keys: [IdentityKey], _ started: Timestamp
    ) throws(StateStoreError) {
        try stores.state.openIntent(
            Intent(batchID: batchID, table: table, createdAt: started, files: [], ranges: ranges, keys: keys))
        try stores.state.settle(
            batchID: batchID, .committed,
            run: RunRecord(
                table: table, batchID: batchID, startedAt: started, endedAt: stores.now, snapshotID: snapshot.snapshotID,
                status: "empty"))
    }

    private func settle(_ report: CommitReport, _ started: Timestamp) throws(StateStoreError) {
        try stores.state.settle(
            batchID: report.batchID, .committed,
            run: RunRecord(
                table: table, batchID: report.batchID, startedAt: started, endedAt: stores.now, rows: report.rows,
                files: report.files, bytes: report.bytes, snapshotID: report.snapshotID, status: "committed"))
    }

    /// Takes back what a failed batch wrote. What cannot be taken back now is left to `reconcile`.
    private func abandon(_ batchID: String, _ additions: Additions, _ started: Timestamp, _ error: any Error) {
        do {
            // A commit that went through in spite of the error must not lose its files.
            let table = try stores.catalog.findTable(schema.identifier)
            guard table?.metadata.snapshots(withSummary: Self.batchKey, value: batchID).isEmpty ?? true else { return }
            for file in additions.files { _ = try stores.objects.delete(file.location) }
            try stores.state.settle(
                batchID: batchID, .forgotten,
                run: RunRecord(
                    table: self.table, batchID: batchID, startedAt: started, endedAt: stores.now, status: "failed",
                    error: "\(error)"))
        } catch {}
    }

    private func write(_ additions: Additions, _ buffer: RowBuffer) throws -> [DataFile] {
        let writer = DataFileWriter(store: stores.objects, schema: schema)
        let columns = buffer.columns.map(\.column)
        return try additions.files.map { file in
            switch file.contents {
            case .rows(let rows):
                try writer.write(columns, rows: rows, partition: file.partition, to: file.location)
            case .rewritten(let groups): try writer.write(groups, partition: file.partition, to: file.location)
            }
        }
    }

    private func add(_ files: [DataFile], removing paths: Set<String>, _ batchID: String) throws -> Int64? {
        let loop = CommitLoop(catalog: stores.catalog, store: stores.objects, environment: stores.environment)
        let summary = [Self.batchKey: batchID, "engine-name": "k2"]
        let outcome = try loop.run(schema.identifier) { (table, identity) throws(IcebergError) in
            if !table.metadata.snapshots(withSummary: Self.batchKey, value: batchID).isEmpty { return nil }
            return try loop.change(table, identity) { (update, read) throws(IcebergError) in
                try update.overwrite(removing: paths, adding: files, summary: summary, readManifest: read)
            }
        }
        switch outcome {
        case .committed(_, let snapshotID): return snapshotID
        case .nothingToDo(let table):
            return table.metadata.snapshots(withSummary: Self.batchKey, value: batchID).first?.snapshotID
        }
    }

    /// A digest of the table's name and the identities of the rows: the same rows, the same id.
    static func batchID(_ table: String, _ ranges: [IdentityRange], _ keys: [IdentityKey]) -> String {
        var text = ByteWriter(capacity: 4096)
        text.append(string: table)
        for range in ranges.coalesced {
            text.append(string: "|\(range.exchange)|\(range.symbol)|")
            text.appendLittleEndian(range.first)
            text.appendLittleEndian(range.last)
        }
        for key in keys {
            text.append("|")
            text.append(key.digest)
            text.appendLittleEndian(key.value)
        }
        var hex = ByteWriter(capacity: 32)
        let digest = Digest.hash128(text.bytes)
        hex.appendHex(UInt64(truncatingIfNeeded: digest >> 64), digits: 16)
        hex.appendHex(UInt64(truncatingIfNeeded: digest), digits: 16)
        return hex.bytes.text
    }
}

/// The files that a batch adds, named before any of them is written.
struct Additions {
    enum Contents {
        case rows(ArraySlice<UInt32>)
        /// What is left of a file that the batch replaces.
        case rewritten([GoldRevision.RowGroup])
    }

    struct File {
        var location: String
        var partition: [Datum?]
        var contents: Contents
    }

    private(set) var files: [File] = []

    init(
        partitions: [PartitionRows], replaced: [GoldRevision.Replacement], location: String, batchID: String,
        spec: PartitionSpec, schema: Schema
    ) {
        func add(_ partition: [Datum?], _ contents: Contents) {
            let folder = PartitionPath.text(partition, spec: spec, schema: schema)
            let name = "\(batchID)-\(files.count).parquet"
            let path = folder.isEmpty ? "data/\(name)" : "data/\(folder)/\(name)"
            files.append(File(location: StoreLocation.join(location, path), partition: partition, contents: contents))
        }
        for part in partitions { add(part.partition, .rows(part.rows)) }
        for old in replaced where old.rowCount > 0 {
            add(old.file.partition, .rewritten(old.groups))
        }
    }
}
