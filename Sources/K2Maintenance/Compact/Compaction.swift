import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore

/// Lays small files together, applies delete files, and proves before each commit that no row changed.
///
/// The order keeps every crash safe: an intent names the files before they are written; they are read back and compared; then one commit puts them in
/// the place of the old ones. A kill before the commit leaves files that nothing names, which the search for orphans finds.
public struct Compaction {
    let work: TableWork
    let options: CompactOptions
    private let budget: MemoryBudget
    /// nil: the table was asked for by its name, and must have the columns that the options name.
    private let columns: ColumnSearch?

    public init(_ work: TableWork, _ options: CompactOptions, columns: ColumnSearch? = nil) {
        self.init(work, options, MemoryBudget(options.maxMemory), columns: columns)
    }

    init(_ work: TableWork, _ options: CompactOptions, _ budget: MemoryBudget, columns: ColumnSearch? = nil) {
        self.work = work
        self.options = options
        self.budget = budget
        self.columns = columns
    }

    public static func step(_ options: CompactOptions, columns: ColumnSearch? = nil) -> MaintenanceStep {
        MaintenanceStep("compact") { work in try Compaction(work, options, columns: columns).run() }
    }

    private var stores: LakeStores { work.stores }

    /// Plans, and what follows from each, until nothing is left to do: what comes out of a group may be small enough to be laid together again.
    private static let maxPasses = 4

    public func run() throws -> StepOutcome {
        let before = try stores.catalog.loadTable(work.identifier).metadata
        var report = CompactionReport(table: work.name, before: before)
        do {
            return work.isDryRun ? try dryRun(before, &report) : try compact(&report)
        } catch let error as UnfitColumn {
            guard let columns, error.isMissing else { throw LakeError(.configuration, "\(work.name): \(error.text)") }
            columns.note(error, in: work.name)
            return report.leftAlone(error.text)
        } catch let error as LakeError where error.code == .stopped { throw stopped(report) }
    }

    private func compact(_ report: inout CompactionReport) throws -> StepOutcome {
        do {
            for pass in 1...Self.maxPasses where report.commits < options.maxCommits {
                guard try self.pass(pass, &report) else { break }
            }
        } catch let error as ContentDifference {
            // The files stay where they are, and in their intent, so that a person can look at them.
            return report.different("\(error.text); not committed, and kept: \(error.files.joined(separator: ", "))")
        }
        if options.rewritesManifests { try rewriteManifests(&report) }
        report.after = try stores.catalog.loadTable(work.identifier).metadata
        return report.result(.done)
    }

    private func dryRun(_ metadata: TableMetadata, _ report: inout CompactionReport) throws -> StepOutcome {
        let prepared = try prepare(metadata, skipping: [])
        report.note(prepared.duplicates)
        tellLeftOut(prepared, &report)
        var deletes = deleteReader(metadata)
        for group in prepared.plan.groups {
            do {
                let live = try checkFiles(group, prepared, &deletes)
                report.plan(group, live: live)
                work.show(report.shown(group, live: live))
            } catch where Self.isAboutFiles(error) {
                report.leave(group, error)
                work.note("\(Amount.of(group.inputs.count, "file")) would be left as they are: \(error)")
            }
        }
        for line in prepared.duplicates?.lines(work.name, metadata) ?? [] { work.show(line) }
        report.plan(prepared.duplicates, droppedDeletes: prepared.live.deletes(without: report.planned, deletes).count)
        if options.rewritesManifests { try planManifests(metadata, &report) }
        report.after = metadata
        return report.result(.planned)
    }

    /// Whether columns can be read as the table's stand in the files, which planning does not open, and whether their delete files can be read.
    /// - Returns: the rows that are left.
    private func checkFiles(_ group: CompactionGroup, _ prepared: Prepared, _ deletes: inout DeleteReader) throws -> Int64 {
        var live: Int64 = 0
        for (input, mask) in zip(group.inputs, try deletes.masks(group.inputs)) {
            let file = try TableFile(input.data.file, in: stores.objects, limits: budget.readerLimits, mayGoOn: work.mayGoOn)
            if input.data.file.recordCount == 0 { continue }
            _ = try file.completeLeaves(prepared.table, schemas: prepared.live.metadata.schemas)
            let left = RowMask.both(mask, prepared.duplicates?.masks[input.data.file.path])
            live += left.map { Int64($0.liveCount) } ?? input.data.file.recordCount
        }
        return live
    }

    private func deleteReader(_ metadata: TableMetadata) -> DeleteReader {
        DeleteReader(store: stores.objects, metadata: metadata, limits: budget.readerLimits, keyBytes: budget.deleteKeys, mayGoOn: work.mayGoOn)
    }

