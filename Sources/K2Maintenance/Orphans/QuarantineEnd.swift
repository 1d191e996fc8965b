import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore

/// Ends quarantines: brings files back, or deletes them for good. Both can be run again after a kill.
public struct QuarantineEnd {
    private let work: TableWork

    public init(_ work: TableWork) { self.work = work }

    /// - Parameter wasFound: told when a table has the quarantine.
    public static func restoring(_ id: String, wasFound: @escaping () -> Void) -> MaintenanceStep {
        MaintenanceStep("orphans-restore") { work in
            guard let outcome = try QuarantineEnd(work).restore(id) else {
                var none = StepOutcome(.nothing, "has no quarantine \(id)")
                none.isSilent = true
                return none
            }
            wasFound()
            return outcome
        }
    }

    public static func purging(olderThan: Int64) -> MaintenanceStep {
        MaintenanceStep("orphans-purge") { work in try QuarantineEnd(work).purge(olderThan: olderThan) }
    }

    public static var listing: MaintenanceStep {
        var step = MaintenanceStep("orphans-list", needsLease: false) { work in try QuarantineEnd(work).list() }
        step.isRecorded = false
        step.isLooking = true
        return step
    }

    private var store: any ObjectStore { work.stores.objects }

    private func paths() throws -> TablePaths { try TablePaths(try work.stores.catalog.loadTable(work.identifier).metadata, work.places) }

    // MARK: Restoring

    /// Brings the files of a quarantine back to their places; nil when the table has none of this name.
    ///
    /// Where something lies already, nothing is replaced: a file of the same bytes stands for the one in quarantine, another one is told of and
    /// both stay.
    func restore(_ id: String) throws -> StepOutcome? {
        let paths = try paths()
        guard let found = try Quarantine.all(paths, store).quarantines.first(where: { $0.quarantine.id == id }) else { return nil }
        let copies = Set(try found.files.map { try work.places.place($0.location).name })
        var (restored, bytes, left) = (0, Int64(0), 0)
        for file in found.quarantine.plan.files {
            try work.keepLease()
            if work.isStopped() { throw LakeError(.stopped, "\(work.name): stopped: \(restored) files of quarantine \(id) were brought back, the rest is still in it") }
            let copy = try paths.quarantined(file, id)
            guard copies.contains(try work.places.place(copy).name) else { continue }
            let place = try place(of: file, copy)
            if place == .taken {
                work.note("\(file.location): another file lies there, \(copy) stays")
                left += 1
                continue
            }
            if work.isDryRun { show(file, found.quarantine) } else { try bringBack(file, from: copy, place) }
            restored += 1
            bytes = bytes.addingReportingOverflow(file.size).partialValue
        }
        let (would, were) = work.isDryRun ? ("would be ", "would be") : ("", "were")
        if left > 0 {
            throw LakeError(
                .failed, "\(work.name): \(restored) files \(were) brought back; \(left) stay in quarantine \(id), because other files lie at their places")
        }
        if !work.isDryRun { try Self.remove(paths, id, from: store) }
        var outcome = StepOutcome(work.isDryRun ? .planned : .done, "\(restored) files of quarantine \(id) \(would)brought back, \(bytes) bytes")
        outcome.facts["quarantine"] = .string(id)
        outcome.facts["restored_files"] = .integer(restored)
        outcome.facts["restored_bytes"] = .integer(bytes)
        return outcome
    }

    /// What lies where a file came from.
    private enum Place { case free, same, taken }

    private func place(of file: OrphanPlan.File, _ copy: String) throws -> Place {
        guard try store.exists(file.location) else { return .free }
        return try FileMover(store: store).areEqual(copy, file.location, size: file.size) ? .same : .taken
    }

    private func bringBack(_ file: OrphanPlan.File, from copy: String, _ place: Place) throws {
        if place == .same { try store.delete(copy) } else { try FileMover(store: store).move(copy, to: file.location, size: file.size) }
    }

    private func show(_ file: OrphanPlan.File, _ quarantine: Quarantine) {
        let name = work.name
        work.show(ShownLine("\(name): would be brought back: \(file.location) (\(file.size) bytes)", json: quarantine.plan.line(file, action: "restore")))
    }

    /// Removes what is left of a quarantine without files: its manifest, and in a local store its folders.
    static func remove(_ paths: TablePaths, _ id: String, from store: any ObjectStore) throws {
        try store.delete(paths.quarantineManifest(id))
        store.removeEmptyFolders(paths.quarantineFolder(id))
        store.removeEmptyFolders(paths.quarantinePrefix)
    }

    // MARK: Purging

