/// The entries of some rows of a piece of a file's column, in another schema's levels.
struct EntryChoice {
    let rowCount: Int
    /// Where each row starts among the chosen entries; empty while each row is one entry.
    private(set) var starts: [UInt32] = []
    /// A level for each entry.
    private(set) var definitions: [UInt8] = []
    /// Empty while each row is one entry.
    private(set) var repetitions: [UInt8] = []
    /// For each entry its value's number in the piece, or -1.
    private(set) var places: [Int32] = []
    private(set) var hasNulls = false

    /// Entries that lie together in the piece, and how many values lie before them.
    private struct Span {
        var entries: Range<Int>
        var value: Int
    }

    /// - Parameter rows: ascending ranges of the piece's rows.
    /// - Throws: `malformed` for a null where none may be.
    init(_ piece: LeafColumn, _ map: LevelMap, _ rows: [Range<Int>]) throws(ParquetError) {
        rowCount = rows.reduce(0) { $0 + $1.count }
        for span in try Self.spans(piece, rows) {
            guard takeLevels(of: span, piece, map) else { throw ParquetError(.malformed, piece.leaf.name, "null where the table wants a value") }
            takePlaces(of: span, piece, isThere: map.present == UInt8(piece.leaf.maxDefinition))
            repetitions += piece.repetitionLevels.isEmpty ? [] : piece.repetitionLevels[span.entries]
        }
        if piece.leaf.maxRepetition > Int(map.maxRepetition), !repetitions.isEmpty { drop(deeperThan: map.maxRepetition) }
        if definitions.count == rowCount { repetitions = [] } else { findStarts() }
    }

    // MARK: Where the rows are

    private static func spans(_ piece: LeafColumn, _ rows: [Range<Int>]) throws(ParquetError) -> [Span] {
        if rows.count == 1, rows[0] == 0..<piece.rowCount { return [Span(entries: 0..<piece.entryCount, value: 0)] }
        var spans: [Span] = []
        var (entry, row, value) = (0, 0, 0)
        for range in rows {
            let start = try skip(range.lowerBound - row, of: piece, from: entry)
            value += valueCount(piece, entry..<start)
            let end = try skip(range.count, of: piece, from: start)
            spans.append(Span(entries: start..<end, value: value))
            value += valueCount(piece, start..<end)
            (entry, row) = (end, range.upperBound)
        }
        return spans
    }

    /// The entry behind so many rows.
    private static func skip(_ rows: Int, of piece: LeafColumn, from entry: Int) throws(ParquetError) -> Int {
        var end = entry
        if piece.repetitionLevels.isEmpty {
            end += rows
        } else {
            for _ in 0..<rows {
                end += 1
                while end < piece.entryCount, piece.repetitionLevels[end] != 0 { end += 1 }
            }
        }
        guard end <= piece.entryCount else { throw ParquetError(.malformed, piece.leaf.name, "fewer rows than were announced") }
        return end
    }

    private static func valueCount(_ piece: LeafColumn, _ entries: Range<Int>) -> Int {
        if piece.definitionLevels.isEmpty { return entries.count }
        let present = UInt8(piece.leaf.maxDefinition)
        return piece.definitionLevels[entries].count { $0 == present }
    }

    // MARK: Levels and places

    /// False when a level is none of the other schema.
    private mutating func takeLevels(of span: Span, _ piece: LeafColumn, _ map: LevelMap) -> Bool {
        if piece.definitionLevels.isEmpty {
            let level = map.levels[piece.leaf.maxDefinition]
            definitions.append(repeating: level, count: span.entries.count)
            return level != LevelMap.broken || span.entries.isEmpty
        }
        var isGood = true
        definitions.append(uninitialized: span.entries.count) { target in
            piece.definitionLevels.withUnsafeBufferPointer { found in
                for (index, entry) in span.entries.enumerated() {
                    let level = map.levels[Int(found[entry])]
                    target[index] = level
                    isGood = isGood && level != LevelMap.broken
                }
            }
        }
        return isGood
    }

    private mutating func takePlaces(of span: Span, _ piece: LeafColumn, isThere: Bool) {
        guard isThere else {
            hasNulls = hasNulls || !span.entries.isEmpty
            return places.append(repeating: -1, count: span.entries.count)
        }
        var value = Int32(truncatingIfNeeded: span.value)
        var hasNulls = false
        places.append(uninitialized: span.entries.count) { target in
            if piece.definitionLevels.isEmpty {
                for index in 0..<span.entries.count { target[index] = value &+ Int32(truncatingIfNeeded: index) }
                return
            }
            let present = UInt8(piece.leaf.maxDefinition)
            piece.definitionLevels.withUnsafeBufferPointer { found in
                for (index, entry) in span.entries.enumerated() {
                    let isValue = found[entry] == present
                    target[index] = isValue ? value : -1
                    if isValue { value &+= 1 } else { hasNulls = true }
                }
            }
        }
        self.hasNulls = self.hasNulls || hasNulls
    }

    /// Leaves out entries of a neighbour that is repeated more often, whose values are none of this leaf's.
    private mutating func drop(deeperThan most: UInt8) {
        let kept = repetitions.indices.filter { repetitions[$0] <= most }
        (definitions, places, repetitions) = (kept.map { definitions[$0] }, kept.map { places[$0] }, kept.map { repetitions[$0] })
    }

    private mutating func findStarts() {
        starts.reserveCapacity(rowCount)
        for (entry, repetition) in repetitions.enumerated() where repetition == 0 { starts.append(UInt32(truncatingIfNeeded: entry)) }
    }
}

/// Some rows of a piece of a file's column, for a schema whose levels may be others: looked at once, for the digests of the rows and for a batch.
public struct PieceRows {
    let piece: LeafColumn
    /// Nil when each row has a value, and all rows are meant.
    let choice: EntryChoice?
    /// The values, of which `choice` says which are meant; nil when none are.
    let values: LeafValues?

    /// - Parameter rows: ascending ranges of the piece's rows.
    /// - Throws: `malformed` for a null where none may be.
    public init(_ piece: LeafColumn, _ map: LevelMap, rows: [Range<Int>]) throws(ParquetError) {
        self.piece = piece
        values = map.present == nil ? nil : piece.values
        let isFull = rows.count == 1 && rows[0] == 0..<piece.rowCount && map.present != nil && piece.isFull && piece.leaf.maxRepetition == 0
        choice = isFull ? nil : try EntryChoice(piece, map, rows)
    }
}
