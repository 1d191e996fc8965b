import K2ClickHouse
import K2Domain
import K2Iceberg
import K2Lake
import K2Rows

/// Fetches the rows that are shown one by one, from both sides.
struct ShownRows {
    let comparison: RowComparison

    struct Entry {
        var found: Discrepancy
        /// The file of the lake's row.
        var file: DataFile?
    }

    private var identity: [String] { comparison.cold.schema.definition.identity }

    func rows(_ entries: [Entry]) throws -> [RowFindings.Row] {
        if entries.isEmpty { return [] }
        let warm = try warmRows(entries)
        return try entries.map { try row($0, warm) }
    }

    /// The warm rows of these identities, whatever their time, and where each is.
    private func warmRows(_ entries: [Entry]) throws -> (buffer: RowBuffer, places: [UInt64: Int]) {
        let table = comparison.cold.schema.definition
        var buffer = RowBuffer(table)
        let (low, high) = (entries.map(\.found.time).min()!, entries.map(\.found.time).max()!)
        let span = Timestamp(microseconds: low)..<Timestamp(microseconds: high + 1)
        let wanted = entries.compactMap { $0.found.warm?.identity }
        var places: [UInt64: Int] = [:]
        if wanted.isEmpty { return (buffer, places) }
        let around = max(comparison.range.lowerBound, AuditHour.start(AuditHour.of(span.lowerBound.microseconds)))
            ..< min(comparison.range.upperBound, AuditHour.start(AuditHour.of(span.upperBound.microseconds) + 1))
        try comparison.reader.rows(comparison.source(around), of: table, identities: wanted, into: &buffer)
        for (row, hash) in buffer.hashes(of: 0..<buffer.rowCount, columns: identity).enumerated() { places[hash] = row }
        return (buffer, places)
    }

    private func row(_ entry: Entry, _ warm: (buffer: RowBuffer, places: [UInt64: Int])) throws -> RowFindings.Row {
        let place = warm.places[entry.found.identity]
        var cold: RowBuffer?
        if let file = entry.file, let print = entry.found.cold {
            cold = try comparison.scan.row(file, rowGroup: Int(print.rowGroup), position: Int(print.position))
        }
        var shown = RowFindings.Row(
            kind: entry.found.kind.rawValue, identity: names(cold, 0) ?? place.flatMap { names(warm.buffer, $0) } ?? [],
            time: Timestamp(microseconds: entry.found.time), file: entry.file?.path)
        if entry.found.kind == .differs, let cold { shown.columns = changes(cold, place.map { (warm.buffer, $0) }) }
        return shown
    }

    private func names(_ buffer: RowBuffer?, _ row: Int) -> [(name: String, value: String)]? {
        guard let buffer, row < buffer.rowCount else { return nil }
        return identity.compactMap { name in buffer.definition.index(of: name).map { (name, ValueText.plain(buffer.columns[$0], row)) } }
    }

    /// The columns in which the rows differ.
    private func changes(_ cold: RowBuffer, _ warm: (buffer: RowBuffer, row: Int)?) -> [(name: String, warm: String?, cold: String?)] {
        comparison.scan.columns.compactMap { index in
            let name = cold.definition.columns[index].name
            guard let warm else { return nil }
            let isEqual = cold.hashes(of: 0..<1, columns: [name]) == warm.buffer.hashes(of: warm.row..<warm.row + 1, columns: [name])
            return isEqual ? nil : (name, ValueText.json(warm.buffer.columns[index], warm.row), ValueText.json(cold.columns[index], 0))
        }
    }
}
