import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore

/// Carries out a plan: each file is judged again, by the table as it is now, and moved aside.
///
/// Run again after a kill, with the same plan, it goes on where it stood.
public struct QuarantineMove {
    private let work: TableWork
    private let plan: OrphanPlan
    private let locations: CatalogLocations
    private let mover: FileMover

    public init(_ work: TableWork, _ plan: OrphanPlan, locations: CatalogLocations) {
        self.work = work
        self.plan = plan
        self.locations = locations
        mover = FileMover(store: work.stores.objects)
    }

    public static func step(_ plans: [OrphanPlan], locations: CatalogLocations) -> MaintenanceStep {
        MaintenanceStep("orphans-apply", covers: { name in plans.contains { $0.table == name } }) { work in
            var outcome: StepOutcome?
            for plan in plans where plan.table == work.name { outcome = try QuarantineMove(work, plan, locations: locations).run() }
            return outcome ?? StepOutcome(.nothing, "nothing planned")
        }
    }

    private var store: any ObjectStore { work.stores.objects }

    /// What became of the files of the plan.
    private struct Counts {
        var moved: [OrphanPlan.File] = []
        /// Moved by an earlier run of the same plan.
        var before: [OrphanPlan.File] = []
        var live = 0
        /// Named by other tables.
        var others = 0
        var changed = 0
        var gone = 0
        var bytes: Int64 { moved.reduce(0) { $0.addingReportingOverflow($1.size).partialValue } }
    }

    public func run() throws -> StepOutcome {
        let live = try liveFiles(work)
        let table = live.table
        guard table.metadata.tableUUID == plan.tableUUID, LocationKey.folder(table.metadata.location) == .folder(plan.location) else {
            throw LakeError(.configuration, "\(work.name): the plan is about another table: expected \(table.metadata.tableUUID) at \(table.metadata.location), found \(plan.tableUUID) at \(plan.location)")
        }
        if table.metadata.forbidsDeleting { return StepOutcome(.nothing, "gc.enabled is false: its files may belong to others") }
        try locations.check(table, in: work.stores.catalog)
        let paths = TablePaths(table.metadata)
        let id = Quarantine.id(plan)
        var counts = Counts()
        let present = try listed(paths, id, live)
        let judged = try judge(paths, live, present.sources, present.copies, id, &counts)
        let orphans = try spare(judged, &counts)
        if orphans.isEmpty && counts.before.isEmpty { return outcome(.nothing, counts, id) }
        if work.isDryRun { return planned(orphans, counts, id) }
        try write(orphans, paths, id)
        try move(orphans, paths, id, &counts)
        try takeBack(paths, id, &counts)
        return outcome(.done, counts, id)
    }

    private func liveFiles(_ work: TableWork) throws -> LiveFiles { try LiveFiles(work, sinceMS: (work.stores.now.microseconds - plan.olderThan) / 1_000) }

    // MARK: Judging

    /// What of the plan's files lies at its place, and what lies in the quarantine.
    private func listed(_ paths: TablePaths, _ id: String, _ live: LiveFiles) throws -> (sources: [LocationKey: StoredObject], copies: Set<LocationKey>) {
        var live = live
        var sources: [LocationKey: StoredObject] = [:]
        var copies: Set<LocationKey> = []
        let wanted = Set(plan.files.map { LocationKey($0.location) })
        let folder = LocationKey.folder(paths.quarantineFolder(id))
        try store.walk(prefix: paths.prefix) { object in
            try work.mayGoOn()
            live.see(object.location)
            let key = LocationKey(object.location)
            if wanted.contains(key) { sources[key] = object } else if key.isInside(folder) { copies.insert(key) }
        }
        let orphans = sources.filter { !live.contains($0.value.location) }
        try OrphanSearch.checkSpelling(
            live, Dictionary(orphans.map { (LiveFiles.nameHash($0.value.location), $0.value.location) }) { first, _ in first }, work.name)
        return (sources, copies)
    }

    /// The files that are still what the plan says.
    private func judge(
        _ paths: TablePaths, _ live: LiveFiles, _ sources: [LocationKey: StoredObject], _ copies: Set<LocationKey>, _ id: String, _ counts: inout Counts
    ) throws -> [OrphanPlan.File] {
        let cutoff = work.stores.now.microseconds - plan.olderThan
        var orphans: [OrphanPlan.File] = []
        for file in plan.files {
            guard let relative = paths.relative(file.location), !paths.isHidden(relative) else {
                throw LakeError(.configuration, "\(work.name): \(file.location): not a file under \(paths.prefix) that may be moved: nothing was done")
            }
            guard let object = sources[LocationKey(file.location)] else {
                if copies.contains(LocationKey(paths.quarantined(relative, id))) { counts.before.append(file) } else { counts.gone += 1 }
                continue
            }
            if live.contains(file.location) {
                counts.live += 1
                work.note("\(file.location): in use now, stays")
            } else if object.size != file.size || object.modifiedMicroseconds != file.modified.microseconds || object.modifiedMicroseconds >= cutoff {
                counts.changed += 1
                work.note("\(file.location): another file than the planned one, stays")
            } else {
                orphans.append(file)
            }
        }
        return orphans
    }

