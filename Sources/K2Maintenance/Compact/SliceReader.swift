import K2Iceberg
import K2Lake
import K2Parquet

/// Reads the leaves of a slice, piece by piece in the order of its inputs.
struct SliceReader {
    let slice: GroupSlice
    let table: TableColumns

    private var inputs: [GroupInput] { slice.inputs }

    /// Some rows of one leaf.
    struct Piece {
        /// Nil for rows of a file that has no such column and nothing beside it: the leaf is null.
        var column: LeafColumn?
        var map: LevelMap
        var conversion: LeafConversion
        /// Of the piece's rows, those that are left.
        var rows: [Range<Int>]
        var rowCount: Int
        /// Number of the first of them among the slice's rows.
        var start: Int

        var factor: Int64 { conversion == .milliseconds ? 1_000 : 1 }
    }

    /// - Parameters:
    ///   - room: bytes that a page and what belongs to it may take; whatever is kept of the pieces, the caller takes from it.
    func forEachPiece(_ leaf: Int, room: Int, _ body: (Piece) throws -> Void) throws {
        try forEachPiece(leaf, admit: { try check($0, room, leaf) }, body)
    }

    /// - Parameter admit: see `LeafPageStream`.
    func forEachPiece(_ leaf: Int, admit: @escaping PageAdmission, _ body: (Piece) throws -> Void) throws {
        var start = 0
        for part in slice.parts {
            try forEachPiece(leaf, part, start, admit, body)
            start += part.liveCount
        }
    }

    /// - Throws: when a page takes more than all the memory that there is for it.
    func check(_ page: Int, _ room: Int, _ leaf: Int) throws {
        guard page > room else { return }
        throw IcebergError(.unsupported, "column \(table.leaves[leaf].name): a page that takes \(page) bytes in memory; --max-memory leaves \(room)")
    }

    private func forEachPiece(
        _ leaf: Int, _ part: GroupSlice.Part, _ first: Int, _ admit: @escaping PageAdmission, _ body: (Piece) throws -> Void
    ) throws {
        let input = inputs[part.input]
        let (column, map, conversion): (Int, LevelMap, LeafConversion)
        switch input.leaves.sources[leaf] {
        case .column(let number, let levels, let how): (column, map, conversion) = (number, levels, how)
        case .missing(let neighbour?): (column, map, conversion) = (neighbour.column, neighbour.levels, .same)
        case .constant(let constant):
            for start in stride(from: 0, to: part.liveCount, by: Self.constantRows) {
                let count = min(Self.constantRows, part.liveCount - start)
                let column = constant.column(rows: count)
                try body(Piece(column: column, map: constant.levels, conversion: .same, rows: [0..<count], rowCount: count, start: first + start))
            }
            return
        case .missing(nil):
            return try body(
                Piece(column: nil, map: Self.nothing, conversion: .same, rows: [0..<part.liveCount], rowCount: part.liveCount, start: first))
        }
        var start = first
        for group in input.file.rowGroups {
            var rows = input.file.rows(of: group)
            if rows.overlaps(part.rows) == false { continue }
            let path = input.file.file.path
            let admit: PageAdmission = { bytes in
                do { try admit(bytes) } catch let error as IcebergError { throw IcebergError(error.code, "\(path): \(error.message)") }
            }
            try input.file.pieces(column, rowGroup: group, admit: admit) { piece in
                let all = rows.lowerBound..<rows.lowerBound + piece.rowCount
                rows = all.upperBound..<max(rows.upperBound, all.upperBound)
                let wanted = all.clamped(to: part.rows)
                if wanted.isEmpty { return }
                let shift = wanted.lowerBound - all.lowerBound
                let runs = input.runs(wanted).map { $0.lowerBound + shift..<$0.upperBound + shift }
                let count = runs.reduce(0) { $0 + $1.count }
                if count == 0 { return }
                try body(Piece(column: piece, map: map, conversion: conversion, rows: runs, rowCount: count, start: start))
                start += count
            }
        }
        guard start - first == part.liveCount else {
            throw IcebergError(.malformed, "\(input.file.file.path): column \(table.leaves[leaf].name): found \(start - first) rows, expected \(part.liveCount)")
        }
    }

