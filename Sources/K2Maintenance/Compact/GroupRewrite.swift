import K2Iceberg
import K2JSON
import K2Lake
import K2ObjectStore
import K2Parquet

/// What became of a group: files that hold the same rows.
struct RewrittenGroup {
    var group: CompactionGroup
    var outputs: [DataFile]
    /// As the inputs were read.
    var content: RowContent
    /// Rows that delete files, or duplicates, took away.
    var removedRows: Int64

    /// Whether it is worth a commit.
    var isGain: Bool { group.isForContent || outputs.count < group.inputs.count }
}

/// Writes the rows of a group anew: reads its files, applies their deletes, puts the rows into order, writes files, reads them back and compares.
struct GroupRewrite {
    let store: any ObjectStore
    let metadata: TableMetadata
    let table: TableColumns
    let ordering: RowOrdering
    let options: CompactOptions
    let budget: MemoryBudget
    let keepLease: () throws -> Void
    /// Told before files of these names are written.
    let announce: ([String]) throws -> Void

    private func makeOpener() -> FileOpener { FileOpener(store: store, limits: budget.dataLimits, temporaryFolder: options.temporaryFolder) }

    /// - Parameters:
    ///   - name: the location of the group's files but for `-N.parquet`.
    ///   - duplicates: rows to leave out beside those that are deleted, by file.
    /// - Throws: `ContentDifference` when what was written is not what was read.
    func run(_ group: CompactionGroup, name: String, deletes: inout DeleteReader, duplicates: [String: RowMask] = [:]) throws -> RewrittenGroup {
        let inputs = try open(group, &deletes, duplicates)
        let live = inputs.reduce(0) { $0 + Int64($1.liveCount(0..<Int($1.file.file.recordCount))) }
        var result = RewrittenGroup(group: group, outputs: [], content: RowContent(table), removedRows: group.rows - live)
        var output = GroupOutput(ChunkSpill(folder: options.temporaryFolder))
        let cutter = SliceCutter(table: table, ordering: ordering, budget: budget, keepLease: keepLease)
        var slices = live == 0 ? [] : try cutter.cut(GroupSlice(inputs))
        var isOnly = slices.count <= 1
        while !slices.isEmpty {
            let slice = slices.removeFirst()
            let mark = output.spill.mark
            do {
                let masks = slices.reduce(slice.maskBytes) { $0 + $1.maskBytes }
                let groups = try encode(slice, group, output.spill, masks: masks, isOnly: isOnly, &result.content)
                output.add(groups, startsAnew: slice.startsAnew)
            } catch let error as SliceTooLarge {
                // What footers say is not all that counts: byte strings may be far longer than their encodings.
                guard slice.rowCount > 1 else { throw LakeError(.failed, "column \(error.column): one row of it takes more than --max-memory leaves") }
                output.spill.goBack(to: mark)
                slices.insert(contentsOf: try cutter.cut(slice, into: error.parts), at: 0)
                isOnly = false
            }
        }
        result.outputs = try write(output, group.partition, name)
        try prove(result)
        return result
    }

    private func open(_ group: CompactionGroup, _ deletes: inout DeleteReader, _ duplicates: [String: RowMask]) throws -> [GroupInput] {
        let masks = try deletes.masks(group.inputs)
        let opener = makeOpener()
        return try zip(group.inputs, masks).compactMap { input, mask in
            try keepLease()
            let file = try opener.open(input.data.file, keepLease: keepLease)
            // Its footer tells that it has no rows, as the manifest does: whatever its columns are, nothing is lost with it.
            if input.data.file.recordCount == 0 { return nil }
            return GroupInput(file: file, leaves: try file.completeLeaves(table, schemas: metadata.schemas), mask: RowMask.both(mask, duplicates[input.data.file.path]))
        }
    }

    // MARK: Encoding

