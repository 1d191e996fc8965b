import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2StateStore

/// A verb as it is done to one table after the other.
public struct MaintenanceStep {
    /// As it stands in the history: `compact`, `expire` …
    public let verb: String
    /// Whether it changes the table: then no other run of maintenance may be at it.
    public let needsLease: Bool
    /// Whether there is nothing to do for one of K2's tables that does not exist yet.
    public let needsTable: Bool
    /// Whether it gets a line in the history.
    public var isRecorded = true
    /// Whether it changes nothing, neither in a table nor in the state store but for the history: then it makes no state store.
    public var isLooking = false
    /// Whether the verb can be done to a table of this name.
    public let covers: (_ table: String) -> Bool
    /// Errors of the libraries below may pass as they are.
    public let run: (TableWork) throws -> StepOutcome

    public init(
        _ verb: String, needsLease: Bool = true, needsTable: Bool = true, covers: @escaping (_ table: String) -> Bool = { _ in true },
        run: @escaping (TableWork) throws -> StepOutcome
    ) {
        self.verb = verb
        self.covers = covers
        self.needsLease = needsLease
        self.needsTable = needsTable
        self.run = run
    }
}

/// A table that a step works on, and what it works with.
public struct TableWork {
    /// The table's name without its namespace, as leases and history have it.
    public let name: String
    public let identifier: TableIdentifier
    public let stores: LakeStores
    /// By these, files and folders are compared.
    let places: RealPlaces
    /// Of this run of the tool.
    public let runID: String
    /// Nothing may be changed, neither in the table nor in the state store; what would be done is told through `show`.
    public let isDryRun: Bool
    /// To be called again and again, at least once a minute; it asks the state store rarely. Throws when the lease was lost.
    public let keepLease: () throws -> Void
    /// A step that sees it ends soon, with `LakeError(.stopped, …)` if it could not do everything.
    public let isStopped: () -> Bool
    /// Something that a person should read afterwards, one line.
    public let note: (String) -> Void
    /// How far the work is, for a terminal; may be called often.
    public let progress: (String) -> Void
    /// A line of output: of a plan, or of what was found.
    public let show: (ShownLine) -> Void

    public init(
        name: String, identifier: TableIdentifier, stores: LakeStores, runID: String, isDryRun: Bool = false, keepLease: @escaping () throws -> Void = {},
        isStopped: @escaping () -> Bool = { false }, note: @escaping (String) -> Void = { _ in }, progress: @escaping (String) -> Void = { _ in },
        show: @escaping (ShownLine) -> Void = { _ in }
    ) {
        self.init(
            name: name, identifier: identifier, stores: stores, places: RealPlaces(), runID: runID, isDryRun: isDryRun, keepLease: keepLease,
            isStopped: isStopped, note: note, progress: progress, show: show)
    }

    private init(
        name: String, identifier: TableIdentifier, stores: LakeStores, places: RealPlaces, runID: String, isDryRun: Bool,
        keepLease: @escaping () throws -> Void, isStopped: @escaping () -> Bool, note: @escaping (String) -> Void, progress: @escaping (String) -> Void,
        show: @escaping (ShownLine) -> Void
    ) {
        self.name = name
        self.identifier = identifier
        self.stores = stores
        self.places = places
        self.runID = runID
        self.isDryRun = isDryRun
        self.keepLease = keepLease
        self.isStopped = isStopped
        self.note = note
        self.progress = progress
        self.show = show
    }
}

extension TableWork {
    /// To be called again and again in what takes long: keeps the lease, and ends the work when the run was asked to end.
    /// - Throws: `LakeError(.stopped, …)`, and when the lease was lost.
    public func mayGoOn() throws {
        if isStopped() { throw LakeError(.stopped, "\(name): stopped") }
        try keepLease()
    }

    /// The same work where it must come to its end although the run was asked to stop.
    var toTheEnd: TableWork {
        TableWork(
            name: name, identifier: identifier, stores: stores, places: places, runID: runID, isDryRun: isDryRun, keepLease: keepLease,
            isStopped: { false }, note: note, progress: progress, show: show)
    }
}

/// A line of output in its two forms; the tool prints one of them.
public struct ShownLine {
    public let text: () -> String
    /// Members behind `verb` and `table`, which the tool adds.
    public let json: () -> JSONObject

    public init(_ text: @escaping @autoclosure () -> String, json: @escaping @autoclosure () -> JSONObject) {
        self.text = text
        self.json = json
    }
}

/// What a step did to a table.
public struct StepOutcome {
    public enum Status: String, Sendable {
        case done
        /// There was nothing to do.
        case nothing
        /// A dry run.
        case planned
        /// A part of it could not be done, and is told about; the rest is done: exit status 1.
        case incomplete
        /// A check found a difference: exit status 3.
        case different
        /// A check could not decide: exit status 4.
        case unverified
    }

    public var status: Status
    /// For people, one line without the table's name.
    public var summary: String
    /// For programs: numbers and texts.
    public var facts: JSONObject
    /// The table before and after, where it was looked at.
    public var before: TableSize?
    public var after: TableSize?
    public var snapshotID: Int64?
    public var metrics: [StepMetric]
    /// Neither told nor kept in the history: the table had nothing to do with it.
    public var isSilent = false

    public init(
        _ status: Status, _ summary: String, facts: JSONObject = JSONObject(), before: TableSize? = nil, after: TableSize? = nil,
        snapshotID: Int64? = nil, metrics: [StepMetric] = []
    ) {
        self.status = status
        self.summary = summary
        self.facts = facts
        self.before = before
        self.after = after
        self.snapshotID = snapshotID
        self.metrics = metrics
    }
}

/// A number for the metrics file, with the table as its label.
public struct StepMetric: Equatable, Sendable {
    /// A name of the Prometheus format; ends in `_total` when it is a counter, whose value is what is added.
    public var name: String
    public var help: String
    public var value: Double

    public init(_ name: String, _ help: String, _ value: Double) {
        self.name = name
        self.help = help
        self.value = value
    }

    public var isCounter: Bool { name.hasSuffix("_total") }
}

extension TableSize {
    /// As the summary of the current snapshot has it; nil when it does not say.
    public init?(_ metadata: TableMetadata) {
        guard let snapshot = metadata.currentSnapshot else {
            self.init()
            return
        }
        func total(_ key: String) -> Int64? { snapshot.summary[key].flatMap { Int64($0) } }
        guard let rows = total("total-records"), let files = total("total-data-files"), let bytes = total("total-files-size") else { return nil }
        self.init(rows: rows, files: files + (total("total-delete-files") ?? 0), bytes: bytes)
    }
}
