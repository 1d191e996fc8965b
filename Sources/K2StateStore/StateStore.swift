import K2Domain

/// What offload and maintenance must remember between runs: intents, what the lake already holds, leases, history.
///
/// Every operation is one transaction. Implementations serve one thread, and several processes may use one store.
///
/// An operation that ends with `outcomeUnknown` was done completely or not at all. All may be called again, and tell when they had been
/// done: `openIntent` throws `intentExists`, `settle` throws `noSuchIntent`; taking, renewing and releasing a lease and setting a
/// watermark come to the same. Only `record` and `recordAudit` would write their line twice.
public protocol StateStore: AnyObject {
    /// Records what a batch is about to write, before its first file is written.
    /// - Throws: `intentExists` when the batch id is open already, be it by this very call whose reply was lost.
    func openIntent(_ intent: Intent) throws(StateStoreError)

    /// Closes an intent. Committed: its ranges and keys join those of the lake. Both: the run is recorded, and the watermark stored.
    /// - Throws: `noSuchIntent` when the batch id is not open (it was settled before, be it by this very call whose reply was lost);
    ///   `rewind` when the watermark lies before the one that is stored. Then nothing is changed.
    func settle(batchID: String, _ outcome: IntentOutcome, run: RunRecord, watermark: Watermark?) throws(StateStoreError)

    /// Open intents, oldest first; of all tables when `table` is nil.
    func openIntents(table: String?) throws(StateStoreError) -> [Intent]

    /// The trade ids that the lake table holds, disjoint and not adjacent, by exchange, symbol and first id.
    func loadedRanges(table: String) throws(StateStoreError) -> [IdentityRange]

    /// The value stored with a key of a lake table, or nil when the table does not hold the key.
    func loadedValue(table: String, key: [UInt8]) throws(StateStoreError) -> Int64?

    /// The values of those of `keys` that the lake table holds. Any number of keys; they are looked up in bounded pieces.
    func loadedValues(table: String, keys: [[UInt8]]) throws(StateStoreError) -> [[UInt8]: Int64]

    /// The UUID of the table that the state under this name is about; nil when it was never told, `forgotten` after `forgetTable`.
    func boundTable(_ table: String) throws(StateStoreError) -> String?

    /// Notes that the state under this name is about the table of this UUID.
    func bindTable(_ table: String, uuid: String) throws(StateStoreError)

    /// Forgets what a table holds, its watermark and its open intents, whose files are left alone: the name is another table's now.
    /// - Parameter run: goes into the history.
    func forgetTable(_ table: String, run: RunRecord) throws(StateStoreError)

    /// How far a table is offloaded; nil before its first run.
    func watermark(table: String) throws(StateStoreError) -> Watermark?

    /// The watermarks of all tables, by name.
    func watermarks() throws(StateStoreError) -> [Watermark]

    /// Stores a table's watermark in place of the one it has.
    /// - Throws: `rewind` when its position lies before that one's, unless `allowingRewind`. Then nothing is changed.
    func setWatermark(_ watermark: Watermark, allowingRewind: Bool) throws(StateStoreError)

    /// Adds a line to the history that belongs to no intent (a run that failed early or had nothing to do).
    func record(_ run: RunRecord) throws(StateStoreError)

    /// The newest runs, newest first; of all tables when `table` is nil.
    func runs(table: String?, limit: Int) throws(StateStoreError) -> [RunRecord]

    /// Takes the lease of a table, or renews it when `holder` has it. A lease that ran out may be taken by anybody.
    /// - Parameter ttl: microseconds.
    /// - Throws: `leaseHeld` when another holder's lease has not run out at `now`.
    @discardableResult
    func takeLease(table: String, holder: String, ttl: Int64, now: Timestamp) throws(StateStoreError) -> Lease

    /// Extends a lease that `holder` has, even one that ran out as long as nobody else took it.
    /// - Throws: `leaseLost` when `holder` does not have it.
    @discardableResult
    func renewLease(table: String, holder: String, ttl: Int64, now: Timestamp) throws(StateStoreError) -> Lease

    /// Who has the lease of a table, also when it ran out; nil when nobody took it.
    func currentLease(table: String) throws(StateStoreError) -> Lease?

    /// Gives the lease back; harmless when `holder` does not have it.
    func releaseLease(table: String, holder: String) throws(StateStoreError)

    // MARK: Maintenance

    /// Records the files that a maintenance run is about to write, before the first of them is written.
    /// - Throws: `intentExists` when the id is open already, be it by this very call whose reply was lost.
    func openMaintenance(_ intent: MaintenanceIntent) throws(StateStoreError)

    /// Adds files to an open intent, before they are written; those that it has already are passed over.
    /// - Throws: `noSuchIntent` when it is not open.
    func addMaintenanceFiles(_ files: [String], id: String) throws(StateStoreError)

