import K2Domain
import K2Rows
import K2StateStore

/// The batches of one run over one table.
struct OffloadWork {
    let reader: BatchReader
    let committer: TableCommitter
    var watermark: Watermark
    var outcome: TableOutcome
    private var progress = OffloadProgress()
    /// When the lease was taken or renewed last.
    private var renewed: Timestamp

    private var stores: LakeStores { reader.stores }
    private var definition: TableDefinition { reader.definition }

    init(reader: BatchReader, committer: TableCommitter, watermark: Watermark, outcome: TableOutcome) {
        self.reader = reader
        self.committer = committer
        self.watermark = watermark
        self.outcome = outcome
        renewed = reader.stores.now
    }

    mutating func run(_ window: LoadWindow, _ options: OffloadOptions, _ isStopped: () -> Bool) throws {
        let plan = BatchPlan(table: definition, source: reader.source, maxRows: options.maxRows, maxBytes: options.maxBytes)
        var table = try LakeTable(try LakeSchema(definition), state: stores.state)
        if let late = window.late, try hasUnknown(late, &table) {
            let batches = try plan.batches(after: late.after, through: late.through)
            progress.total += batches.reduce(0) { $0 + $1.rows }
            for batch in batches {
                try mustGoOn(isStopped)
                outcome.lateRows += try commit(batch.selection, .late, OffloadWindow(from: late.after, to: watermark.position), nil, &table)
            }
        }
        guard let new = window.new else { return }
        let batches = try plan.batches(after: new.after, through: new.through)
        progress.total += batches.reduce(0) { $0 + $1.rows }
        for batch in batches {
            try mustGoOn(isStopped)
            var reached = watermark
            if let position = batch.reaches { reached.position = position }
            _ = try commit(batch.selection, .window, OffloadWindow(from: watermark.position, to: reached.position), reached, &table)
            if reached.position != watermark.position { try advance(to: reached.position) }
        }
        if watermark.position < new.through { try advance(to: new.through) }
    }

    private func mustGoOn(_ isStopped: () -> Bool) throws(LakeError) {
        if isStopped() { throw LakeError(.stopped, "\(definition.coldName): stopped") }
    }

    /// Notes how far the table is offloaded, where no commit did.
    private mutating func advance(to position: Timestamp) throws {
        watermark.position = position
        watermark.rowCount = outcome.rows
        watermark.updatedAt = stores.now
        outcome.position = position
        try stores.state.setWatermark(watermark)
    }

    /// Whether there is a row between `after` and `through` that the lake lacks. Only what tells rows apart is read.
    private func hasUnknown(_ range: (after: Timestamp, through: Timestamp), _ table: inout LakeTable) throws -> Bool {
        var buffer = RowBuffer(definition)
        var unknown = 0
        let selection = WarmSelection(.loaded(after: range.after, through: range.through))
        defer { table.startBatch() }
        try reader.source.read(definition, selection, columns: table.identityColumns, isFinal: false, into: &buffer) { buffer, rows in
            unknown += try table.countUnknown(rows, of: buffer)
            buffer.removeAll()
            table.markets.removeAll(keepingCapacity: true)
        }
        return unknown > 0
    }

    /// Commits the rows of a selection that the lake lacks.
    /// - Returns: their number.
    private mutating func commit(
        _ selection: WarmSelection, _ kind: BatchKind, _ window: OffloadWindow, _ reached: Watermark?, _ table: inout LakeTable
    ) throws -> Int64 {
        try stores.renewLease(definition.coldName, since: &renewed)
        let before = outcome.rows
        do {
            try reader.read(selection, isFinal: false, into: &table, &progress)
        } catch is BatchReader.NoRoom {
            // Wider rows than were to be expected.
            try commitInParts(selection, kind, window, &table)
        }
        if table.repeated > 0 {
            // Which of several rows of one identity counts is for ClickHouse to say.
            try commitInParts(selection, kind, window, &table)
        }
        try commitWaiting(kind, window, reached, &table)
        return outcome.rows - before
    }

    /// Reads a selection without its replaced rows, and commits whenever there is no room for more. The last rows are left in the table.
    private mutating func commitInParts(_ selection: WarmSelection, _ kind: BatchKind, _ window: OffloadWindow, _ table: inout LakeTable) throws {
        table = try LakeTable(table.schema, state: stores.state)
        var (work, count) = (self, progress)
        count.rows = 0
        try reader.read(selection, isFinal: true, into: &table, &count) { table in try work.commitWaiting(kind, window, nil, &table) }
        self = work
        progress = count
    }

    /// Commits the rows that wait in `table`, and empties it.
    private mutating func commitWaiting(_ kind: BatchKind, _ window: OffloadWindow, _ reached: Watermark?, _ table: inout LakeTable) throws {
        defer { table.startBatch() }
        outcome.duplicates += table.duplicates
        table.duplicates = 0
        guard table.buffer.liveCount > 0 else { return }
        var origin = BatchOrigin(kind: kind, window: window, watermark: reached)
        origin.watermark?.rowCount = outcome.rows
        guard let report = try committer.commit(table, origin: origin) else { return }
        outcome.add(report)
    }
}
