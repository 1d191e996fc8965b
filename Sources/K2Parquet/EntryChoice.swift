/// The entries of some rows of a piece of a file's column, in another schema's levels.
struct EntryChoice {
    /// Where each row starts among the chosen entries.
    private(set) var starts: [UInt32] = []
    private(set) var definitions: [UInt8] = []
    private(set) var repetitions: [UInt8] = []
    /// For each entry its value's number in the piece, or -1.
    private(set) var places: [Int32] = []
    private(set) var hasNulls = false
    /// Whether a row has more than one entry.
    private(set) var isRepeated = false

    /// - Throws: `malformed` for a null where none may be.
    init(_ piece: LeafColumn, _ map: LevelMap, _ rows: [Range<Int>]) throws(ParquetError) {
        var (entry, value, row) = (0, 0, 0)
        let present = UInt8(piece.leaf.maxDefinition)
        func definition(_ entry: Int) -> UInt8 { piece.definitionLevels.isEmpty ? present : piece.definitionLevels[entry] }
        func isRowStart(_ entry: Int) -> Bool { piece.repetitionLevels.isEmpty || piece.repetitionLevels[entry] == 0 }
        for range in rows {
            while row < range.upperBound {
                guard entry < piece.entryCount else { throw ParquetError(.malformed, piece.leaf.name, "fewer rows than were announced") }
                let isWanted = row >= range.lowerBound
                var isAtStart = true
                repeat {
                    let level = definition(entry)
                    if isWanted { try take(piece, map, entry, level, value: level == present ? value : -1, isRowStart: isAtStart) }
                    if level == present { value += 1 }
                    isAtStart = false
                    entry += 1
                } while entry < piece.entryCount && !isRowStart(entry)
                row += 1
            }
        }
    }

    private mutating func take(
        _ piece: LeafColumn, _ map: LevelMap, _ entry: Int, _ level: UInt8, value: Int, isRowStart: Bool
    ) throws(ParquetError) {
        let repetition = piece.repetitionLevels.isEmpty ? 0 : piece.repetitionLevels[entry]
        guard repetition <= map.maxRepetition else { return }
        let translated = map.levels[Int(level)]
        guard translated != LevelMap.broken else { throw ParquetError(.malformed, piece.leaf.name, "null where the table wants a value") }
        if isRowStart { starts.append(UInt32(definitions.count)) } else { isRepeated = true }
        let isThere = map.present == level && value >= 0
        if !isThere { hasNulls = true }
        definitions.append(translated)
        repetitions.append(repetition)
        places.append(isThere ? Int32(value) : -1)
    }
}
