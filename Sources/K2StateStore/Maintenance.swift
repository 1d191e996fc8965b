import K2Domain

/// Files that a maintenance run is about to write. While it is open, nothing takes them for orphans.
public struct MaintenanceIntent: Equatable, Sendable {
    /// Chosen by the run; one commit of it, and `k2.maintenance-id` in the summary of that commit's snapshot.
    public var id: String
    public var table: String
    /// The verb, such as `compact`.
    public var kind: String
    /// The process, as leases name it.
    public var holder: String
    public var createdAt: Timestamp
    /// Locations.
    public var files: [String]

    public init(id: String, table: String, kind: String, holder: String, createdAt: Timestamp, files: [String]) {
        self.id = id
        self.table = table
        self.kind = kind
        self.holder = holder
        self.createdAt = createdAt
        self.files = files
    }
}

/// How large a table's current snapshot is.
public struct TableSize: Equatable, Sendable {
    public var rows: Int64
    /// Data files and delete files.
    public var files: Int64
    public var bytes: Int64

    public init(rows: Int64 = 0, files: Int64 = 0, bytes: Int64 = 0) {
        self.rows = rows
        self.files = files
        self.bytes = bytes
    }
}

/// One line of maintenance's history: what a verb did to a table.
public struct MaintenanceRun: Equatable, Sendable {
    /// The same for all lines of one run of the tool.
    public var runID: String
    public var table: String
    /// `compact`, `expire`, `orphans`, `audit` …
    public var verb: String
    public var startedAt: Timestamp
    public var endedAt: Timestamp
    /// `done`, `nothing` (there was nothing to do), `planned` (a dry run), `different`, `unverified`, `held`, `failed`, `unknown` …
    public var status: String
    /// nil when it could not be learned.
    public var before: TableSize?
    public var after: TableSize?
    /// That the verb committed; nil when it committed none.
    public var snapshotID: Int64?
    /// What was done, in one line for people.
    public var note: String?
    public var error: String?

    public init(
        runID: String, table: String, verb: String, startedAt: Timestamp, endedAt: Timestamp, status: String, before: TableSize? = nil,
        after: TableSize? = nil, snapshotID: Int64? = nil, note: String? = nil, error: String? = nil
    ) {
        self.runID = runID
        self.table = table
        self.verb = verb
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.status = status
        self.before = before
        self.after = after
        self.snapshotID = snapshotID
        self.note = note
        self.error = error
    }
}

/// What an audit found about a table and a stretch of time: the columns of the old platform's log, and hashes and result.
public struct AuditRecord: Equatable, Sendable {
    public var runAt: Timestamp
    /// The lake's table.
    public var table: String
    /// The warm store's table.
    public var source: String
    /// `bronze`, `silver` or `gold`.
    public var layer: String
    /// Of event time, in whole hours.
    public var windowHours: Int64
    public var windowStart: Timestamp
    public var windowEnd: Timestamp
    /// Rows of either side; nil when that side could not be read.
    public var warmRows: Int64?
    public var coldRows: Int64?
    /// Hashes over all rows and columns, whatever the rows' order, as hexadecimal digits; nil when there is none.
    public var warmHash: String?
    public var coldHash: String?
    /// As the old log had it; what dashboards read.
    public var status: String
    /// `ok`, `different` or `unverified`.
    public var result: String
    /// Why, and what differs.
    public var notes: String?
    public var runID: String?

    /// Cold rows more than warm ones.
    public var delta: Int64? {
        guard let warmRows, let coldRows else { return nil }
        return coldRows.subtractingReportingOverflow(warmRows).partialValue
    }

    /// `delta` in percent of the warm rows; nil when there are none.
    public var deltaPercent: Double? {
        guard let delta, let warmRows, warmRows > 0 else { return nil }
        return Double(delta) * 100 / Double(warmRows)
    }

    public init(
        runAt: Timestamp, table: String, source: String, layer: String, windowHours: Int64, windowStart: Timestamp, windowEnd: Timestamp,
        warmRows: Int64?, coldRows: Int64?, warmHash: String?, coldHash: String?, status: String, result: String, notes: String? = nil,
        runID: String? = nil
    ) {
        self.runAt = runAt
        self.table = table
        self.source = source
        self.layer = layer
        self.windowHours = windowHours
        self.windowStart = windowStart
        self.windowEnd = windowEnd
        self.warmRows = warmRows
        self.coldRows = coldRows
        self.warmHash = warmHash
        self.coldHash = coldHash
        self.status = status
        self.result = result
        self.notes = notes
        self.runID = runID
    }
}
