import K2Bytes

/// Rows of one leaf, collected from many files, to be written in any order.
///
/// Each entry has a place among the values, nulls too, so that an entry's number is its value's. What the files hold as codes of dictionaries
/// stays codes, of one dictionary, as long as all of them do.
///
/// ```swift
/// var batch = LeafBatch(type, maxDefinition: 1, maxRepetition: 0)
/// try batch.append(PieceRows(piece, map, rows: [0..<piece.rowCount]))       // in the order of the files, then
/// batch.seal()
/// let chunk = try encoder.encode(batch, rows: order[..<1_000_000], as: leaf)
/// ```
public struct LeafBatch {
    public let type: ParquetSchema.FieldType
    public let maxDefinition: UInt8
    public let maxRepetition: UInt8
    public private(set) var rowCount = 0
    public private(set) var entryCount = 0

    /// Where each row starts among the entries; empty while each row is one entry.
    private(set) var starts: [UInt32] = []
    /// Empty while every entry is a value.
    private(set) var definitions: [UInt8] = []
    /// Empty while each row is one entry.
    private(set) var repetitions: [UInt8] = []
    private(set) var values: BatchValues
    /// In use while `isCoded`: a code for each entry.
    private(set) var codes: [UInt32] = []
    private(set) var dictionary: BatchDictionary
    private(set) var isCoded: Bool
    private var expectedEntries = 0
    /// Bytes that the batch may take; what does not fit is an error.
    private var limit = Int.max
    /// Bytes of the limit that are taken by others at present.
    private var spare = 0
    /// The chunk dictionary whose values were appended last, as this type has them.
    private var plain: (dictionary: LeafDictionary, values: BatchValues)?
    let isDecimal: Bool

    public init(_ type: ParquetSchema.FieldType, maxDefinition: Int, maxRepetition: Int) {
        self.type = type
        self.maxDefinition = UInt8(maxDefinition)
        self.maxRepetition = UInt8(maxRepetition)
        values = BatchValues(type)
        dictionary = BatchDictionary(values.kind)
        isCoded = values.kind != .bits
        if case .decimal = type { isDecimal = true } else { isDecimal = false }
    }

    /// Bytes in memory, about.
    public var byteCount: Int {
        values.byteCount + dictionary.byteCount + plainByteCount + codes.capacity * 4 + starts.capacity * 4 + definitions.capacity + repetitions.capacity
    }

    /// Makes room, so that the batch need not grow in steps, which takes twice the memory for a moment.
    ///
    /// - Parameters:
    ///   - entries: as many as rows where the leaf is not repeated.
    ///   - limit: bytes in all. Appending more throws `tooLarge`.
    public mutating func reserve(entries: Int, limit: Int = .max) {
        // What footers announce may be anything.
        expectedEntries = min(entries, limit / max(values.valueWidth, 4))
        self.limit = limit
        if isCoded { codes.reserveCapacity(expectedEntries) } else { values.reserveCapacity(expectedEntries) }
    }

    private var plainByteCount: Int { plain.map { $0.values.byteCount + $0.dictionary.values.byteCount } ?? 0 }

    /// Leaves so many bytes of the limit to what is in memory beside the batch from now on, such as the page that comes next.
    ///
    /// - Throws: `tooLarge` when the batch takes more than what then stays.
    public mutating func leave(bytes: Int) throws(ParquetError) {
        spare = bytes
        guard byteCount <= available else { throw tooLarge }
    }

    private var available: Int { limit == .max ? .max : limit - spare }

    /// Room for byte strings. With a limit all that it allows is asked for at once: pages that are not written to cost nothing.
    private mutating func makeRoom(bytes more: Int) throws(ParquetError) {
        guard limit != .max, case .bytes = values.kind else { return }
        let needed = values.bytes.data.count + more + ByteColumn.slack
        guard needed <= available - (byteCount - values.bytes.data.count) else { throw tooLarge }
        if needed > values.bytes.data.capacity { values.bytes.reserveCapacity(0, bytes: limit) }
    }

    private var tooLarge: ParquetError { ParquetError(.tooLarge, "column", "more than \(limit) bytes of values") }

