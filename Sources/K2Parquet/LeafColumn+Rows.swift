import K2Bytes

extension LeafColumn {
    /// Some rows as a part of their own, without a dictionary.
    /// - Throws: `tooLarge`.
    public func rows(_ rows: Range<Int>) throws(ParquetError) -> LeafColumn {
        let start = position(after: rows.lowerBound, from: .init())
        var part = self[start..<position(after: rows.count, from: start)]
        part.values = try part.values.decoded()
        return part
    }

    /// A place between two rows, or the end.
    struct Position: Comparable {
        var rows = 0
        var entries = 0
        var values = 0

        static func < (left: Position, right: Position) -> Bool { left.entries < right.entries }
    }

    var end: Position { Position(rows: rowCount, entries: entryCount, values: values.count) }

    /// Where the last row begins; the end for leaves that are not repeated, whose rows are entries.
    var lastRow: Position {
        guard leaf.maxRepetition > 0, let start = repetitionLevels.lastIndex(of: 0) else { return end }
        return Position(rows: rowCount - 1, entries: start, values: values.count - valueCount(start..<entryCount))
    }

    /// The place `count` rows behind `position`, or the end.
    func position(after count: Int, from position: Position) -> Position {
        var next = position
        if leaf.maxRepetition == 0 {
            next.rows = min(position.rows + count, entryCount)
            next.entries = next.rows
        } else {
            repetitionLevels.withUnsafeBufferPointer { levels in
                while next.entries < levels.count {
                    if levels[next.entries] == 0 {
                        if next.rows - position.rows == count { break }
                        next.rows += 1
                    }
                    next.entries += 1
                }
            }
        }
        next.values += valueCount(position.entries..<next.entries)
        return next
    }

    /// How many of the entries are values.
    private func valueCount(_ entries: Range<Int>) -> Int {
        if leaf.maxDefinition == 0 { return entries.count }
        let present = UInt8(leaf.maxDefinition)
        return definitionLevels.withUnsafeBufferPointer { levels in
            var count = 0
            for index in entries where levels[index] == present { count &+= 1 }
            return count
        }
    }

    /// Makes room for so many entries, or for as many of them as 16 MiB hold: the number is the file's.
    mutating func reserve(_ entries: Int) {
        let limit = 16 << 20
        if leaf.maxDefinition > 0 { definitionLevels.reserveCapacity(min(entries, limit)) }
        if leaf.maxRepetition > 0 { repetitionLevels.reserveCapacity(min(entries, limit)) }
        values.reserve(min(entries, limit / values.stride))
    }

    subscript(range: Range<Position>) -> LeafColumn {
        var part = LeafColumn(leaf: leaf)
        let entries = range.lowerBound.entries..<range.upperBound.entries
        if !definitionLevels.isEmpty { part.definitionLevels = Array(definitionLevels[entries]) }
        if !repetitionLevels.isEmpty { part.repetitionLevels = Array(repetitionLevels[entries]) }
        part.entryCount = entries.count
        part.values = values[range.lowerBound.values..<range.upperBound.values]
        return part
    }

    /// Appends the rows of another part of the same column; codes of another dictionary and values among codes make values of all.
    mutating func append(_ other: LeafColumn) throws(ParquetError) {
        definitionLevels += other.definitionLevels
        repetitionLevels += other.repetitionLevels
        entryCount += other.entryCount
        try values.append(other.values)
    }
}

extension LeafValues {
    /// Makes an empty one have room for so many values; for byte strings only for where they end.
    mutating func reserve(_ count: Int) {
        switch self {
        case .boolean(var values):
            values.reserveCapacity(count)
            self = .boolean(values)
        case .int32(var values):
            values.reserveCapacity(count)
            self = .int32(values)
        case .int64(var values):
            values.reserveCapacity(count)
            self = .int64(values)
        case .float(var values):
            values.reserveCapacity(count)
            self = .float(values)
        case .double(var values):
            values.reserveCapacity(count)
            self = .double(values)
        case .byteArray(var values):
            values.reserveCapacity(count, bytes: 0)
            self = .byteArray(values)
        case .fixed(let width, var bytes):
            bytes.reserveCapacity(count * width)
            self = .fixed(width: width, bytes)
        case .coded: break
        }
    }

    subscript(range: Range<Int>) -> LeafValues {
        switch self {
        case .boolean(let values): return .boolean(Array(values[range]))
        case .int32(let values): return .int32(Array(values[range]))
        case .int64(let values): return .int64(Array(values[range]))
        case .float(let values): return .float(Array(values[range]))
        case .double(let values): return .double(Array(values[range]))
        case .byteArray(let values): return .byteArray(values[values: range])
        case .fixed(let width, let bytes): return .fixed(width: width, Array(bytes[range.lowerBound * width..<range.upperBound * width]))
        case .coded(let codes, let dictionary): return .coded(Array(codes[range]), of: dictionary)
        }
    }

    /// Appends values of the same type.
    mutating func append(_ other: LeafValues) throws(ParquetError) {
        if other.count == 0 { return }
        if count == 0 { return self = other }
        guard let dictionary else { return try appendDecoded(try other.decoded()) }
        guard case .coded(let more, let same) = other, dictionary === same else {
            self = try decoded()
            return try appendDecoded(try other.decoded())
        }
        withCodes { $0 += more }
    }

    /// Not a switch over both at once: that would hold the values a second time, and have them copied.
    private mutating func appendDecoded(_ other: LeafValues) throws(ParquetError) {
        let mismatch = ParquetError(.invalidInput, "", "values of two types")
        switch self {
        case .boolean(var values):
            guard case .boolean(let more) = other else { throw mismatch }
            self = .boolean([])
            values += more
            self = .boolean(values)
        case .int32(var values):
            guard case .int32(let more) = other else { throw mismatch }
            self = .int32([])
            values += more
            self = .int32(values)
        case .int64(var values):
            guard case .int64(let more) = other else { throw mismatch }
            self = .int64([])
            values += more
            self = .int64(values)
        case .float(var values):
            guard case .float(let more) = other else { throw mismatch }
            self = .float([])
            values += more
            self = .float(values)
        case .double(var values):
            guard case .double(let more) = other else { throw mismatch }
            self = .double([])
            values += more
            self = .double(values)
        case .byteArray(var values):
            guard case .byteArray(let more) = other else { throw mismatch }
            guard more.data.count <= Int(UInt32.max) - values.data.count else { throw Self.tooLarge(Int(UInt32.max)) }
            self = .byteArray(ByteColumn())
            values.append(more)
            self = .byteArray(values)
        case .fixed(let width, var bytes):
            guard case .fixed(width, let more) = other else { throw mismatch }
            self = .fixed(width: width, [])
            bytes += more
            self = .fixed(width: width, bytes)
        case .coded: throw mismatch
        }
    }
}