    /// What a pass works on.
    struct Prepared {
        var options: CompactOptions
        var live: LiveTable
        var table: TableColumns
        var ordering: RowOrdering
        var plan: CompactionPlan
        var duplicates: Duplicates?
    }

    /// - Parameter skipped: files that could not be written anew before.
    private func prepare(_ metadata: TableMetadata, skipping skipped: Set<String>) throws -> Prepared {
        guard metadata.formatVersion == 2 else {
            throw IcebergError(.unsupported, "table format version \(metadata.formatVersion): only version 2 is written")
        }
        let options = options.fitted(to: metadata)
        let table = try TableColumns(metadata)
        let terms = try TableTerms(options, metadata, table.leaves)
        columns?.noteFound()
        let live = try LiveTable(metadata, stores.objects, mayGoOn: work.mayGoOn)
        var duplicates: Duplicates?
        if options.removesDuplicates {
            duplicates = try Duplicates.find(live, work: work, filter: terms.filter, store: stores.objects, budget: budget)
        }
        let limits = CompactionPlan.Limits(
            rows: budget.maxRows, bytes: Int64(options.targetSize) * 8, files: max(budget.maxChunks / max(table.leaves.count, 1), options.minInputFiles))
        let unsearched = Set(duplicates?.unsearched.map(\.partition) ?? [])
        let files = live.files.filter { !skipped.contains($0.data.file.path) && !unsearched.contains(PartitionKey($0.data.file)) }
        let plan = CompactionPlan(files, metadata, options, limits, filter: terms.filter, extra: duplicates?.files ?? [])
        return Prepared(options: options, live: live, table: table, ordering: terms.ordering, plan: plan, duplicates: duplicates)
    }

    /// What is left out before anything is read for good.
    private func tellLeftOut(_ prepared: Prepared, _ report: inout CompactionReport) {
        let unsearched = prepared.duplicates?.unsearched.map { "\(report.name($0.partition)): left out: --dedupe: \($0.reason)" } ?? []
        for line in prepared.plan.leftOut + unsearched {
            work.note(line)
            report.leaveOut(line)
        }
    }

    // MARK: A pass

    /// False when there was nothing to do, or nothing that another pass could do better.
    private func pass(_ number: Int, _ report: inout CompactionReport) throws -> Bool {
        let metadata = try stores.catalog.loadTable(work.identifier).metadata
        let prepared = try prepare(metadata, skipping: report.skipped)
        report.note(prepared.duplicates)
        if number == 1 { tellLeftOut(prepared, &report) }
        if prepared.plan.groups.isEmpty { return false }
        // What comes out of several groups of a partition may want another pass, and that a commit.
        let isLast = Set(prepared.plan.groups.map(\.partition)).count == prepared.plan.groups.count
        let left = options.maxCommits - report.commits
        let batches = prepared.plan.commits(atMost: isLast ? left : max(left * 2 / 3, 1))
        var wasGivenUp = false
        for (place, batch) in batches.enumerated() {
            work.progress("pass \(number): commit \(place + 1) of \(batches.count), \(Amount.of(batch.count, "group"))")
            try work.mayGoOn()
            wasGivenUp = try commit(batch, prepared, &report) || wasGivenUp
        }
        return !isLast || wasGivenUp
    }

    /// One intent, one commit. Returns whether a group was given up.
    private func commit(_ batch: [CompactionGroup], _ prepared: Prepared, _ report: inout CompactionReport) throws -> Bool {
        let id = "\(work.runID)-\(UUIDText(random: stores.environment.random16()).description.prefix(8))"
        try stores.state.openMaintenance(
            MaintenanceIntent(id: id, table: work.name, kind: "compact", holder: stores.holder, createdAt: stores.now, files: []))
        var written: [RewrittenGroup] = []
        var names: Set<String> = []
        do {
            var deletes = deleteReader(prepared.live.metadata)
            let rewrite = GroupRewrite(
                store: stores.objects, metadata: prepared.live.metadata, table: prepared.table, ordering: prepared.ordering,
                options: prepared.options, budget: budget,
                keepLease: work.mayGoOn
            ) { files in
                names.formUnion(files)
                try stores.state.addMaintenanceFiles(files, id: id)
            }
            for (number, group) in batch.enumerated() {
                try work.mayGoOn()
                let name = location(group, "\(id)-\(number)", prepared.live.metadata)
                do {
                    let result = try rewrite.run(group, name: name, deletes: &deletes, duplicates: prepared.duplicates?.masks ?? [:])
                    if result.isGain { written.append(result) } else { drop(result, &report) }
                } catch where Self.isAboutFiles(error) {
                    report.leave(group, error)
                    work.note("\(Amount.of(group.inputs.count, "file")) left as they are: \(error)")
                    // Whatever was written of it.
                    _ = stores.objects.delete(names.filter { $0.hasPrefix(name + "-") })
                }
            }
            let commit = CompactionCommit(
                stores, work.identifier, read: prepared.live, id: id,
                namedPaths: prepared.live.namedPaths.merging(deletes.namedPaths) { $1 }, witnesses: prepared.duplicates?.witnesses ?? [:],
                isStopped: work.isStopped)
            try work.mayGoOn()
            let snapshot = try commit.run(written)
            settle(commit, id)
            report.add(commit, snapshot, prepared.duplicates)
            for (group, reason) in commit.givenUp { work.note("\(Amount.of(group.group.inputs.count, "file")) left as they are: \(reason)") }
            return !commit.givenUp.isEmpty
        } catch let error as ContentDifference {
            throw error
        } catch let error as IcebergError where error.code == .outcomeUnknown {
            // The intent stays open: the files may be live. The next run finds out.
            throw error
        } catch {
            abandon(names, id)
            // A commit that lost against another is not tried again once the run is to stop.
            if (error as? IcebergError)?.code == .validation { try work.mayGoOn() }
            throw error
        }
    }

