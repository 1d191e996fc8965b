extension LeafBatch {
    /// The levels of the rows of that order, and which entries are their values.
    ///
    /// - Precondition: each is a row of the batch.
    func rows(_ order: ArraySlice<UInt32>) -> LeafRows {
        var rows = LeafRows(maxDefinition: Int(maxDefinition), maxRepetition: Int(maxRepetition))
        if starts.isEmpty {
            takeEntries(order, into: &rows)
            if maxRepetition > 0 { rows.repetitionLevels = [UInt8](repeating: 0, count: rows.entryCount) }
        } else {
            takeRuns(order, into: &rows)
        }
        return rows
    }

    /// A row an entry.
    private func takeEntries(_ order: ArraySlice<UInt32>, into rows: inout LeafRows) {
        rows.entryCount = order.count
        guard !definitions.isEmpty else {
            rows.positions = Array(order)
            return
        }
        var present = 0
        var levels: [UInt8] = []
        levels.append(uninitialized: order.count) { target in
            definitions.withUnsafeBufferPointer { definitions in
                for (index, row) in order.enumerated() {
                    let level = definitions[Int(row)]
                    target[index] = level
                    if level == maxDefinition { present &+= 1 }
                }
            }
        }
        if present == order.count {
            rows.positions = Array(order)
            return
        }
        rows.definitionLevels = levels
        rows.positions.reserveCapacity(present)
        if present == 0 { return }
        for (index, row) in order.enumerated() where levels[index] == maxDefinition { rows.positions.append(row) }
    }

    private func takeRuns(_ order: ArraySlice<UInt32>, into rows: inout LeafRows) {
        var total = 0
        for row in order { total += end(of: row) - Int(starts[Int(row)]) }
        var (levels, repetitions): ([UInt8], [UInt8]) = ([], [])
        repetitions.reserveCapacity(total)
        rows.positions.reserveCapacity(total)
        if !definitions.isEmpty { levels.reserveCapacity(total) }
        for row in order {
            for entry in Int(starts[Int(row)])..<end(of: row) {
                repetitions.append(self.repetitions[entry])
                if definitions.isEmpty {
                    rows.positions.append(UInt32(truncatingIfNeeded: entry))
                } else {
                    levels.append(definitions[entry])
                    if definitions[entry] == maxDefinition { rows.positions.append(UInt32(truncatingIfNeeded: entry)) }
                }
            }
        }
        rows.entryCount = total
        rows.repetitionLevels = repetitions
        if rows.nullCount > 0 { rows.definitionLevels = levels }
    }

    private func end(of row: UInt32) -> Int { Int(row) + 1 < starts.count ? Int(starts[Int(row) + 1]) : entryCount }

    /// The values of those entries as a column chunk takes them, with their dictionary where the batch has one.
    func encodable(_ positions: [UInt32]) -> EncodableChunk {
        guard isCoded else { return EncodableChunk(values.gathered(at: positions), isInterned: false) }
        let chosen = BatchValues.gather(codes, positions)
        return EncodableChunk(dictionary.entries.gathered(at: chosen), codes: chosen, of: dictionary.entries)
    }
}