    /// Takes out what other tables name.
    private func spare(_ orphans: [OrphanPlan.File], _ counts: inout Counts) throws -> [OrphanPlan.File] {
        let named = try locations.neighbours.named(Set(orphans.map { LocationKey($0.location) }), besides: work.identifier, work)
        if named.isEmpty { return orphans }
        counts.others = named.count
        for key in named.sorted(by: { $0.text < $1.text }) { work.note("\(key): another table names it, stays") }
        return orphans.filter { !named.contains(LocationKey($0.location)) }
    }

    // MARK: Moving

    /// Says in the quarantine what is about to come into it.
    private func write(_ orphans: [OrphanPlan.File], _ paths: TablePaths, _ id: String) throws {
        let location = paths.quarantineManifest(id)
        var whole = plan
        whole.files = orphans
        do throws(StoreError) { try store.putIfAbsent(Quarantine(whole, id: id, at: work.stores.now).text, to: location) } catch {
            // An earlier run of the same plan has said it: of the same files, or of more.
            guard error.code == .alreadyExists || error.code == .outcomeUnknown else { throw error }
            let said = try Quarantine(reading: try store.get(location), location: location)
            let known = Set(said.plan.files.map(\.location))
            if let new = orphans.first(where: { !known.contains($0.location) }) {
                // One that was in use then, and is not any more.
                throw LakeError(.failed, "\(work.name): \(new.location): not in the manifest of \(id): make a new plan for what is left")
            }
            // What comes in now is young there, however long ago the first files came: a purge must not take it at once.
            if !orphans.isEmpty { try store.put(Quarantine(said.plan, id: id, at: work.stores.now).text, to: location) }
        }
    }

    private func move(_ orphans: [OrphanPlan.File], _ paths: TablePaths, _ id: String, _ counts: inout Counts) throws {
        for (number, file) in orphans.enumerated() {
            try work.keepLease()
            if work.isStopped() { throw LakeError(.stopped, "\(work.name): stopped: \(number) of \(orphans.count) files are in quarantine \(id), the same plan goes on from there") }
            try mover.move(file.location, to: paths.quarantined(paths.relative(file.location) ?? "", id), size: file.size)
            counts.moved.append(file)
            work.progress("\(number + 1) of \(orphans.count) files moved")
        }
    }

    /// A writer may have taken a file into the table in the very moment in which it was moved: such files go back at once.
    private func takeBack(_ paths: TablePaths, _ id: String, _ counts: inout Counts) throws {
        // A stop that comes here must not leave them aside.
        let work = work.toTheEnd
        let live = try liveFiles(work)
        let all = counts.moved + counts.before
        let named = try locations.neighbours.named(Set(all.map { LocationKey($0.location) }), besides: work.identifier, work)
        for file in all where live.contains(file.location) || named.contains(LocationKey(file.location)) {
            let copy = paths.quarantined(paths.relative(file.location) ?? "", id)
            if try !store.exists(file.location) { try mover.move(copy, to: file.location, size: file.size) }
            counts.moved.removeAll { $0 == file }
            counts.before.removeAll { $0 == file }
            counts.live += 1
            work.note("\(file.location): came into use meanwhile, was brought back")
        }
    }

    // MARK: Telling

    private func planned(_ orphans: [OrphanPlan.File], _ counts: Counts, _ id: String) -> StepOutcome {
        for file in orphans {
            let name = work.name
            work.show(ShownLine("\(name): would be moved: \(file.location) (\(file.size) bytes)", json: plan.line(file, action: "move")))
        }
        var counts = counts
        counts.moved = orphans
        return outcome(.planned, counts, id)
    }

    private func outcome(_ status: StepOutcome.Status, _ counts: Counts, _ id: String) -> StepOutcome {
        let would = status == .planned ? "would be " : ""
        var parts = ["\(counts.moved.count) files \(would)moved to quarantine \(id), \(counts.bytes) bytes"]
        for (count, text) in [
            (counts.before.count, "had been moved before"), (counts.live, "are in use"), (counts.others, "are in use by other tables"),
            (counts.changed, "are other files now"), (counts.gone, "are gone"),
        ] where count > 0 { parts.append("\(count) \(text)") }
        var outcome = StepOutcome(status, parts.joined(separator: ", "))
        outcome.facts["quarantine"] = .string(id)
        for (name, value) in [
            ("moved_files", Int64(counts.moved.count)), ("moved_bytes", counts.bytes), ("moved_before", Int64(counts.before.count)), ("live_files", Int64(counts.live)),
            ("files_of_other_tables", Int64(counts.others)), ("changed_files", Int64(counts.changed)), ("gone_files", Int64(counts.gone)),
        ] { outcome.facts[name] = .integer(value) }
        outcome.metrics = [StepMetric("maintenance_quarantined_files_total", "Files that were moved to quarantine.", Double(counts.moved.count))]
        return outcome
    }
}