    /// What footers say about the size of a leaf's entries in memory.
    struct ColumnSize {
        var entries: Int
        /// Of byte strings, about.
        var bytes: Int

        /// The part of some rows of all.
        func scaled(_ rows: Int, of all: Int) -> ColumnSize {
            if rows == all || all == 0 { return self }
            let share = Double(rows) / Double(all) * 1.05
            return ColumnSize(entries: Int(Double(entries) * share) + 64, bytes: Int(Double(bytes) * share))
        }
    }

    func size(of leaf: Int) -> ColumnSize {
        var size = ColumnSize(entries: 0, bytes: 0)
        for part in slice.parts {
            guard case .column(let number, _, _) = inputs[part.input].leaves.sources[leaf] else {
                size.entries += part.liveCount
                continue
            }
            let file = inputs[part.input].file
            for group in file.rowGroups {
                let rows = file.rows(of: group)
                let wanted = rows.clamped(to: part.rows)
                if wanted.isEmpty { continue }
                let chunk = file.reader.metadata.rowGroups[group].columns[number]
                let whole = ColumnSize(entries: Int(chunk.valueCount), bytes: Int(clamping: chunk.totalUncompressedSize))
                let share = whole.scaled(inputs[part.input].liveCount(wanted), of: rows.count)
                size.entries += share.entries
                size.bytes += share.bytes
            }
        }
        size.entries = max(size.entries, slice.rowCount)
        return size
    }

    /// Of all files that are open.
    var chunkCount: Int { inputs.reduce(0) { $0 + $1.file.reader.metadata.rowGroups.count * $1.file.reader.schema.leaves.count } }

    /// Bytes of the largest column in memory, about: encodings of byte strings may be shorter by far than what they stand for.
    var largestColumn: Int {
        table.leaves.indices.map { leaf in
            let size = size(of: leaf)
            let width =
                switch table.leaves[leaf].type {
                case .long, .double, .time, .timestamp, .timestamptz: 8
                case .decimal, .uuid: 16
                default: 4
                }
            let isText = [.string, .binary].contains(table.leaves[leaf].type)
            return size.entries * width + (isText ? size.bytes * 2 : 0)
        }.max() ?? 0
    }

    /// Rows at once of a column that has one value in all of them.
    private static let constantRows = 1 << 16
    private static let nothing = LevelMap(levels: [0], maxRepetition: 0, present: nil, isIdentity: false)
}

extension SliceReader.Piece {
    /// Nil when the file has no such column.
    func found() throws(ParquetError) -> PieceRows? {
        guard let column else { return nil }
        return try PieceRows(column, map, rows: rows)
    }
}

extension LeafBatch {
    /// Appends the rows of a piece, in which `found` was found.
    mutating func append(_ found: PieceRows?, of piece: SliceReader.Piece) throws(ParquetError) {
        if let found { try append(found, factor: piece.factor) } else { append(nulls: piece.rowCount) }
    }

    /// Appends those rows of a piece that are in `set`.
    mutating func append(_ piece: SliceReader.Piece, onlyIn set: RowSet) throws(ParquetError) {
        let rows = piece.members(of: set)
        if rows.isEmpty { return }
        guard let column = piece.column else { return append(nulls: rows.reduce(0) { $0 + $1.count }) }
        try append(try PieceRows(column, piece.map, rows: rows), factor: piece.factor)
    }
}

extension SliceReader.Piece {
    fileprivate func members(of set: RowSet) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var number = start
        for range in rows {
            for row in range {
                if set.contains(number) {
                    if let last = found.last, last.upperBound == row {
                        found[found.count - 1] = last.lowerBound..<row + 1
                    } else {
                        found.append(row..<row + 1)
                    }
                }
                number += 1
            }
        }
        return found
    }
}
