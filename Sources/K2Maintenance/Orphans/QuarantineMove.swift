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
        guard table.metadata.tableUUID == plan.tableUUID, try work.places.folder(table.metadata.location) == work.places.folder(plan.location) else {
            throw LakeError(.configuration, "\(work.name): the plan is about another table: expected \(table.metadata.tableUUID) at \(table.metadata.location), found \(plan.tableUUID) at \(plan.location)")
        }
        if table.metadata.forbidsDeleting { return StepOutcome(.nothing, "gc.enabled is false: its files may belong to others") }
        try locations.check(table, work)
        let paths = try TablePaths(table.metadata, work.places)
        let id = Quarantine.id(plan)
        var counts = Counts()
        let present = try listed(paths, id, live)
        let judged = try judge(paths, live, present, id, &counts)
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

    /// What lies under the table now.
    private struct Present {
        /// Those of the plan's files that are at their places.
        var sources: [LocationKey: StoredObject] = [:]
        /// What links lead to, and links themselves.
        var linked: Set<LocationKey> = []
        /// What lies in the quarantine.
        var copies: Set<LocationKey> = []
    }

    private func listed(_ paths: TablePaths, _ id: String, _ live: LiveFiles) throws -> Present {
        var live = live
        var present = Present()
        let wanted = Set(try plan.files.map { try work.places.place($0.location).name })
        let folder = try work.places.folder(paths.quarantineFolder(id))
        try store.walk(prefix: paths.prefix) { object in
            try work.mayGoOn()
            let place = try work.places.place(object.location)
            live.see(place.file)
            if place.isLink { present.linked.formUnion([place.name, place.file]) }
            if wanted.contains(place.name) { present.sources[place.name] = object } else if place.name.isInside(folder) { present.copies.insert(place.name) }
        }
        let orphans = present.sources.filter { !live.contains($0.key) && !present.linked.contains($0.key) }
        try OrphanSearch.checkSpelling(
            live, Dictionary(orphans.map { (LiveFiles.nameHash($0.value.location), $0.value.location) }) { first, _ in first }, work.name)
        return present
    }

    /// The files that are still what the plan says.
    private func judge(
        _ paths: TablePaths, _ live: LiveFiles, _ present: Present, _ id: String, _ counts: inout Counts
    ) throws -> [OrphanPlan.File] {
        let cutoff = work.stores.now.microseconds - plan.olderThan
        var (orphans, seen): ([OrphanPlan.File], Set<LocationKey>) = ([], [])
        for file in plan.files {
            let key = try work.places.place(file.location).name
            guard seen.insert(key).inserted else { continue }
            guard let relative = try paths.relative(file.location), !paths.isHidden(relative) else {
                throw LakeError(.configuration, "\(work.name): \(file.location): not a file under \(paths.prefix) that may be moved: nothing was done")
            }
            guard let object = present.sources[key] else {
                if present.copies.contains(try work.places.place(paths.quarantined(relative, id)).name) { counts.before.append(file) } else { counts.gone += 1 }
                continue
            }
            if live.contains(key) {
                counts.live += 1
                work.note("\(file.location): in use now, stays")
            } else if present.linked.contains(key) {
                counts.live += 1
                work.note("\(file.location): a link, or a link leads to it, stays")
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
        let named = try locations.neighbours.named(Set(try orphans.map { try work.places.key($0.location) }), besides: work.identifier, work)
        if named.isEmpty { return orphans }
        counts.others = named.count
        for key in named.sorted(by: { $0.text < $1.text }) { work.note("\(key): another table names it, stays") }
        return try orphans.filter { !named.contains(try work.places.key($0.location)) }
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
            let known = Set(said.plan.files.map { ExactPath($0.location) })
            if let new = orphans.first(where: { !known.contains(ExactPath($0.location)) }) {
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
            try mover.move(file.location, to: try paths.quarantined(file, id), size: file.size)
            counts.moved.append(file)
            work.progress("\(number + 1) of \(orphans.count) files moved")
        }
    }

    /// A writer may have taken a file into the table in the very moment in which it was moved: such files go back at once. All of them do when it can
    /// not be told any more who needs them.
    private func takeBack(_ paths: TablePaths, _ id: String, _ counts: inout Counts) throws {
        // A stop that comes here must not leave them aside.
        let work = work.toTheEnd
        let all = counts.moved + counts.before
        let needed: Set<LocationKey>
        do { needed = try inUse(all, work) } catch { throw undo(all, paths, id, because: error) }
        func stays(_ file: OrphanPlan.File) throws -> Bool { !needed.contains(try work.places.key(file.location)) }
        for file in try all.filter({ try !stays($0) }) {
            _ = try bringBack(file, paths, id)
            counts.live += 1
            work.note("\(file.location): came into use meanwhile, was brought back")
        }
        counts.moved = try counts.moved.filter(stays)
        counts.before = try counts.before.filter(stays)
    }

    /// Those of the files that this table or another one names by now.
    private func inUse(_ files: [OrphanPlan.File], _ work: TableWork) throws -> Set<LocationKey> {
        let keys = Set(try files.map { try work.places.key($0.location) })
        let live = try liveFiles(work)
        return try locations.neighbours.named(keys, besides: work.identifier, work).union(keys.filter { live.contains($0) })
    }

    /// - Returns: false when something lies at its place already.
    private func bringBack(_ file: OrphanPlan.File, _ paths: TablePaths, _ id: String) throws -> Bool {
        if try store.exists(file.location) { return false }
        try mover.move(try paths.quarantined(file, id), to: file.location, size: file.size)
        return true
    }

    /// Brings everything back, unless the same can be tried again soon.
    private func undo(_ files: [OrphanPlan.File], _ paths: TablePaths, _ id: String, because error: any Error) -> LakeError {
        var failure = LakeError(naming: work.name, error)
        guard failure.code == .failed || failure.code == .configuration else {
            failure.message += "; \(Amount.of(files.count, "file")) in quarantine \(id): the same plan goes on from there"
            return failure
        }
        var left = 0
        for file in files {
            let result = Result { try bringBack(file, paths, id) }
            if case .success(true) = result { continue }
            left += 1
            if case .failure(let error) = result { work.note("\(file.location): cannot be brought back: \(error)") }
        }
        failure.message += "; \(Amount.of(files.count - left, "file")) brought back to where they were"
        if left > 0 { failure.message += ", \(left) still in quarantine \(id)" }
        // Its manifest goes as well when nothing else is in it, and does no harm otherwise.
        if let rest = try? store.list(prefix: paths.quarantineFolder(id)), rest.count == 1 { try? QuarantineEnd.remove(paths, id, from: store) }
        return failure
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
