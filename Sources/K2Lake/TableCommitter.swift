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

/// Where the rows of a batch come from.
enum BatchKind: String {
    /// Records on standard input.
    case stream
    /// What is new in the warm store.
    case window
    /// What the warm store got late.
    case late
    /// What the lake had lost.
    case backfill
    /// What an audit found to be missing, and files without what it found to be too much.
    case repair
}

/// Where the rows of a batch come from, and what the state store learns with their commit.
struct BatchOrigin {
    var kind = BatchKind.stream
    /// Of `loaded_at` or of event time, by kind; nil for a stream.
    var window: OffloadWindow?
    /// How far the table is offloaded when the batch is in it; nil when that does not change.
    var watermark: Watermark?
}

/// Brings the rows of a table into the lake, exactly once:
/// intent, data files, commit with the batch id in the snapshot summary, intent closed.
///
/// A kill at any point leaves an open intent at most, which `IntentReconciler` settles: the batch id is in the
/// table's history, or its files are removed.
struct TableCommitter {
    /// Keys in a snapshot's summary: the batch, and how far the table was offloaded with it.
    static let batchKey = "k2.batch-id"
    static let watermarkKey = "k2.watermark"

    let stores: LakeStores
    let definition: TableDefinition
    /// Bytes of a data file, about.
    var targetFileSize = 128 << 20
    /// Of the table that the batches are made for; nil: whichever has the name.
    var tableUUID: String?

    private var table: String { definition.coldName }
    private var identifier: TableIdentifier { TableIdentifier(LakeSchema.namespace, table) }

    /// Refuses a table that rows of the definition cannot be written to; one that is not there yet is well.
    func checkTable() throws {
        guard let table = try stores.catalog.findTable(identifier) else { return }
        if try TableShape.evolution(of: table.metadata, to: definition).isEmpty { _ = try shape(table) }
    }

    private func shape(_ table: Table) throws -> LakeSchema {
        do throws(IcebergError) { return try LakeSchema(definition, of: table.metadata) } catch {
            throw LakeError(.configuration, "\(self.table): \(error.message)")
        }
    }

    /// Loads the table, making it (and its namespace) when it is not there; one that lacks columns gets them.
    func openTable() throws -> Table {
        if let table = try stores.catalog.findTable(identifier) { return try evolve(table) }
        do throws(IcebergError) {
            if try !stores.catalog.namespaceExists(LakeSchema.namespace) {
                try stores.catalog.createNamespace(LakeSchema.namespace, properties: [:])
            }
        } catch {
            if error.code != .alreadyExists { throw error }
        }
        do throws(IcebergError) { return try stores.catalog.createTable(identifier, try LakeSchema(definition).creation) } catch {
            // Somebody else made it in the meantime, or our own request came through and its answer did not.
            guard error.code == .alreadyExists || error.code == .outcomeUnknown, let table = try stores.catalog.findTable(identifier) else { throw error }
            return try evolve(table)
        }
    }

    private func evolve(_ table: Table) throws -> Table {
        var table = table
        for _ in 0..<Self.evolutionAttempts {
            let updates: [MetadataUpdate]
            do throws(IcebergError) { updates = try TableShape.evolution(of: table.metadata, to: definition) } catch {
                throw LakeError(.configuration, "\(self.table): \(error.message)")
            }
            if updates.isEmpty { return table }
            do throws(IcebergError) {
                return try stores.catalog.commit(
                    updates, requirements: [.tableUUID(table.metadata.tableUUID), .currentSchema(id: table.metadata.currentSchemaID)], on: table)
            } catch {
                guard error.code == .conflict || error.code == .outcomeUnknown else { throw error }
                table = try stores.catalog.loadTable(identifier)
            }
        }
        throw LakeError(.busy, "\(self.table): others change the table all the time")
    }

    private static let evolutionAttempts = 5

    /// Files that a commit replaces, and what has to hold before it is made.
    struct Replacing {
        var files: [GoldRevision.Replacement]
        /// Gets the table and the files that were written; what it throws takes them back.
        var prove: (TableMetadata, LakeSchema, [DataFile]) throws -> Void
    }

    /// Commits the live rows of `rows`. Precondition: there is one, or a file to be replaced. Returns nil when the table has this
    /// very batch already and only the state store did not know.
    func commit(_ rows: LakeTable, origin: BatchOrigin = BatchOrigin(), replacing: Replacing? = nil) throws -> CommitReport? {
        // What is given to be replaced cannot be planned anew here.
        for _ in 1..<(replacing == nil ? Self.planAttempts : 1) {
            do { return try commitOnce(rows, origin, replacing) } catch is Outdated { continue }
        }
        do { return try commitOnce(rows, origin, replacing) } catch let error as Outdated { throw LakeError(.busy, "\(table): \(error.reason)") }
    }

    /// The files that a revision wants to replace are not what they were: others compacted them, or deleted rows. It must be planned anew.
    private struct Outdated: Error {
        var reason: String
    }

    private static let planAttempts = 8