    /// Deletes what has been in quarantine for longer than `olderThan`, µs, and what killed writers left that is older.
    func purge(olderThan: Int64) throws -> StepOutcome {
        let live = try LiveFiles(work, sinceMS: work.stores.environment.nowMS())
        let paths = try TablePaths(live.table.metadata, work.places)
        let all = try Quarantine.all(paths, store)
        let cutoff = work.stores.now.microseconds - olderThan
        let old = all.quarantines.filter { $0.quarantine.createdAt.microseconds < cutoff }
        for stray in all.strays { work.note("\(stray): belongs to no quarantine, stays") }
        let named = try NeighbourFiles().named(
            Set(try old.flatMap { try $0.quarantine.plan.files.map { try work.places.key($0.location) } }), besides: work.identifier, work)
        var (files, bytes, needed) = (0, Int64(0), 0)
        for found in old {
            // A table that names a file that is in quarantine would lose it.
            let lost = try found.quarantine.plan.files.filter { file in
                let key = try work.places.key(file.location)
                return try (live.contains(key) || named.contains(key)) && isIn(found, file, paths)
            }
            for file in lost { work.note("\(file.location): a table names it now: k2-maintain orphans restore \(found.quarantine.id)") }
            needed += lost.count
            if !lost.isEmpty { continue }
            files += found.files.count
            bytes = bytes.addingReportingOverflow(found.bytes).partialValue
            if work.isDryRun { show(found, action: "delete") } else { try delete(found, paths) }
        }
        let would = work.isDryRun ? "would be " : ""
        if needed > 0 {
            throw LakeError(.failed, "\(work.name): \(files) files \(would)deleted; \(needed) files in quarantine are named by a table now: bring them back")
        }
        let unfinished = try removeUnfinished(paths, before: cutoff)
        let kept = all.quarantines.count - old.count
        var outcome = StepOutcome(
            old.isEmpty && unfinished == 0 ? .nothing : work.isDryRun ? .planned : .done,
            "\(old.count) quarantines with \(files) files and \(bytes) bytes \(would)deleted\(kept == 0 ? "" : ", \(kept) are too young")"
                + (unfinished == 0 ? "" : ", and \(unfinished) writes that were never finished"))
        outcome.facts["unfinished_writes"] = .integer(unfinished)
        outcome.facts["purged_quarantines"] = .integer(old.count)
        outcome.facts["purged_files"] = .integer(files)
        outcome.facts["purged_bytes"] = .integer(bytes)
        return outcome
    }

    private func removeUnfinished(_ paths: TablePaths, before cutoff: Int64) throws -> Int {
        let old = try store.unfinished(prefix: paths.prefix).filter { $0.modifiedMicroseconds < cutoff }
        for write in old {
            let name = work.name
            if work.isDryRun {
                work.show(ShownLine("\(name): would be deleted: \(write.location), never finished", json: Self.unfinished(write)))
            } else {
                try store.removeUnfinished(write)
            }
        }
        return old.count
    }

    private static func unfinished(_ write: StoredObject) -> JSONObject {
        JSONObject(pairs: [("action", "delete"), ("file", .string(write.location)), ("kind", "unfinished"), ("bytes", .integer(write.size))])
    }

    private func isIn(_ found: Quarantine.Found, _ file: OrphanPlan.File, _ paths: TablePaths) throws -> Bool {
        let copy = try work.places.place(try paths.quarantined(file, found.quarantine.id)).name
        return try found.files.contains { try work.places.place($0.location).name == copy }
    }

    /// Files before the manifest: what is left after a kill is purged the next time.
    private func delete(_ found: Quarantine.Found, _ paths: TablePaths) throws {
        let locations = found.files.map(\.location)
        for start in stride(from: 0, to: locations.count, by: 1_000) {
            try work.keepLease()
            if work.isStopped() { throw LakeError(.stopped, "\(work.name): stopped: the rest of quarantine \(found.quarantine.id) is deleted the next time") }
            if let error = store.delete(Array(locations[start..<min(start + 1_000, locations.count)])).first { throw error }
        }
        try Self.remove(paths, found.quarantine.id, from: store)
    }

    // MARK: Listing

    func list() throws -> StepOutcome {
        let all = try Quarantine.all(try paths(), store)
        for found in all.quarantines { show(found) }
        let files = all.quarantines.reduce(0) { $0 + $1.files.count }
        let bytes = all.quarantines.reduce(Int64(0)) { $0.addingReportingOverflow($1.bytes).partialValue }
        var outcome = StepOutcome(all.quarantines.isEmpty ? .nothing : .done, "\(all.quarantines.count) quarantines, \(files) files, \(bytes) bytes")
        outcome.isSilent = all.quarantines.isEmpty
        outcome.facts["quarantines"] = .integer(all.quarantines.count)
        outcome.facts["files"] = .integer(files)
        outcome.facts["bytes"] = .integer(bytes)
        return outcome
    }

    /// - Parameter action: what a dry run would do with it.
    private func show(_ found: Quarantine.Found, action: String? = nil) {
        let (name, quarantine, count, bytes) = (work.name, found.quarantine, found.files.count, found.bytes)
        work.show(
            ShownLine(
                "\(name): quarantine \(quarantine.id) of \(quarantine.createdAt): \(count) files, \(bytes) bytes",
                json: JSONObject(pairs: (action.map { [("action", .string($0))] } ?? []) + [
                    ("quarantine", .string(quarantine.id)), ("quarantined_at", .string(quarantine.createdAt.description)), ("files", .integer(count)),
                    ("bytes", .integer(bytes)),
                ])))
    }
}