    /// Closes an intent; its files are live or left for the search for orphans. False when it was not open.
    @discardableResult
    func closeMaintenance(id: String) throws(StateStoreError) -> Bool

    /// Open intents of maintenance, oldest first; of all tables when `table` is nil.
    func maintenanceIntents(table: String?) throws(StateStoreError) -> [MaintenanceIntent]

    /// Adds a line to maintenance's history. A line of the same run, table and verb is replaced, so calling again does no harm.
    func recordMaintenance(_ run: MaintenanceRun) throws(StateStoreError)

    /// The newest lines of maintenance's history, newest first; of all tables or verbs where nil.
    func maintenanceRuns(table: String?, verb: String?, limit: Int) throws(StateStoreError) -> [MaintenanceRun]

    /// Adds a line to the audit log.
    func recordAudit(_ record: AuditRecord) throws(StateStoreError)

    /// The newest lines of the audit log, newest first; of all tables when `table` is nil.
    func audits(table: String?, limit: Int) throws(StateStoreError) -> [AuditRecord]
}

extension StateStore {
    /// What `boundTable` gives between `forgetTable` and `bindTable`; no UUID.
    public static var forgotten: String { "" }

    /// Closes an intent of a stream, which has no watermark.
    public func settle(batchID: String, _ outcome: IntentOutcome, run: RunRecord) throws(StateStoreError) {
        try settle(batchID: batchID, outcome, run: run, watermark: nil)
    }

    public func setWatermark(_ watermark: Watermark) throws(StateStoreError) { try setWatermark(watermark, allowingRewind: false) }
}

/// What a batch is about to do.
public struct Intent: Equatable, Sendable {
    public var batchID: String
    public var table: String
    public var createdAt: Timestamp
    /// Locations of the files that the batch writes.
    public var files: [String]
    /// Trade ids of the batch's rows. Kept coalesced.
    public var ranges: [IdentityRange]
    /// Identities of rows without a numeric id.
    public var keys: [IdentityKey]
    /// `stream`, `window` or `backfill`.
    public var kind: String
    /// What is offloaded; nil for streams.
    public var window: OffloadWindow?

    public init(
        batchID: String, table: String, createdAt: Timestamp, files: [String], ranges: [IdentityRange] = [], keys: [IdentityKey] = [],
        kind: String = "stream", window: OffloadWindow? = nil
    ) {
        self.batchID = batchID
        self.table = table
        self.createdAt = createdAt
        self.files = files
        self.ranges = ranges
        self.keys = keys
        self.kind = kind
        self.window = window
    }
}

/// The rows whose `loaded_at` lies after `from` and not after `to`.
public struct OffloadWindow: Equatable, Hashable, Sendable {
    public var from: Timestamp
    public var to: Timestamp

    public init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
    }
}

/// A row's identity where there is no numeric id, and what is remembered with it.
public struct IdentityKey: Equatable, Hashable, Sendable {
    /// A 16-byte digest.
    public var digest: [UInt8]
    /// A revision, or 0. When a key is loaded again the larger value stays.
    public var value: Int64

    public init(digest: [UInt8], value: Int64) {
        self.digest = digest
        self.value = value
    }
}

public enum IntentOutcome: String, Equatable, Sendable {
    /// The batch's commit is in the table.
    case committed
    /// The commit is not in the table and its files are gone.
    case forgotten
}

/// One line of history.
public struct RunRecord: Equatable, Sendable {
    public var table: String
    public var batchID: String?
    public var startedAt: Timestamp
    public var endedAt: Timestamp
    public var rows: Int64
    public var files: Int64
    public var bytes: Int64
    public var snapshotID: Int64?
    /// `committed`, `forgotten`, `empty`, `failed` …
    public var status: String
    public var error: String?
    public var windowFrom: Timestamp?
    public var windowTo: Timestamp?
    /// `stream`, `window` or `backfill`.
    public var kind: String

    public init(
        table: String, batchID: String? = nil, startedAt: Timestamp, endedAt: Timestamp, rows: Int64 = 0, files: Int64 = 0, bytes: Int64 = 0,
        snapshotID: Int64? = nil, status: String, error: String? = nil, windowFrom: Timestamp? = nil, windowTo: Timestamp? = nil,
        kind: String = "stream"
    ) {
        self.table = table
        self.batchID = batchID
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.rows = rows
        self.files = files
        self.bytes = bytes
        self.snapshotID = snapshotID
        self.status = status
        self.error = error
        self.windowFrom = windowFrom
        self.windowTo = windowTo
        self.kind = kind
    }
}

/// Who may write to a table, and until when.
public struct Lease: Equatable, Sendable {
    public var table: String
    public var holder: String
    public var expiresAt: Timestamp

    public init(table: String, holder: String, expiresAt: Timestamp) {
        self.table = table
        self.holder = holder
        self.expiresAt = expiresAt
    }
}
