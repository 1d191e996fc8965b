import K2Bytes

/// The distinct values of a batch, collected from the dictionaries of many column chunks.
struct BatchDictionary {
    private(set) var entries: BatchValues
    private var table = HashTable()
    private var texts = ByteTable()
    /// The chunk dictionary that was asked for last, and the numbers of its entries here.
    private var last: LeafDictionary?
    private(set) var numbers: [UInt32] = []

    init(_ kind: BatchValues.Kind) { entries = BatchValues(kind) }

    var count: Int { if case .bytes = entries.kind { texts.count } else { entries.count } }

    /// Bytes in memory, about; those of the chunk dictionary that was asked for last, too.
    var byteCount: Int {
        let own = if case .bytes = entries.kind { texts.peakByteCount(adding: 0, bytes: 0) } else { entries.byteCount + entries.count * 24 }
        return own + numbers.capacity * 4 + (last?.values.byteCount ?? 0)
    }

    /// Bytes in memory at most while the entries of another dictionary are added, and while all are sorted afterwards.
    ///
    /// It counts all of its entries as new ones, and as those of a file that are read for it.
    func peakByteCount(adding other: LeafDictionary) -> Int {
        if last === other { return byteCount + sortBytes(count, texts.pool.count) }
        let (more, bytes) = (other.count, other.values.byteCount)
        let added: Int
        switch entries.kind {
        case .bytes: added = texts.peakByteCount(adding: more, bytes: bytes)
        default: added = (count + more) * (entries.valueWidth * 3 + 36)
        }
        // The last one is let go only when the next is there.
        return max(added + more * 4 + bytes * 2 + (last?.values.byteCount ?? 0), added + sortBytes(count + more, texts.pool.count + bytes))
    }

    private func sortBytes(_ count: Int, _ bytes: Int) -> Int {
        if case .bytes = entries.kind { return bytes + count * 24 }
        return count * (entries.valueWidth * 2 + 16)
    }

    /// Makes room for byte strings at once; see `LeafBatch.reserve`.
    mutating func reserveCapacity(bytes: Int) { texts.reserveCapacity(bytes: bytes) }

    /// The entries in the order of their numbers.
    var numbered: BatchValues {
        guard case .bytes = entries.kind else { return entries }
        var values = BatchValues(entries.kind)
        values.bytes = ByteColumn(offsets: [0] + texts.ends, data: texts.pool)
        return values
    }

    /// Makes `numbers` those of the entries of `dictionary`, of which new ones are added.
    mutating func number(_ dictionary: LeafDictionary, factor: Int64, isDecimal: Bool, place: String) throws(ParquetError) {
        if last === dictionary { return }
        var found = BatchValues(entries.kind)
        try found.append(dictionary.values, factor: factor, isDecimal: isDecimal, place: place)
        numbers.removeAll(keepingCapacity: true)
        numbers.reserveCapacity(found.count)
        switch entries.kind {
        case .bits: preconditionFailure("a dictionary of booleans")
        case .words32: for value in found.words32 { numbers.append(table.code(of: value, in: &entries.words32)) }
        case .words64: for value in found.words64 { numbers.append(table.code(of: value, in: &entries.words64)) }
        case .words128: for value in found.words128 { numbers.append(table.code(of: value, in: &entries.words128)) }
        case .bytes: texts.insert(found.bytes, numbers: &numbers)
        }
        last = dictionary
    }

    /// Ends the collecting: puts the entries into ascending order.
    ///
    /// - Returns: for each number the place that it has now.
    mutating func sort() -> [UInt32] {
        (last, numbers) = (nil, [])
        let order: [UInt32]
        switch entries.kind {
        case .bits: order = []
        case .words32:
            order = RadixSort.order(entries.words32)
            entries.words32 = BatchValues.gather(entries.words32, order)
        case .words64:
            order = RadixSort.order(entries.words64)
            entries.words64 = BatchValues.gather(entries.words64, order)
        case .words128:
            order = RadixSort.order(entries.words128)
            entries.words128 = BatchValues.gather(entries.words128, order)
        case .bytes: order = sortTexts()
        }
        table = HashTable()
        var places = [UInt32](repeating: 0, count: order.count)
        for (place, number) in order.enumerated() { places[Int(number)] = UInt32(truncatingIfNeeded: place) }
        return places
    }

    private mutating func sortTexts() -> [UInt32] {
        let column = ByteColumn(offsets: [0] + texts.ends, data: texts.pool)
        texts = ByteTable()
        let slices = ByteSlices(column: column, positions: [UInt32](0..<UInt32(column.count)))
        let order = slices.withUnsafe { slices in
            [UInt32](0..<UInt32(slices.positions.count)).sorted { ByteSlices.precedes(slices[Int($0)], slices[Int($1)]) }
        }
        var sorted = ByteColumn()
        sorted.reserveCapacity(column.count, bytes: column.data.count)
        for number in order {
            column.data.withUnsafeBufferPointer {
                sorted.append(UnsafeBufferPointer(rebasing: $0[Int(column.offsets[Int(number)])..<Int(column.offsets[Int(number) + 1])]))
            }
        }
        entries.bytes = sorted
        return order
    }
}