    private func commitOnce(_ rows: LakeTable, _ origin: BatchOrigin, _ replacing: Replacing?) throws -> CommitReport? {
        let started = stores.now
        let table = try openTable()
        try mustBeSame(table.metadata)
        let shape = try shape(table)
        let order = try RowOrder(rows.buffer, spec: shape.spec, rules: shape.rules)
        var intent = Intent(
            batchID: "", table: self.table, createdAt: started, files: [], ranges: rows.ledger.ranges, keys: rows.ledger.keys,
            kind: origin.kind.rawValue, window: origin.window)
        // Rows that were lost and brought back may be lost again: the same rows are then another batch.
        intent.batchID = Self.batchID(intent, after: origin.kind == .backfill || origin.kind == .repair ? table.metadata.currentSnapshotID : nil)
        if let snapshot = table.metadata.snapshots(withSummary: Self.batchKey, value: intent.batchID).first {
            try adopt(snapshot, intent, origin)
            return nil
        }
        let revision = GoldRevision(stores: stores, schema: shape)
        let replaced = try replacing?.files ?? (rows.revised ? revision.plan(table, rows.buffer) : [])
        let additions = Additions(
            partitions: order.partitions, replaced: replaced, location: table.metadata.location, batchID: intent.batchID,
            spec: shape.spec, schema: shape.schema, rowsPerFile: rowsPerFile(table.metadata))
        intent.files = additions.files.map(\.location)
        try stores.state.openIntent(intent)
        var report = CommitReport(table: self.table, batchID: intent.batchID, rows: Int64(rows.buffer.liveCount), files: 0, bytes: 0)
        do {
            let files = try write(additions, rows.buffer, shape)
            var renewed = started
            try stores.renewLease(self.table, since: &renewed)
            report.files = Int64(files.count)
            report.bytes = files.reduce(0) { $0 + $1.fileSize }
            try replacing?.prove(table.metadata, shape, files)
            report.snapshotID = try add(files, replacing: replaced, revision, intent, origin)
        } catch let error as IcebergError where error.code == .outcomeUnknown {
            // The intent stays open: the next run looks whether the commit was made.
            throw error
        } catch {
            abandon(intent, error)
            throw error
        }
        try settle(report, intent, origin)
        return report
    }

    /// Tells the state store of a batch that is in the table. Nothing may be written for it again: files
    /// of the same names are live.
    private func adopt(_ snapshot: Snapshot, _ intent: Intent, _ origin: BatchOrigin) throws(StateStoreError) {
        try stores.state.openIntent(intent)
        var run = stores.run(of: intent, status: "empty")
        run.snapshotID = snapshot.snapshotID
        try stores.state.settle(batchID: intent.batchID, .committed, run: run, watermark: origin.watermark)
    }

    private func settle(_ report: CommitReport, _ intent: Intent, _ origin: BatchOrigin) throws(StateStoreError) {
        var run = stores.run(of: intent, status: "committed")
        run.rows = report.rows
        run.files = report.files
        run.bytes = report.bytes
        run.snapshotID = report.snapshotID
        var watermark = origin.watermark
        watermark?.rowCount += report.rows
        try stores.state.settle(batchID: intent.batchID, .committed, run: run, watermark: watermark)
    }

    /// Takes back what a failed batch wrote. What cannot be taken back now is left to the reconciler.
    private func abandon(_ intent: Intent, _ error: any Error) {
        do {
            // Whoever has taken the lease over settles the intent too, and may be writing files of the same names.
            guard try stores.state.currentLease(table: self.table)?.holder == stores.holder else { return }
            // A commit that went through in spite of the error must not lose its files.
            let table = try stores.catalog.findTable(identifier)
            guard table?.metadata.snapshots(withSummary: Self.batchKey, value: intent.batchID).isEmpty ?? true else { return }
            for file in intent.files { _ = try stores.objects.delete(file) }
            let outdated = error as? Outdated
            var run = stores.run(of: intent, status: outdated == nil ? "failed" : "forgotten")
            run.error = outdated.map { "planned anew: \($0.reason)" } ?? "\(error)"
            try stores.state.settle(batchID: intent.batchID, .forgotten, run: run, watermark: nil)
        } catch {}
    }

    /// How many rows make a file of the size that is wanted, as the rows so far tell.
    private func rowsPerFile(_ table: TableMetadata) -> Int {
        func total(_ key: String) -> Int64 { table.currentSnapshot?.summary[key].flatMap { Int64($0) } ?? 0 }
        let (rows, bytes) = (total("total-records"), total("total-files-size"))
        let bytesPerRow = rows > 0 && bytes > 0 ? Double(bytes) / Double(rows) : Self.usualRowBytes
        return max(Int(min(Double(targetFileSize) / bytesPerRow, 1e9)), 1_000)
    }

    private static let usualRowBytes = 30.0