    // MARK: Appending

    /// Appends some rows of a piece of a file's column.
    ///
    /// - Parameter factor: by which integers are multiplied, for times of another unit.
    /// - Throws: `ParquetError` for values that do not fit.
    public mutating func append(_ rows: PieceRows, factor: Int64 = 1) throws(ParquetError) {
        if let choice = rows.choice { try append(choice, rows.values, factor) } else { try appendFull(rows.piece.values, factor) }
        guard entryCount <= Int(UInt32.max) else { throw ParquetError(.tooLarge, rows.piece.leaf.name, "more than 2^32 entries") }
        guard byteCount <= available else { throw tooLarge }
    }

    /// Appends rows in which the leaf is null.
    /// - Precondition: it may be.
    public mutating func append(nulls count: Int) {
        if count <= 0 { return }
        openDefinitions()
        definitions.append(repeating: 0, count: count)
        if !starts.isEmpty { appendStarts(count) }
        appendPlaceholders(count)
        rowCount += count
        entryCount += count
    }

    /// A value a row, and none is null.
    private mutating func appendFull(_ values: LeafValues, _ factor: Int64) throws(ParquetError) {
        let count = values.count
        if !definitions.isEmpty { definitions.append(repeating: maxDefinition, count: count) }
        if !starts.isEmpty { appendStarts(count) }
        try appendValues(values, factor)
        rowCount += count
        entryCount += count
    }

    private mutating func append(_ chosen: EntryChoice, _ values: LeafValues?, _ factor: Int64) throws(ParquetError) {
        if !chosen.starts.isEmpty {
            openStarts()
            for start in chosen.starts { starts.append(UInt32(entryCount) + start) }
            repetitions += chosen.repetitions
        } else if !starts.isEmpty {
            appendStarts(chosen.rowCount)
        }
        if chosen.hasNulls {
            openDefinitions()
            definitions += chosen.definitions
        } else if !definitions.isEmpty {
            definitions += chosen.definitions
        }
        if let values { try appendValues(values, at: chosen.places, factor) } else { appendPlaceholders(chosen.places.count) }
        rowCount += chosen.rowCount
        entryCount += chosen.definitions.count
    }

    private mutating func openDefinitions() {
        guard definitions.isEmpty else { return }
        definitions.reserveCapacity(max(expectedEntries, entryCount))
        definitions.append(repeating: maxDefinition, count: entryCount)
    }

    private mutating func openStarts() {
        guard starts.isEmpty, repetitions.isEmpty else { return }
        repetitions.reserveCapacity(max(expectedEntries, entryCount))
        starts += (0..<UInt32(rowCount))
        repetitions.append(repeating: 0, count: entryCount)
    }

    /// Of rows that are one entry each.
    private mutating func appendStarts(_ count: Int) {
        let first = entryCount
        starts.append(uninitialized: count) { target in for row in 0..<count { target[row] = UInt32(truncatingIfNeeded: first &+ row) } }
        repetitions.append(repeating: 0, count: count)
    }

    private mutating func appendPlaceholders(_ count: Int) {
        if isCoded { codes.append(repeating: 0, count: count) } else { values.append(placeholders: count) }
    }

    // MARK: Values

    private mutating func appendValues(_ found: LeafValues, _ factor: Int64) throws(ParquetError) {
        if case .coded(let more, let other) = found { return try append(codes: more, of: other, factor) }
        if found.count == 0 { return }
        try decode()
        try makeRoom(for: found)
        try values.append(found, factor: factor, isDecimal: isDecimal, place: "values")
    }

    /// - Parameter places: for each entry its value's number in `found`, or -1.
    private mutating func appendValues(_ found: LeafValues, at places: [Int32], _ factor: Int64) throws(ParquetError) {
        if found.count == 0 { return appendPlaceholders(places.count) }
        if case .coded(let more, let other) = found { return try append(codes: more, of: other, at: places, factor) }
        try decode()
        var plain = BatchValues(values.kind)
        try plain.append(found, factor: factor, isDecimal: isDecimal, place: "values")
        try makeRoom(bytes: plain.size(at: places))
        values.append(plain, at: places)
    }

