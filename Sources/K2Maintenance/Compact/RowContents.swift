import K2Domain
import K2Iceberg
import K2Lake
import K2Parquet

/// What the rows of one of K2's tables say, beside the way on which they came: two rows of one identity that say the same are one row taken in twice,
/// others contradict each other.
struct RowContents {
    private let table: TableColumns
    private let digests: [LeafDigest]

    /// Columns that tell how and when a row came, and may differ when it came twice.
    private static let arrival: Set<String> = [
        "message_id", "origin", "ingestion_timestamp", "event_time", "payload", "kafka_partition", "kafka_offset",
    ]

    init(_ definition: TableDefinition, _ metadata: TableMetadata) throws(IcebergError) {
        let names = Set(definition.columns.map(\.name)).subtracting(definition.identity).subtracting(Self.arrival)
        let schema = try Schema(schemaID: metadata.currentSchemaID, fields: metadata.currentSchema.fields.filter { names.contains($0.name) })
        table = TableColumns(schema, mapping: try metadata.nameMapping, specs: metadata.partitionSpecs)
        digests = table.digests(table.leafTypes)
    }

    /// Calls `body` with digests of rows, a row group at a time, and the numbers of these rows in the file.
    func forEachBlock(_ file: TableFile, _ body: (RowDigests, Range<Int>) -> Void) throws {
        let sources = try file.leaves(table).sources
        var rows = RowDigests(count: 0)
        for group in file.rowGroups {
            let range = file.rows(of: group)
            rows.reset(count: range.count)
            for (leaf, source) in zip(digests, sources) { try add(source, leaf, file, group, count: range.count, to: &rows) }
            body(rows, range)
        }
    }

    private func add(_ source: LeafSource, _ leaf: LeafDigest, _ file: TableFile, _ group: Int, count: Int, to rows: inout RowDigests) throws {
        var totals = LeafTotals()
        func add(_ piece: LeafColumn, _ levels: LevelMap, at start: Int, factor: Int64 = 1) throws {
            rows.add(try PieceRows(piece, levels, rows: [0..<piece.rowCount]), at: start, leaf: leaf, factor: factor, totals: &totals)
        }
        func add(_ column: Int, _ levels: LevelMap, factor: Int64 = 1) throws {
            var start = 0
            try file.pieces(column, rowGroup: group) { piece in
                try add(piece, levels, at: start, factor: factor)
                start += piece.rowCount
            }
        }
        switch source {
        case .column(let column, let levels, let conversion): try add(column, levels, factor: conversion == .milliseconds ? 1_000 : 1)
        case .missing(let neighbour?): try add(neighbour.column, neighbour.levels)
        // Null in all rows, which adds nothing.
        case .missing(nil): break
        case .constant(let constant): try add(constant.column(rows: count), constant.levels, at: 0)
        }
    }
}
