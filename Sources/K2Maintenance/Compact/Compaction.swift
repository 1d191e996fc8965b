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

    public init(_ work: TableWork, _ options: CompactOptions) { self.init(work, options, MemoryBudget(options.maxMemory)) }

    init(_ work: TableWork, _ options: CompactOptions, _ budget: MemoryBudget) {
        self.work = work
        self.options = options
        self.budget = budget
    }

    public static func step(_ options: CompactOptions) -> MaintenanceStep {
        MaintenanceStep("compact") { work in try Compaction(work, options).run() }
    }

    private var stores: LakeStores { work.stores }

    /// Plans, and what follows from each, until nothing is left to do: what comes out of a group may be small enough to be laid together again.
    private static let maxPasses = 4

    public func run() throws -> StepOutcome {
        let before = try stores.catalog.loadTable(work.identifier).metadata
        var report = CompactionReport(before: before)
        if work.isDryRun { return try dryRun(before, &report) }
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
        let outcome = report.outcome(.done)
        guard let failure = report.failures.first else { return outcome }
        throw LakeError(.failed, "\(work.name): \(failure)\(report.commits > 0 ? "; beside that, \(outcome.summary)" : "")")
    }

    private func dryRun(_ metadata: TableMetadata, _ report: inout CompactionReport) throws -> StepOutcome {
        let prepared = try prepare(metadata, skipping: [])
        prepared.plan.leftOut.forEach(work.note)
        try noteUnreadable(prepared.plan, try TableColumns(metadata))
        for group in prepared.plan.groups { work.show(report.shown(group, metadata)) }
        for line in prepared.duplicates?.lines(metadata) ?? [] { work.show(line) }
        report.plan(prepared.plan, prepared.duplicates)
        report.after = metadata
        return report.outcome(.planned)
    }

    /// Whether columns can be read as the table's stands in the files, which planning does not open.
    private func noteUnreadable(_ plan: CompactionPlan, _ table: TableColumns) throws {
        for group in plan.groups {
            for input in group.inputs {
                do { _ = try TableFile(input.data.file, in: stores.objects).leaves(table) } catch let error as IcebergError where error.code == .unsupported {
                    work.note("a group of \(group.inputs.count) files would be left as it is: \(error.message)")
                    break
                }
            }
        }
    }

    /// What a pass works on.
    struct Prepared {
        var live: LiveTable
        var plan: CompactionPlan
        var duplicates: Duplicates?
    }

    /// - Parameter skipped: files that could not be written anew before.
    private func prepare(_ metadata: TableMetadata, skipping skipped: Set<String>) throws -> Prepared {
        let live = try LiveTable(metadata, stores.objects)
        let table = try TableColumns(metadata)
        let filter = try options.condition.map { condition throws(IcebergError) in try FileFilter(condition, metadata) }
        var duplicates: Duplicates?
        if options.removesDuplicates {
            duplicates = try Duplicates.find(live, work: work, filter: filter, store: stores.objects, budget: budget)
        }
        let limits = CompactionPlan.Limits(
            rows: budget.maxRows, bytes: Int64(options.targetSize) * 8, files: max(budget.maxChunks / max(table.leaves.count, 1), options.minInputFiles))
        let files = skipped.isEmpty ? live.files : live.files.filter { !skipped.contains($0.data.file.path) }
        let plan = CompactionPlan(files, metadata, options, limits, filter: filter, extra: duplicates?.files ?? [])
        return Prepared(live: live, plan: plan, duplicates: duplicates)
    }

    // MARK: A pass

    /// False when there was nothing to do, or nothing that another pass could do better.
    private func pass(_ number: Int, _ report: inout CompactionReport) throws -> Bool {
        let metadata = try stores.catalog.loadTable(work.identifier).metadata
        guard metadata.formatVersion == 2 else {
            throw IcebergError(.unsupported, "table format version \(metadata.formatVersion): only version 2 is written")
        }
        let prepared = try prepare(metadata, skipping: report.skipped)
        if number == 1 { prepared.plan.leftOut.forEach(work.note) }
        if prepared.plan.groups.isEmpty { return false }
        let table = try TableColumns(metadata)
        let ordering = try RowOrdering(options.order, metadata, table.leaves)
        // What comes out of several groups of a partition may want another pass, and that a commit.
        let isLast = Set(prepared.plan.groups.map(\.partition)).count == prepared.plan.groups.count
        let left = options.maxCommits - report.commits
        let batches = prepared.plan.commits(atMost: isLast ? left : max(left * 2 / 3, 1))
        var wasGivenUp = false
        for (place, batch) in batches.enumerated() {
            work.progress("pass \(number): commit \(place + 1) of \(batches.count), \(batch.count) groups")
            if work.isStopped() { throw stopped(report) }
            wasGivenUp = try commit(batch, prepared, table, ordering, &report) || wasGivenUp
        }
        return !isLast || wasGivenUp
    }

    /// One intent, one commit. Returns whether a group was given up.
    private func commit(
        _ batch: [CompactionGroup], _ prepared: Prepared, _ table: TableColumns, _ ordering: RowOrdering, _ report: inout CompactionReport
    ) throws -> Bool {
        let id = "\(work.runID)-\(UUIDText(random: stores.environment.random16()).description.prefix(8))"
        try stores.state.openMaintenance(
            MaintenanceIntent(id: id, table: work.name, kind: "compact", holder: stores.holder, createdAt: stores.now, files: []))
        var written: [RewrittenGroup] = []
        var names: Set<String> = []
        do {
            var deletes = DeleteReader(
                store: stores.objects, metadata: prepared.live.metadata, limits: budget.readerLimits, keyBytes: budget.deleteKeys)
            let rewrite = GroupRewrite(
                store: stores.objects, metadata: prepared.live.metadata, table: table, ordering: ordering, options: options, budget: budget,
                keepLease: work.keepLease
            ) { files in
                names.formUnion(files)
                try stores.state.addMaintenanceFiles(files, id: id)
            }
            for (number, group) in batch.enumerated() {
                if work.isStopped() { throw stopped(report) }
                let name = location(group, "\(id)-\(number)", prepared.live.metadata)
                do {
                    let result = try rewrite.run(group, name: name, deletes: &deletes, duplicates: prepared.duplicates?.masks ?? [:])
                    if result.isGain { written.append(result) } else { drop(result, &report) }
                } catch where Self.isAboutGroup(error) {
                    report.leave(group, error)
                    work.note("\(group.inputs.count) files are left as they are: \(error)")
                    // Whatever was written of it.
                    _ = stores.objects.delete(names.filter { $0.hasPrefix(name + "-") })
                }
            }
            let commit = CompactionCommit(
                stores, work.identifier, read: prepared.live, id: id,
                namedPaths: prepared.live.namedPaths.merging(deletes.namedPaths) { $1 }, witnesses: prepared.duplicates?.witnesses ?? [:])
            try work.keepLease()
            let snapshot = try commit.run(written)
            settle(commit, id)
            report.add(commit, snapshot, prepared.duplicates)
            for (group, reason) in commit.givenUp { work.note("\(group.group.inputs.count) files are left as they are: \(reason)") }
            return !commit.givenUp.isEmpty
        } catch let error as ContentDifference {
            throw error
        } catch let error as IcebergError where error.code == .outcomeUnknown {
            // The intent stays open: the files may be live. The next run finds out.
            throw error
        } catch {
            abandon(names, id)
            throw error
        }
    }

    /// Whether an error is about the files of a group, so that others can be done all the same.
    private static func isAboutGroup(_ error: any Error) -> Bool {
        if let error = error as? IcebergError { return error.code == .unsupported || error.code == .malformed || error.code == .missingFile }
        return (error as? LakeError)?.code == .failed
    }

    /// Little memory for long values may bring out as many files as there were.
    private func drop(_ result: RewrittenGroup, _ report: inout CompactionReport) {
        report.skip(result.group)
        work.note("\(result.group.inputs.count) files are left as they are: \(result.outputs.count) would come out of them with this --max-memory")
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
        // What is not closed is closed by the next run.
        _ = try? stores.state.closeMaintenance(id: id)
    }

    /// Takes back what was written for a commit that was certainly not made. What cannot be taken back is left to the search for orphans.
    private func abandon(_ files: Set<String>, _ id: String) {
        guard let table = try? stores.catalog.loadTable(work.identifier), table.metadata.snapshots(withSummary: CompactionCommit.key, value: id).isEmpty else { return }
        _ = stores.objects.delete(files.sorted())
        _ = try? stores.state.closeMaintenance(id: id)
    }

    private func stopped(_ report: CompactionReport) -> LakeError {
        LakeError(.stopped, "\(work.name): stopped after \(report.commits) commits; the next run goes on")
    }

    // MARK: Manifests

    private func rewriteManifests(_ report: inout CompactionReport) throws {
        let loop = CommitLoop(catalog: stores.catalog, store: stores.objects, environment: stores.environment)
        let id = "\(work.runID)-manifests"
        try work.keepLease()
        let outcome = try loop.run(work.identifier) { (table, identity) throws(IcebergError) in
            guard table.metadata.currentSnapshotID != nil else { return nil }
            let files = TableFiles(metadata: table.metadata, store: stores.objects)
            let update = try TableUpdate(metadata: table.metadata, manifests: try files.manifests(), identity: identity)
            return try update.rewriteManifests(summary: [CompactionCommit.key: id, "engine-name": "k2"]) { (manifest) throws(IcebergError) in
                try files.entries(manifest)
            }
        }
        if case .committed(let table, let snapshotID) = outcome { report.addManifests(table.metadata, snapshotID) }
    }
}