    private mutating func append(codes more: [UInt32], of other: LeafDictionary, _ factor: Int64) throws(ParquetError) {
        if try takes(other, factor) { return BatchValues.append(dictionary.numbers, codes: more, to: &codes) }
        if more.isEmpty { return }
        try decode()
        let entries = try plainValues(other, factor)
        try makeRoom(bytes: entries.size(of: more))
        values.append(entries, codes: more)
    }

    private mutating func append(codes more: [UInt32], of other: LeafDictionary, at places: [Int32], _ factor: Int64) throws(ParquetError) {
        if try takes(other, factor) {
            codes.append(uninitialized: places.count) { target in
                for index in 0..<places.count { target[index] = places[index] < 0 ? 0 : dictionary.numbers[Int(more[Int(places[index])])] }
            }
            return
        }
        try decode()
        let entries = try plainValues(other, factor)
        let named = places.map { $0 < 0 ? -1 : Int32(bitPattern: more[Int($0)]) }
        try makeRoom(bytes: entries.size(at: named))
        values.append(entries, at: named)
    }

    /// Whether codes may go on: the entries of the dictionary are numbered then. Where all distinct values together, and a second time while they are
    /// sorted, do not fit, values may.
    private mutating func takes(_ other: LeafDictionary, _ factor: Int64) throws(ParquetError) -> Bool {
        guard isCoded else { return false }
        if limit != .max {
            guard codes.capacity * 4 + definitions.capacity + repetitions.capacity + starts.capacity * 4 + dictionary.peakByteCount(adding: other) <= available
            else { return false }
            if dictionary.count == 0, case .bytes = values.kind { dictionary.reserveCapacity(bytes: limit) }
        }
        try dictionary.number(other, factor: factor, isDecimal: isDecimal, place: "values")
        return true
    }

    /// The values of a chunk's dictionary as this type has them.
    private mutating func plainValues(_ other: LeafDictionary, _ factor: Int64) throws(ParquetError) -> BatchValues {
        if let plain, plain.dictionary === other { return plain.values }
        plain = nil
        var entries = BatchValues(values.kind)
        try entries.append(other.values, factor: factor, isDecimal: isDecimal, place: "values")
        plain = (other, entries)
        return entries
    }

    private mutating func makeRoom(for found: LeafValues) throws(ParquetError) {
        switch found {
        case .byteArray(let column) where !isDecimal: try makeRoom(bytes: column.data.count)
        case .fixed(_, let bytes): if case .bytes = values.kind { try makeRoom(bytes: bytes.count) }
        default: break
        }
    }

    /// Goes from codes to values, since not all of them are codes.
    private mutating func decode() throws(ParquetError) {
        guard isCoded else { return }
        isCoded = false
        let entries = dictionary.numbered
        let room = (available - byteCount) / values.valueWidth
        guard codes.count <= room else { throw tooLarge }
        values.reserveCapacity(min(max(expectedEntries, codes.count), room))
        if entries.count == 0 {
            values.append(placeholders: codes.count)
        } else if definitions.isEmpty {
            try makeRoom(bytes: entries.size(of: codes))
            values.append(entries, codes: codes)
        } else {
            let places = zip(codes, definitions).map { $1 == maxDefinition ? Int32(bitPattern: $0) : -1 }
            try makeRoom(bytes: entries.size(at: places))
            values.append(entries, at: places)
        }
        codes = []
        dictionary = BatchDictionary(values.kind)
    }

    /// Ends the collecting. Codes are in the order of their values from then on.
    public mutating func seal() {
        guard isCoded else { return }
        let places = dictionary.sort()
        if places.isEmpty { return }
        places.withUnsafeBufferPointer { places in
            codes.withUnsafeMutableBufferPointer { codes in
                for index in 0..<codes.count { codes[index] = places[Int(codes[index])] }
            }
        }
    }
}

extension Array where Element: BitwiseCopyable {
    @inline(__always)
    mutating func append(repeating value: Element, count: Int) {
        append(uninitialized: count) { $0.update(repeating: value, count: count) }
    }
}
