import K2Domain
import K2Iceberg
import K2Rows
import K2StateStore

/// Brings rows back into the lake that it lost: those of the warm store, in a range of event time, that no data file has.
///
/// What the lake has is read from its data files, not believed of the state store. The watermark stays where it is.
public struct Backfill {
    private let stores: LakeStores
    private let source: any WarmSource
    private let definition: TableDefinition
    private let options: OffloadOptions
    private let note: (String) -> Void
    private let isStopped: () -> Bool
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

    /// - Returns: what was added; `position` is the end of the range that was looked at.
    /// - Throws: `LakeError`.
    public func run(from: Timestamp, to: Timestamp) throws -> TableOutcome {
        try LakeError.naming(name) {
            try stores.takeLease(name)
            defer { try? stores.state.releaseLease(table: name, holder: stores.holder) }
            for line in try StateBinding(stores: stores, definition: definition).settle() { note(line) }
            var committer = TableCommitter(stores: stores, definition: definition, targetFileSize: options.targetFileSize)
            let table = try committer.openTable()
            committer.tableUUID = table.metadata.tableUUID
            if let line = try LakeMemory(stores: stores, definition: definition).catchUp(table) { note(line) }
            var outcome = TableOutcome(table: name, position: from, clock: try source.clock())
            var start = from
            while start < to, !isStopped() {
                let end = min(to, Timestamp(microseconds: (start.day + 1) * Timestamp.microsecondsPerDay))
                try fill(start, end, committer, &outcome)
                outcome.position = end
                start = end
            }
            return outcome
        }
    }

    /// One UTC day, or a part of one.
    private func fill(_ from: Timestamp, _ to: Timestamp, _ committer: TableCommitter, _ outcome: inout TableOutcome) throws {
        let span = WarmSelection.Span.event(from: from, to: to)
        let rows = try source.count(of: definition, WarmSelection(span))
        if rows == 0 { return }
        var table = try remembered(from, to, committer)
        let parts = (rows + options.maxRows - 1) / options.maxRows
        let reader = BatchReader(stores: stores, source: source, definition: definition, maxBytes: options.maxBytes, progress: progress)
        var count = OffloadProgress(rows: 0, total: rows)
        let origin = BatchOrigin(kind: .backfill, window: OffloadWindow(from: from, to: to))
        func commit(_ table: inout LakeTable) throws {
            outcome.duplicates += table.duplicates
            table.duplicates = 0
            if table.buffer.liveCount > 0, let report = try committer.commit(table, origin: origin) { outcome.add(report) }
            table.startBatch()
        }
        for index in 0..<parts where !isStopped() {
            try stores.renewLease(name)
            let selection = WarmSelection(span, part: parts == 1 ? nil : .init(index: index, count: parts))
            // FINAL costs little here, and rows that were replaced are none that the lake lost.
            try reader.read(selection, isFinal: true, into: &table, &count, full: commit)
            try commit(&table)
        }
    }

    /// A table whose ledger has the rows that the lake's files hold between `from` and `to`, and around.
    private func remembered(_ from: Timestamp, _ to: Timestamp, _ committer: TableCommitter) throws -> LakeTable {
        let metadata = try committer.openTable().metadata
        let shape = try LakeSchema(definition, of: metadata)
        var table = LakeTable(shape, ledger: IdentityLedger(table: name))
        let memory = LakeMemory(stores: stores, definition: definition)
        for file in try TableFiles(metadata: metadata, store: stores.objects).dataFiles() where shape.mayHold(file, from..<to) {
            _ = try memory.scan(try LakeFile(file, in: stores.objects, shape), shape, &table)
        }
        table.startBatch()
        table.duplicates = 0
        return table
    }
}

extension LakeSchema {
    /// False only when the bounds of the file prove that it has no row with an event time in `range`.
    func mayHold(_ file: DataFile, _ range: Range<Timestamp>) -> Bool {
        let id = fieldIDs[definition.index(of: definition.timeColumn)!]
        guard case .timestamp(let low)? = file.lowerBounds[id].flatMap({ Datum(singleValue: $0, type: .timestamptz) }),
            case .timestamp(let high)? = file.upperBounds[id].flatMap({ Datum(singleValue: $0, type: .timestamptz) })
        else { return true }
        return low < range.upperBound.microseconds && high >= range.lowerBound.microseconds
    }
}
