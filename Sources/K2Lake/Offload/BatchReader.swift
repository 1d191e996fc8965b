import K2Domain
import K2Rows
import K2StateStore

/// Reads rows of the warm store into a table's buffer, as many as there is room for.
struct BatchReader {
    let stores: LakeStores
    let source: any WarmSource
    let definition: TableDefinition
    /// Of rows held in memory.
    let maxBytes: Int
    let progress: (OffloadProgress) -> Void

    /// More rows came than there is room for.
    struct NoRoom: Error {}

    /// The rows of a selection that the table lacks.
    /// - Parameter isFinal: whether the store leaves out rows that were replaced.
    /// - Parameter full: called when there is no room for more; has to empty the table's buffer. Throws `NoRoom` by default.
    func read(
        _ selection: WarmSelection, isFinal: Bool, into table: inout LakeTable, _ count: inout OffloadProgress, full: (inout LakeTable) throws -> Void = { _ in throw NoRoom() }
    ) throws {
        var buffer = RowBuffer(definition)
        swap(&buffer, &table.buffer)
        var renewed = stores.now
        try source.read(definition, selection, columns: Array(definition.columns.indices), isFinal: isFinal, into: &buffer) { buffer, rows in
            try table.judge(rows, of: &buffer)
            try stores.renewLease(definition.coldName, since: &renewed)
            count.rows += rows.count
            progress(count)
            guard buffer.byteCount + table.ledger.byteCount > maxBytes else { return }
            swap(&buffer, &table.buffer)
            try full(&table)
            swap(&buffer, &table.buffer)
        }
        swap(&buffer, &table.buffer)
    }
}