    private func write(_ additions: Additions, _ buffer: RowBuffer, _ shape: LakeSchema) throws -> [DataFile] {
        let writer = DataFileWriter(store: stores.objects, schema: shape)
        let columns = buffer.columns.map(\.column)
        return try additions.files.map { file in
            switch file.contents {
            case .rows(let rows):
                try writer.write(columns, rows: rows, partition: file.partition, to: file.location)
            case .rewritten(let groups): try writer.write(groups, partition: file.partition, to: file.location)
            }
        }
    }

    private func add(
        _ files: [DataFile], replacing replaced: [GoldRevision.Replacement], _ revision: GoldRevision, _ intent: Intent, _ origin: BatchOrigin
    ) throws -> Int64? {
        let loop = CommitLoop(catalog: stores.catalog, store: stores.objects, environment: stores.environment)
        var summary = [Self.batchKey: intent.batchID, "engine-name": "k2"]
        if let watermark = origin.watermark { summary[Self.watermarkKey] = "\(watermark.position)" }
        let paths = Set(replaced.map(\.file.path))
        var outdated: Outdated?
        let outcome: CommitLoop.Outcome
        do throws(IcebergError) {
            outcome = try loop.run(identifier) { (table, identity) throws(IcebergError) in
                if !table.metadata.snapshots(withSummary: Self.batchKey, value: intent.batchID).isEmpty { return nil }
                try mustBeOpen(intent, table.metadata)
                if let reason = try revision.change(of: replaced, in: table.metadata) {
                    outdated = Outdated(reason: reason)
                    throw IcebergError(.validation, reason)
                }
                return try loop.change(table, identity) { (update, read) throws(IcebergError) in
                    try update.overwrite(removing: paths, adding: files, summary: summary, readManifest: read)
                }
            }
        } catch {
            if let outdated { throw outdated }
            throw error
        }
        switch outcome {
        case .committed(_, let snapshotID): return snapshotID
        case .nothingToDo(let table):
            return table.metadata.snapshots(withSummary: Self.batchKey, value: intent.batchID).first?.snapshotID
        }
    }

    /// What a batch leaves out is in the table that was looked at before, not in one that took its place.
    private func mustBeSame(_ table: TableMetadata) throws(IcebergError) {
        guard let tableUUID, table.tableUUID != tableUUID else { return }
        throw IcebergError(.validation, "the table is another one than at the start of the run: expected \(tableUUID), found \(table.tableUUID)")
    }

    /// Another run may have taken us for dead, and settled the batch.
    private func mustBeOpen(_ intent: Intent, _ table: TableMetadata) throws(IcebergError) {
        try mustBeSame(table)
        let isFenced = !table.snapshots(withSummary: IntentReconciler.fencedKey, value: IntentReconciler.fencedValue(intent)).isEmpty
        let isOpen: Bool
        do throws(StateStoreError) { isOpen = try stores.state.openIntents(table: self.table).contains { $0.batchID == intent.batchID && $0.createdAt == intent.createdAt } } catch {
            throw IcebergError(.storage, error.message, isRetryable: error.isRetryable)
        }
        if isFenced || !isOpen { throw IcebergError(.validation, "batch \(intent.batchID): another run has settled it: the lease ran out") }
    }

    /// A digest of the table's name, the window and the identities of the rows: the same rows, the same id.
    static func batchID(_ intent: Intent, after snapshotID: Int64? = nil) -> String {
        var text = ByteWriter(capacity: 4096)
        text.append(string: intent.table)
        if let snapshotID { text.append(string: "|after \(snapshotID)") }
        if let window = intent.window {
            text.append(string: "|\(intent.kind)|\(window.from.microseconds)|\(window.to.microseconds)")
        }
        for range in intent.ranges.coalesced {
            text.append(string: "|\(range.exchange)|\(range.symbol)|")
            text.appendLittleEndian(range.first)
            text.appendLittleEndian(range.last)
        }
        for key in intent.keys {
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

extension LakeStores {
    /// A line of history about a batch that ends now.
    func run(of intent: Intent, status: String) -> RunRecord {
        RunRecord(
            table: intent.table, batchID: intent.batchID, startedAt: intent.createdAt, endedAt: now, status: status,
            windowFrom: intent.window?.from, windowTo: intent.window?.to, kind: intent.kind)
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
        spec: PartitionSpec, schema: Schema, rowsPerFile: Int = .max
    ) {
        func add(_ partition: [Datum?], _ contents: Contents) {
            let folder = PartitionPath.text(partition, spec: spec, schema: schema)
            let name = "\(batchID)-\(files.count).parquet"
            let path = folder.isEmpty ? "data/\(name)" : "data/\(folder)/\(name)"
            files.append(File(location: StoreLocation.join(location, path), partition: partition, contents: contents))
        }
        for part in partitions {
            var start = part.rows.startIndex
            while start < part.rows.endIndex {
                let end = part.rows.endIndex - start > rowsPerFile ? start + rowsPerFile : part.rows.endIndex
                add(part.partition, .rows(part.rows[start..<end]))
                start = end
            }
        }
        for old in replaced where old.rowCount > 0 {
            add(old.file.partition, .rewritten(old.groups))
        }
    }
}
