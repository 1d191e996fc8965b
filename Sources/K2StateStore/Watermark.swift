import K2Domain

/// How far a table is offloaded, and how its runs went.
public struct Watermark: Equatable, Sendable {
    public var table: String
    /// Everything loaded up to here is in the lake.
    public var position: Timestamp
    public var maxSequence: Int64?
    /// Rows of the last run.
    public var rowCount: Int64
    /// `running`, `success` or `failed`.
    public var status: String
    public var lastSuccess: Timestamp?
    /// Of the last run, in microseconds; stored in seconds.
    public var lastDuration: Int64
    /// Failed runs since the last success.
    public var failureCount: Int64
    public var lastError: String?
    /// The clock of ClickHouse at the last run, and ours at that moment.
    public var serverClock: Timestamp?
    public var localClock: Timestamp?
    public var updatedAt: Timestamp

    public init(
        table: String, position: Timestamp, maxSequence: Int64? = nil, rowCount: Int64 = 0, status: String,
        lastSuccess: Timestamp? = nil, lastDuration: Int64 = 0, failureCount: Int64 = 0, lastError: String? = nil,
        serverClock: Timestamp? = nil, localClock: Timestamp? = nil, updatedAt: Timestamp
    ) {
        self.table = table
        self.position = position
        self.maxSequence = maxSequence
        self.rowCount = rowCount
        self.status = status
        self.lastSuccess = lastSuccess
        self.lastDuration = lastDuration
        self.failureCount = failureCount
        self.lastError = lastError
        self.serverClock = serverClock
        self.localClock = localClock
        self.updatedAt = updatedAt
    }
}