    /// The row groups of a slice.
    /// - Parameter content: gets what was read; unchanged when the slice is too large.
    private func encode(
        _ slice: GroupSlice, _ group: CompactionGroup, _ spill: ChunkSpill, masks: Int, isOnly: Bool, _ content: inout RowContent
    ) throws -> [SliceRewrite.RowGroup] {
        let share = Double(slice.rowCount) / Double(max(group.rows, 1))
        let expected = Int(Double(group.bytes) * min(share, 1))
        let reader = slice.reader(table)
        let largest = reader.largestColumn
        let groupRows = groupRows(slice.rowCount, expected, largest)
        let memory = budget.slice(
            rows: slice.rowCount, groupRows: groupRows, encoded: isOnly ? expected : nil, column: largest, chunks: reader.chunkCount, masks: masks)
        spill.memory = memory.kept
        let rewrite = SliceRewrite(
            reader: reader, ordering: ordering, columnLimit: memory.column, budget: budget, options: writerOptions, groupRows: groupRows,
            spill: spill, keepLease: keepLease)
        var read = RowContent(table)
        let groups = try rewrite.run(content: &read)
        content.add(read)
        return groups
    }

    /// Rows of a row group: such that four of them or more make a file, that several of its largest column fit into memory, and as many as readers like.
    private func groupRows(_ rows: Int, _ bytes: Int, _ largestColumn: Int) -> Int {
        func count(_ room: Int, _ bytes: Int) -> Int {
            let perRow = max(Double(bytes) / Double(max(rows, 1)), 0.01)
            return max(Int(min(Double(room) / perRow, 1e9)), 1)
        }
        let most = min(count(options.targetSize / 4, bytes), count(budget.work / 8, largestColumn), budget.maxGroupRows)
        let count = (rows + most - 1) / most
        return (rows + count - 1) / max(count, 1)
    }

    private var writerOptions: WriterOptions {
        var writer = WriterOptions()
        let level = metadata.properties["write.parquet.compression-level"].flatMap { Int($0) }
        if metadata.properties["write.parquet.compression-codec"] == "uncompressed" {
            writer.compression = .uncompressed
        } else if metadata.properties["write.parquet.compression-codec"] == "zstd", let level, (1...22).contains(level) {
            writer.compression = .zstd(level: level)
        }
        writer.keyValues = [KeyValue("iceberg.schema", table.schema.json.text)]
        return writer
    }

    // MARK: Writing

    private func write(_ output: GroupOutput, _ partition: PartitionKey, _ name: String) throws -> [DataFile] {
        let files = output.files(target: Int64(options.targetSize))
        let locations = files.indices.map { "\(name)-\($0).parquet" }
        try announce(locations)
        return try zip(files, locations).map { try write($0, output.spill, partition, to: $1) }
    }

    private func write(_ file: GroupOutput.File, _ spill: ChunkSpill, _ partition: PartitionKey, to location: String) throws -> DataFile {
        let object = try store.openWriter(location)
        do {
            var assembler = try FileAssembler(ParquetSchema(table.schema), options: writerOptions) { try object.write($0) }
            for group in file.groups {
                try keepLease()
                try assembler.append(group.chunks, rowCount: group.rowCount) { try spill.part($1, of: group.places[$0]) }
            }
            let summary = try assembler.finish()
            try object.close()
            return DataFile(
                summary, at: location, schema: table.schema, specID: partition.specID, partition: partition.values,
                sortOrderID: file.isOrdered ? ordering.orderID : RowOrdering.asTheyAre.orderID)
        } catch {
            object.abort()
            throw error
        }
    }

    // MARK: Proof

    private func prove(_ result: RewrittenGroup) throws {
        var written = RowContent(table)
        var digests = RowDigests(count: 0)
        let opener = makeOpener()
        for file in result.outputs {
            do {
                written.add(try RowContent(reading: try opener.open(file, keepLease: keepLease), table, &digests, room: budget.work, keepLease: keepLease))
            } catch let error as IcebergError where error.code == .malformed || error.code == .unsupported {
                throw ContentDifference(files: result.outputs.map(\.path), text: "what was written cannot be read back: \(error.message)")
            } catch let error as ParquetError {
                throw ContentDifference(files: result.outputs.map(\.path), text: "what was written cannot be read back: \(file.path): \(error)")
            }
        }
        if let text = result.content.difference(written, table) { throw ContentDifference(files: result.outputs.map(\.path), text: text) }
    }
}

/// What was written does not hold the rows that were read.
struct ContentDifference: Error {
    var files: [String]
    var text: String
}
