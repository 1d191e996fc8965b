import K2Bytes
import K2Domain
import K2Iceberg
import K2Parquet
import K2Rows
import K2StateStore

/// Learns from the lake itself what it holds, where the state store does not know.
struct LakeMemory {
    let stores: LakeStores
    let definition: TableDefinition

    /// How far the table is offloaded, as the state store has it, once it knows what the lake holds.
    func watermark(_ table: Table, note: (String) -> Void) throws -> Watermark? {
        if let line = try catchUp(table) { note(line) }
        return try stores.state.watermark(table: definition.coldName)
    }

    /// Tells a state store that was lost, comes from a backup, or knew another table, which rows the lake has, and how far the table is offloaded.
    /// - Returns: what was done; nil when the state store knew.
    func catchUp(_ table: Table) throws -> String? {
        let name = definition.coldName
        let binding = StateBinding(stores: stores, definition: definition)
        let known = try stores.state.watermark(table: name)
        let position = position(table.metadata)
        let isBehind = if let known, let position { position > known.position } else { false }
        if try !isBehind && binding.isKnown(table) {
            try binding.bind(table)
            return nil
        }
        let count = try adopt(table)
        if let position {
            var watermark = known ?? Watermark(table: name, position: position, status: "running", updatedAt: stores.now)
            watermark.position = position
            try stores.state.setWatermark(watermark)
        }
        try binding.bind(table)
        if count == 0 && position == nil { return nil }
        return "\(name): the state store did not know what this table holds: \(count) rows of the lake were noted, the watermark is \(position?.description ?? "none")"
    }

    /// The newest watermark in the summaries of the table's snapshots.
    private func position(_ metadata: TableMetadata) -> Timestamp? { HistoryNeeds.newestWatermark(metadata).flatMap(HistoryNeeds.position) }

    /// Tells the state store of all rows of the table.
    private func adopt(_ table: Table) throws -> Int {
        let shape = try LakeSchema(definition, of: table.metadata)
        var memory = try LakeTable(shape, state: stores.state)
        var count = 0
        for file in try TableFiles(metadata: table.metadata, store: stores.objects).dataFiles() {
            count += try scan(LakeFile(file, in: stores.objects, shape), shape, &memory)
        }
        if count == 0 { return 0 }
        let batchID = "adopted-\(table.metadata.tableUUID)-\(table.metadata.lastSequenceNumber)"
        let intent = Intent(
            batchID: batchID, table: definition.coldName, createdAt: stores.now, files: [], ranges: memory.ledger.ranges, keys: memory.ledger.keys)
        try stores.state.openIntent(intent)
        try stores.state.settle(batchID: batchID, .committed, run: stores.run(of: intent, status: "adopted"), watermark: nil)
        return count
    }

    /// Takes the identities of a file's rows into `memory`.
    func scan(_ file: LakeFile, _ shape: LakeSchema, _ memory: inout LakeTable) throws -> Int {
        var count = 0
        for group in file.rowGroups {
            var builders = definition.columns.map { ColumnBuilder($0) }
            for index in memory.identityColumns { builders[index].append(contentsOf: try file.column(index, rowGroup: group)) }
            var buffer = RowBuffer(definition, columns: builders, rowCount: file.rowCount(group))
            try memory.judge(0..<buffer.rowCount, of: &buffer)
            memory.markets.removeAll(keepingCapacity: true)
            count += buffer.rowCount
        }
        return count
    }
}

extension ColumnBuilder {
    /// Appends values as the Parquet reader gives them.
    fileprivate mutating func append(contentsOf column: Column) {
        let validity = column.validity
        func isNull(_ row: Int) -> Bool { validity.map { !$0[row] } ?? false }
        switch column.values {
        case .int64(let values): for (row, value) in values.enumerated() { if isNull(row) { appendNull() } else { append(value) } }
        case .int32(let values): for (row, value) in values.enumerated() { if isNull(row) { appendNull() } else { append(value) } }
        case .bytes(let values):
            for row in 0..<values.count { if isNull(row) { appendNull() } else { let value = values[row]; append(value.span) } }
        case .dictionary(let codes, let values):
            for (row, code) in codes.enumerated() { if isNull(row) { appendNull() } else { let value = values[Int(code)]; append(value.span) } }
        default: preconditionFailure("no column of an identity")
        }
    }
}
