import K2Domain
import K2Rows
import K2StateStore

/// The batches of one run over one table.
struct OffloadWork {
    let stores: LakeStores
    let source: any WarmSource
    let definition: TableDefinition
    let committer: TableCommitter
    var watermark: Watermark
    var outcome: TableOutcome

    mutating func run(_ window: LoadWindow, _ options: OffloadOptions, _ isStopped: () -> Bool) throws {
        // Payloads make rows of the bronze layer some times as large as others.
        let isLarge = definition.column("payload") != nil
        let plan = BatchPlan(table: definition, source: source, maxRows: isLarge ? max(options.maxRows / 3, 1) : options.maxRows)
        var table = try LakeTable(try LakeSchema(definition), state: stores.state)
        if let late = window.late, try hasUnknown(late, &table) {
            for batch in try plan.batches(after: late.after, through: late.through) {
                try mustGoOn(isStopped)
                outcome.lateRows += try commit(batch.selection, .late, OffloadWindow(from: late.after, to: watermark.position), nil, &table)
            }
        }
        guard let new = window.new else { return }
        for batch in try plan.batches(after: new.after, through: new.through) {
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
        try source.read(definition, selection, columns: table.identityColumns, isFinal: false, into: &buffer) { buffer, rows in
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
        try stores.renewLease(definition.coldName)
        try read(selection, isFinal: false, &table)
        if table.repeated > 0 {
            // Which of several rows of one identity counts is for ClickHouse to say.
            table = try LakeTable(table.schema, state: stores.state)
            try read(selection, isFinal: true, &table)
        }
        defer { table.startBatch() }
        outcome.duplicates += table.duplicates
        table.duplicates = 0
        guard table.buffer.liveCount > 0 else { return 0 }
        var origin = BatchOrigin(kind: kind, window: window, watermark: reached)
        origin.watermark?.rowCount = outcome.rows
        guard let report = try committer.commit(table, origin: origin) else { return 0 }
        outcome.rows += report.rows
        outcome.files += report.files
        outcome.bytes += report.bytes
        outcome.commits += 1
        outcome.snapshotID = report.snapshotID
        return report.rows
    }

    private func read(_ selection: WarmSelection, isFinal: Bool, _ table: inout LakeTable) throws {
        var buffer = RowBuffer(definition)
        swap(&buffer, &table.buffer)
        var renewed = stores.now
        try source.read(definition, selection, columns: Array(definition.columns.indices), isFinal: isFinal, into: &buffer) { buffer, rows in
            try table.judge(rows, of: &buffer)
            try stores.renewLease(definition.coldName, since: &renewed)
        }
        swap(&buffer, &table.buffer)
    }
}
