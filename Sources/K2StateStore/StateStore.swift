import K2Domain

/// What offload must remember between runs: intents, what the lake already holds, leases, history.
///
/// Every operation is one transaction. Implementations serve one thread.
public protocol StateStore: AnyObject {
    /// Records what a batch is about to write, before its first file is written.
    /// - Throws: `intentExists` when the batch id is open already.
    func openIntent(_ intent: Intent) throws(StateStoreError)

    /// Closes an intent. Committed: its ranges and keys join those of the lake. Both: the run is recorded.
    /// - Throws: `noSuchIntent` when the batch id is not open (it was settled before).
    func settle(batchID: String, _ outcome: IntentOutcome, run: RunRecord) throws(StateStoreError)

    /// Open intents, oldest first; of all tables when `table` is nil.
    func openIntents(table: String?) throws(StateStoreError) -> [Intent]

    /// The trade ids that the lake table holds, disjoint and not adjacent, by exchange, symbol and first id.
    func loadedRanges(table: String) throws(StateStoreError) -> [IdentityRange]

    /// The value stored with a key of a lake table, or nil when the table does not hold the key.
    func loadedValue(table: String, key: [UInt8]) throws(StateStoreError) -> Int64?

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

    public init(batchID: String, table: String, createdAt: Timestamp, files: [String], ranges: [IdentityRange] = [], keys: [IdentityKey] = []) {
        self.batchID = batchID
        self.table = table
        self.createdAt = createdAt
        self.files = files
        self.ranges = ranges
        self.keys = keys
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

    public init(
        table: String, batchID: String? = nil, startedAt: Timestamp, endedAt: Timestamp, rows: Int64 = 0, files: Int64 = 0, bytes: Int64 = 0,
        snapshotID: Int64? = nil, status: String, error: String? = nil
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
