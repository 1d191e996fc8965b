import K2ClickHouse
import K2Domain
import K2Rows

/// Finds the rows of a batch that are not in the table.
enum BatchCheck {
    /// Only what tells rows apart is read, of the times that the batch covers.
    /// - Returns: row numbers.
    static func missing(_ rows: RowBuffer, in source: any WarmSource) throws -> [UInt32] {
        let definition = rows.definition
        let columns = (definition.identity + ["revision", "is_final"]).compactMap { definition.index(of: $0) }.sorted()
        let times = rows.times
        guard let first = times.min(), let last = times.max() else { return [] }
        var waiting: [UInt128: [UInt32]] = [:]
        for row in 0..<rows.rowCount { waiting[rows.digest(of: row, columns: columns), default: []].append(UInt32(row)) }
        let range = WarmSelection.Span.event(from: Timestamp(microseconds: first), to: Timestamp(microseconds: last + 1))
        var buffer = RowBuffer(definition)
        try source.read(definition, WarmSelection(range, includesRunning: true), columns: columns, isFinal: false, into: &buffer) { buffer, found in
            for row in found { waiting[buffer.digest(of: row, columns: columns)] = nil }
            buffer.removeAll()
        }
        return waiting.values.flatMap { $0 }.sorted()
    }
}
