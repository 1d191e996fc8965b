import K2Domain
import K2Iceberg
import K2Rows
import K2StateStore

/// How tables are offloaded.
public struct OffloadOptions: Sendable {
    /// How old a row must be, by ClickHouse's clock, to be taken, µs.
    public var safetyLag: Int64 = 60_000_000
    /// How far before the watermark late rows are looked for, µs.
    public var lookback: Int64 = 900_000_000
    /// Rows of one commit, about.
    public var maxRows = 1_000_000
    /// Bytes of rows held in memory for one commit, about; writing them takes as much again. A table's share when several are done at a time.
    public var maxBytes = 96 << 20
    /// Bytes of a data file, about.
    public var targetFileSize = 128 << 20

    public init() {}
}

/// What an offload of one table did.
public struct TableOutcome: Equatable, Sendable {
    public var table: String
    public var rows: Int64 = 0
    public var files: Int64 = 0
    public var bytes: Int64 = 0
    public var commits = 0
    /// Rows that the lake had already, those that came late not counted.
    public var duplicates = 0
    /// Of the added rows, those that were stamped before the watermark.
    public var lateRows: Int64 = 0
    /// Everything up to here is in the lake.
    public var position: Timestamp
    /// ClickHouse's clock.
    public var clock: Timestamp
    public var snapshotID: Int64?
    /// µs.
    public var duration: Int64 = 0

    mutating func add(_ report: CommitReport) {
        rows += report.rows
        files += report.files
        bytes += report.bytes
        commits += 1
        snapshotID = report.snapshotID
    }
}

/// How far the offload of one table is.
public struct OffloadProgress: Equatable, Sendable {
    /// Rows that were read, those that turned out to be known included.
    public var rows = 0
    /// Rows that there are to read, as they were counted.
    public var total = 0

    public init(rows: Int = 0, total: Int = 0) {
        self.rows = rows
        self.total = total
    }
}

/// Brings what is new in one table of the warm store into the lake, exactly once.
///
/// The steps are those of `docs/adr/0008-offload.md`: lease, reconcile, window, and for each batch of it intent, files, commit, watermark.
public struct TableOffload {
    private let stores: LakeStores
    private let source: any WarmSource
    private let definition: TableDefinition
    private let options: OffloadOptions
    /// Told as it happens, a line each.
    private let note: (String) -> Void
    /// Asked between batches.
    private let isStopped: () -> Bool
    /// Told after each block of rows.
    private let progress: (OffloadProgress) -> Void

    public init(
        _ definition: TableDefinition, from source: any WarmSource, to stores: LakeStores, options: OffloadOptions,
        isStopped: @escaping () -> Bool = { false }, progress: @escaping (OffloadProgress) -> Void = { _ in }, note: @escaping (String) -> Void
    ) {
        self.definition = definition
        self.source = source
        self.stores = stores
        self.options = options
        self.isStopped = isStopped
        self.progress = progress
        self.note = note
    }

    private var name: String { definition.coldName }

    /// One try.
    /// - Throws: `LakeError`.
    @discardableResult
    public func run() throws -> TableOutcome {
        try LakeError.naming(name) {
            try stores.takeLease(name)
            defer { try? stores.state.releaseLease(table: name, holder: stores.holder) }
            let started = stores.now
            do {
                return try offload(started)
            } catch {
                if isStopped() { throw LakeError(.stopped, "\(name): stopped") }
                try? noteFailure(error, started)
                throw error
            }
        }
    }

    private func offload(_ started: Timestamp) throws -> TableOutcome {
        for line in try StateBinding(stores: stores, definition: definition).settle() { note(line) }
        try checkColumns()
        var committer = TableCommitter(stores: stores, definition: definition, targetFileSize: options.targetFileSize)
        let table = try committer.openTable()
        committer.tableUUID = table.metadata.tableUUID
        let before = try LakeMemory(stores: stores, definition: definition).watermark(table, note: note)
        let clock = try source.clock()
        let ahead = WarmSelection(.loaded(after: clock, through: LoadWindow.end))
        let window = LoadWindow.choose(
            before, server: clock, local: stores.now, safetyLag: options.safetyLag, lookback: options.lookback,
            hasRowsAhead: try source.count(of: definition, ahead) > 0)
        if window.hasClockSteppedBack { note("\(name): ClickHouse's clock was set back: what came since the last run is looked at again") }
        var watermark = before ?? Watermark(table: name, position: Timestamp(microseconds: 0), status: "running", updatedAt: started)
        watermark.status = "running"
        watermark.rowCount = 0
        watermark.updatedAt = started
        try stores.state.setWatermark(watermark)
        var work = OffloadWork(
            reader: BatchReader(stores: stores, source: source, definition: definition, maxBytes: options.maxBytes, progress: progress),
            committer: committer, watermark: watermark,
            outcome: TableOutcome(table: name, position: watermark.position, clock: clock))
        try work.run(window, options, isStopped)
        work.outcome.duration = stores.now.microseconds - started.microseconds
        try noteSuccess(&work, clock, started)
        return work.outcome
    }

    /// Only the columns of the definition go cold; the server must have them all.
    private func checkColumns() throws {
        let found = try source.columns(of: definition)
        guard !found.isEmpty else {
            throw LakeError(.configuration, "\(name): ClickHouse has no table \(definition.warmName)", hint: "k2-load init makes the tables")
        }
        for column in definition.columns where !found.contains(column.name) {
            throw LakeError(.configuration, "\(name): column \(column.name) is missing in ClickHouse's \(definition.warmName)", hint: "k2-load init brings its tables up to date")
        }
        let extra = found.filter { definition.column($0) == nil && !Self.ownColumns.contains($0) }
        if !extra.isEmpty { note("\(name): not taken along, only ClickHouse has \(extra.count == 1 ? "column" : "columns") \(extra.joined(separator: ", "))") }
    }

    /// Columns that the warm store has for itself.
    private static let ownColumns: Set<String> = ["loaded_at", "version"]

    private func noteSuccess(_ work: inout OffloadWork, _ clock: Timestamp, _ started: Timestamp) throws {
        var watermark = work.watermark
        watermark.status = "success"
        watermark.lastSuccess = stores.now
        watermark.lastDuration = stores.now.microseconds - started.microseconds
        watermark.failureCount = 0
        watermark.lastError = nil
        watermark.serverClock = clock
        watermark.localClock = started
        watermark.updatedAt = stores.now
        try stores.state.setWatermark(watermark)
        if work.outcome.commits > 0 { return }
        try stores.state.record(
            RunRecord(
                table: name, startedAt: started, endedAt: stores.now, status: "empty", windowFrom: watermark.position, windowTo: watermark.position,
                kind: BatchKind.window.rawValue))
    }

    /// A table that has no watermark yet gets none: it would say that the table is known.
    private func noteFailure(_ error: any Error, _ started: Timestamp) throws {
        if var watermark = try stores.state.watermark(table: name) {
            watermark.status = "failed"
            watermark.failureCount += 1
            watermark.lastError = "\(error)"
            watermark.lastDuration = stores.now.microseconds - started.microseconds
            watermark.updatedAt = stores.now
            try stores.state.setWatermark(watermark)
        }
        try stores.state.record(RunRecord(table: name, startedAt: started, endedAt: stores.now, status: "failed", error: "\(error)", kind: BatchKind.window.rawValue))
    }
}