    /// Whether an error is about the files that are read, so that others can be done all the same.
    static func isAboutFiles(_ error: any Error) -> Bool {
        guard let error = error as? IcebergError else { return (error as? LakeError)?.code == .failed }
        switch error.code {
        case .unsupported, .malformed, .missingFile: return true
        case .storage: return !error.isRetryable
        default: return false
        }
    }

    /// Little memory for long values may bring out as many files as there were.
    private func drop(_ result: RewrittenGroup, _ report: inout CompactionReport) {
        report.skip(result.group)
        work.note("\(Amount.of(result.group.inputs.count, "file")) left as they are: \(result.outputs.count) would come out of them with this --max-memory")
        _ = stores.objects.delete(result.outputs.map(\.path))
    }

    private func location(_ group: CompactionGroup, _ name: String, _ metadata: TableMetadata) -> String {
        guard let spec = metadata.spec(id: group.partition.specID) else { preconditionFailure("a group of a partition spec that the plan has left out") }
        let folder = PartitionPath.text(group.partition.values, spec: spec, schema: metadata.currentSchema)
        return metadata.dataFolder + (folder.isEmpty ? "/\(name)" : "/\(folder)/\(name)")
    }

    /// Removes what groups that were given up had written, and closes the intent.
    private func settle(_ commit: CompactionCommit, _ id: String) {
        let files = commit.givenUp.flatMap { $0.group.outputs.map(\.path) }
        if !files.isEmpty { _ = stores.objects.delete(files) }
        close(id)
    }

    /// An intent that stays open keeps its snapshot from being expired, until the next run closes it. Where a connection has ended, the second try makes a new one.
    private func close(_ id: String) {
        for _ in 1...2 where (try? stores.state.closeMaintenance(id: id)) != nil { return }
    }

    /// Takes back what was written for a commit that was certainly not made. What cannot be taken back is left to the search for orphans.
    private func abandon(_ files: Set<String>, _ id: String) {
        guard let table = try? stores.catalog.loadTable(work.identifier), table.metadata.snapshots(withSummary: CompactionCommit.key, value: id).isEmpty else { return }
        _ = stores.objects.delete(files.sorted())
        close(id)
    }

    private func stopped(_ report: CompactionReport) -> LakeError {
        LakeError(.stopped, "\(work.name): stopped after \(Amount.of(report.commits, "commit")); the next run goes on")
    }

    // MARK: Manifests

    private func rewriteManifests(_ report: inout CompactionReport) throws {
        let loop = CommitLoop(catalog: stores.catalog, store: stores.objects, environment: stores.environment)
        let id = "\(work.runID)-manifests"
        try work.mayGoOn()
        let outcome = try loop.run(work.identifier) { (table, identity) throws(IcebergError) in try manifestChange(table.metadata, identity, id) }
        if case .committed(let table, let snapshotID) = outcome { report.addManifests(table.metadata, snapshotID) }
    }

    /// Manifests as they are: those that the commits of groups would leave are not known before.
    private func planManifests(_ metadata: TableMetadata, _ report: inout CompactionReport) throws {
        guard let change = try manifestChange(metadata, CommitIdentity(stores.environment), work.runID) else { return }
        work.show(report.planManifests(change))
    }

    private func manifestChange(_ metadata: TableMetadata, _ identity: CommitIdentity, _ id: String) throws(IcebergError) -> SnapshotChange? {
        guard metadata.currentSnapshotID != nil else { return nil }
        let files = TableFiles(metadata: metadata, store: stores.objects)
        let update = try TableUpdate(metadata: metadata, manifests: try files.manifests(), identity: identity)
        return try update.rewriteManifests(summary: [CompactionCommit.key: id, "engine-name": "k2"]) { (manifest) throws(IcebergError) in
            try files.entries(manifest)
        }
    }
}
