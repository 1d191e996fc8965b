import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore

/// Finds the files under a table's location that nothing names and that are old. Changes nothing.
public struct OrphanSearch {
    /// Takes the lines of a plan.
    public protocol Output: AnyObject {
        /// A table's lines follow.
        func begin() throws
        func add(_ line: JSONObject) throws
        /// All of the table's lines were added.
        func end() throws
        /// The lines since `begin` are void.
        func abandon()
    }

    private let work: TableWork
    /// µs.
    private let olderThan: Int64
    private let locations: CatalogLocations
    private let output: (any Output)?
    private let isShown: Bool

    /// Three days.
    public static let defaultAge: Int64 = 3 * 86_400_000_000

    /// - Parameters:
    ///   - output: nil: no plan is written.
    ///   - isShown: each orphan is shown.
    public init(_ work: TableWork, olderThan: Int64, locations: CatalogLocations, output: (any Output)? = nil, isShown: Bool = false) {
        self.isShown = isShown
        self.work = work
        self.olderThan = olderThan
        self.locations = locations
        self.output = output
    }

    public static func step(olderThan: Int64, locations: CatalogLocations, output: (any Output)? = nil, isShown: Bool = false) -> MaintenanceStep {
        var step = MaintenanceStep("orphans-plan", needsLease: false) { work in
            try OrphanSearch(work, olderThan: olderThan, locations: locations, output: output, isShown: isShown).run()
        }
        step.isLooking = true
        return step
    }

    public func run() throws -> StepOutcome {
        let now = work.stores.now
        let live = try LiveFiles(work, sinceMS: (now.microseconds - olderThan) / 1_000)
        let metadata = live.table.metadata
        if metadata.forbidsDeleting { return StepOutcome(.nothing, "gc.enabled is false: its files may belong to others") }
        try locations.check(live.table, work)
        let plan = OrphanPlan(table: work.name, tableUUID: metadata.tableUUID, location: metadata.location, madeAt: now, olderThan: olderThan)
        do {
            try output?.begin()
            try output?.add(plan.head)
            let found = try search(live, plan)
            try output?.add(OrphanPlan.end(files: found.files.count, bytes: found.bytes))
            try output?.end()
            return outcome(found)
        } catch {
            output?.abandon()
            throw error
        }
    }

    private struct Found {
        var listed = 0
        var files: [OrphanPlan.File] = []
        var young = 0
        /// Named by other tables.
        var others = 0
        /// Links to files.
        var links: [String] = []
        /// What these lead to.
        var targets: Set<LocationKey> = []
        var bytes: Int64 { files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue } }

        mutating func add(link: String, to target: LocationKey) {
            links.append(link)
            targets.insert(target)
        }
    }

    private func search(_ live: LiveFiles, _ plan: OrphanPlan) throws -> Found {
        var live = live
        var found = try list(&live, plan)
        try spareTargets(&found)
        try Self.checkSpelling(
            live, Dictionary(found.files.map { (LiveFiles.nameHash($0.location), $0.location) }) { first, _ in first }, work.name)
        let named = try locations.neighbours.named(Set(try found.files.map { try work.places.key($0.location) }), besides: work.identifier, work)
        if !named.isEmpty {
            found.others = named.count
            try found.files.removeAll { named.contains(try work.places.key($0.location)) }
            work.note("\(named.count) files are named by other tables and stay, such as \(named.map(\.text).min() ?? "")")
        }
        for file in found.files {
            try output?.add(plan.line(file))
            show(plan, file)
        }
        return found
    }

    private func list(_ live: inout LiveFiles, _ plan: OrphanPlan) throws -> Found {
        let cutoff = plan.madeAt.microseconds - olderThan
        let paths = try TablePaths(live.table.metadata, work.places)
        var found = Found()
        try work.stores.objects.walk(prefix: paths.prefix) { object in
            found.listed += 1
            if found.listed % 1_000 == 0 {
                try work.mayGoOn()
                work.progress("\(found.listed) files looked at")
            }
            let place = try work.places.place(object.location)
            live.see(place.file)
            if place.isLink { return found.add(link: object.location, to: place.file) }
            guard let relative = paths.relative(place), !paths.isHidden(relative), !live.contains(place.file) else { return }
            guard object.modifiedMicroseconds < cutoff else {
                found.young += 1
                return
            }
            found.files.append(
                OrphanPlan.File(location: object.location, size: object.size, modified: Timestamp(microseconds: object.modifiedMicroseconds)))
        }
        return found
    }

    /// Somebody made a link in order to have the file in two places: both stay.
    private func spareTargets(_ found: inout Found) throws {
        guard let first = found.links.min() else { return }
        try found.files.removeAll { found.targets.contains(try work.places.key($0.location)) }
        work.note("\(Amount.of(found.links.count, "link")) to files, and what they lead to, stay, such as \(first)")
    }

    /// Refuses when a file that the table needs was not listed and one of the same name would be an orphan: the table probably spells the place
    /// in another way than the listing, through a link for instance, and then its files look like orphans.
    static func checkSpelling(_ live: LiveFiles, _ candidates: [Int: String], _ table: String) throws {
        if candidates.isEmpty { return }
        let names = live.unseenNames
        guard let twin = candidates.filter({ names.contains($0.key) }).values.min() else { return }
        throw LakeError(
            .failed, "\(table): \(twin): the table needs a file of this name and says that it lies elsewhere: is this another spelling of the same place? Nothing is planned")
    }

    private func show(_ plan: OrphanPlan, _ file: OrphanPlan.File) {
        guard isShown else { return }
        let name = work.name
        work.show(ShownLine("\(name): \(file.location) (\(file.size) bytes, of \(file.modified))", json: plan.line(file, action: "move")))
    }

    private func outcome(_ found: Found) -> StepOutcome {
        let young = found.young == 0 ? "" : ", \(found.young) more that are too young"
        let others = found.others == 0 ? "" : ", \(found.others) more that other tables name"
        let count = found.files.count
        let summary = "\(count) files that nothing names, \(found.bytes) bytes, among \(found.listed)\(young)\(others)"
        var outcome = StepOutcome(count == 0 ? .nothing : work.isDryRun ? .planned : .done, summary)
        for (name, value) in [("orphans", Int64(count)), ("orphan_bytes", found.bytes), ("listed_files", Int64(found.listed)), ("young_files", Int64(found.young)),
            ("files_of_other_tables", Int64(found.others))] {
            outcome.facts[name] = .integer(value)
        }
        outcome.metrics = [
            StepMetric("maintenance_orphan_files", "Files under the table that nothing names.", Double(count)),
            StepMetric("maintenance_orphan_bytes", "Bytes of these files.", Double(found.bytes)),
        ]
        return outcome
    }
}
