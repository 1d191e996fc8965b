import K2Avro
import K2Bytes
import K2Domain
import K2JSON
import K2Lake
import K2ObjectStore
import K2Parquet
import K2StateStore
import K2TestSupport
import Testing

@testable import K2Iceberg
@testable import K2Maintenance

/// A table in memory with rows of any type, written, changed and deleted from as other engines do it, and read by code of its own.
final class CompactLake {
    let memory = MemoryStore()
    let faults = Faults()
    let store: any ObjectStore
    let inner: SQLCatalog
    let catalog: FailingCatalog
    let state: SQLStateStore
    let clock: TestClock
    let identifier: TableIdentifier
    private(set) var evolving: RandomSchema?
    private var fileCount = 0
    private(set) var nextRow: Int64 = 0

    /// - Parameter wrap: makes the store that the code under test works with.
    init(
        _ name: String = "t", schema: Schema, spec: PartitionSpec = .unpartitioned, sortOrder: SortOrder = .unsorted, properties: [String: String] = [:],
        seed: UInt64 = 1, evolving: RandomSchema? = nil, wrap: (any ObjectStore) -> any ObjectStore = { $0 }
    ) throws {
        identifier = TableIdentifier(LakeSchema.namespace, name)
        clock = TestClock(seed: seed)
        store = wrap(FailingStore(inner: memory, faults: faults))
        inner = try SQLCatalog(path: ":memory:", warehouse: "mem://lake", store: memory, environment: clock.environment)
        catalog = FailingCatalog(inner, faults)
        state = try SQLStateStore(path: ":memory:")
        self.evolving = evolving
        try inner.createNamespace(identifier.namespace, properties: [:])
        _ = try inner.createTable(identifier, TableCreation(schema: schema, spec: spec, sortOrder: sortOrder, properties: properties))
    }

    static func random(_ random: inout Seeded, wrap: (any ObjectStore) -> any ObjectStore = { $0 }) throws -> CompactLake {
        let evolving = try RandomSchema(&random)
        let spec = random.once(in: 3) ? .unpartitioned : PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "p", transform: .identity)])
        let order =
            random.pick([
                SortOrder.unsorted, SortOrder(fields: [SortField(sourceID: 3), SortField(sourceID: 2)]),
                SortOrder(fields: [SortField(sourceID: 4, direction: .descending, nullOrder: .last), SortField(sourceID: 2, transform: .bucket(4))]),
            ])
        return try CompactLake(schema: evolving.schema, spec: spec, sortOrder: order, seed: random.next(), evolving: evolving, wrap: wrap)
    }

    var table: Table { get throws { try inner.loadTable(identifier) } }

    func stores(holder: String = "test:1:1") -> LakeStores {
        LakeStores(catalog: catalog, objects: store, state: state, environment: clock.environment, holder: holder, isGone: { _ in false })
    }

    func work(
        isDryRun: Bool = false, isStopped: @escaping () -> Bool = { false }, note: @escaping (String) -> Void = { _ in },
        show: @escaping (ShownLine) -> Void = { _ in }
    ) -> TableWork {
        TableWork(
            name: identifier.name, identifier: identifier, stores: stores(), runID: "run-\(clock.nowMS)", isDryRun: isDryRun, isStopped: isStopped, note: note,
            show: show)
    }

    @discardableResult
    func compact(_ options: CompactOptions, budget: MemoryBudget? = nil, note: @escaping (String) -> Void = { _ in }) throws -> StepOutcome {
        try Compaction(work(note: note), options, budget ?? MemoryBudget(options.maxMemory)).run()
    }

    // MARK: Writing

    func write(_ rows: [Row], schema: Schema? = nil, specID: Int? = nil, partition: [Datum?], groupRows: Int = .max) throws -> DataFile {
        let metadata = try table.metadata
        let schema = schema ?? metadata.currentSchema
        fileCount += 1
        let location = "\(metadata.dataFolder)/in-\(fileCount).parquet"
        let summary = try Self.writeFile(rows, schema, to: location, in: memory, groupRows: groupRows)
        return DataFile(summary, at: location, schema: schema, specID: specID ?? metadata.defaultSpecID, partition: partition, sortOrderID: nil)
    }

    static func writeFile(
        _ rows: [Row], _ schema: Schema, to location: String, in store: MemoryStore, groupRows: Int = .max, withIDs: Bool = true
    ) throws -> FileSummary {
        var parquet = ParquetSchema(schema)
        if !withIDs { for index in parquet.fields.indices { parquet.fields[index].id = nil } }
        let leaves = try FileAssembler.leaves(parquet)
        let writer = try store.openWriter(location)
        var options = WriterOptions()
        options.pageSize = 512
        var assembler = try FileAssembler(parquet, options: options) { try writer.write($0) }
        var encoder = try ChunkEncoder(options)
        for start in stride(from: 0, to: rows.count, by: min(groupRows, max(rows.count, 1))) {
            let part = Array(rows[start..<min(start + min(groupRows, rows.count), rows.count)])
            let columns = Shredder(part, schema, leaves).columns
            let chunks = try zip(columns, parquet.leafTypes).map { column, type in
                var batch = LeafBatch(type, maxDefinition: column.leaf.maxDefinition, maxRepetition: column.leaf.maxRepetition)
                let map = LevelMap(
                    levels: (0...column.leaf.maxDefinition).map { UInt8($0) }, maxRepetition: UInt8(column.leaf.maxRepetition),
                    present: UInt8(column.leaf.maxDefinition), isIdentity: true)
                try batch.append(try PieceRows(column, map, rows: [0..<part.count]))
                batch.seal()
                return try encoder.encode(batch, rows: [UInt32](0..<UInt32(part.count))[...], as: column.leaf)
            }
            try assembler.append(chunks.map(\.description), rowCount: part.count) { chunks[$0].bytes }
        }
        let summary = try assembler.finish()
        try writer.close()
        return summary
    }

    func append(_ files: [DataFile], summary: [String: String] = [:]) throws {
        let loop = CommitLoop(catalog: inner, store: memory, environment: clock.environment)
        _ = try loop.append(files, to: identifier, summary: summary)
    }

    /// A file of new rows in one partition.
    func makeFile(_ count: Int, part: Int64?, _ random: inout Seeded) throws -> DataFile {
        let metadata = try table.metadata
        var rows: [Row] = []
        for _ in 0..<count {
            rows.append(RandomSchema.row(metadata.currentSchema, id: nextRow, part: part, &random))
            nextRow += 1
        }
        // An order of the files' own, so that there is something to sort.
        rows.shuffle(using: &random)
        let tuple = try metadata.defaultSpec.partition { _ in part.map { .int(Int32($0)) } }
        return try write(rows, partition: tuple, groupRows: random.pick([.max, 7, 20]))
    }

    func evolve(_ random: inout Seeded) throws {
        guard var schema = evolving else { return }
        schema.evolve(&random)
        evolving = schema
        let table = try table
        var next = schema.schema
        next.schemaID = (table.metadata.schemas.map(\.schemaID).max() ?? 0) + 1
        _ = try inner.commit([.addSchema(next), .setCurrentSchema(id: next.schemaID)], requirements: [], on: table)
    }

    func changeSpec(_ random: inout Seeded) throws {
        let table = try table
        let id = (table.metadata.partitionSpecs.map(\.specID).max() ?? 0) + 1
        let fields = random.pick([
            [], [PartitionField(sourceID: 1, fieldID: 1000 + id, name: "p\(id)", transform: .bucket(2))],
            [PartitionField(sourceID: 1, fieldID: 1000 + id, name: "p\(id)", transform: .identity)],
        ])
        _ = try inner.commit([.addPartitionSpec(PartitionSpec(specID: id, fields: fields)), .setDefaultSpec(id: id)], requirements: [], on: table)
    }

    // MARK: Deleting

    /// Adds delete files in a snapshot, as engines do that K2 is none of.
    func addDeletes(_ files: [DataFile]) throws {
        let table = try table
        let source = TableFiles(metadata: table.metadata, store: memory)
        var update = try TableUpdate(metadata: table.metadata, manifests: try source.manifests(), identity: CommitIdentity(clock.environment))
        var made: [ManifestFile] = []
        for spec in Set(files.map(\.specID)).sorted() {
            made += try update.write(
                files.filter { $0.specID == spec }.map {
                    ManifestEntry(status: .added, snapshotID: update.identity.snapshotID, sequenceNumber: nil, fileSequenceNumber: nil, file: $0)
                }, specID: spec, .deletes)
        }
        let manifests = made + update.manifests
        let change = try update.finish(manifests, SummaryCounts(), .overwrite, [:])
        for object in change.objects { try memory.put(object.bytes, to: object.location) }
        _ = try inner.commit(change.updates, requirements: change.requirements, on: table)
    }

    static let positionSchema = try! Schema(fields: [
        NestedField(DeleteIndex.filePathID, "file_path", .string, required: true), NestedField(DeleteIndex.positionID, "pos", .long, required: true),
    ])

    func positionDeletes(_ pairs: [(path: String, position: Int64)], specID: Int, partition: [Datum?], bounds: Bool = true) throws -> DataFile {
        fileCount += 1
        let location = "\(try table.metadata.dataFolder)/deletes-\(fileCount).parquet"
        let rows: [Row] = pairs.sorted { ($0.path, $0.position) < ($1.path, $1.position) }.map {
            [DeleteIndex.filePathID: .bytes(Array($0.path.utf8)), DeleteIndex.positionID: .integer($0.position)]
        }
        let summary = try Self.writeFile(rows, Self.positionSchema, to: location, in: memory)
        var file = DataFile(summary, at: location, schema: Self.positionSchema, specID: specID, partition: partition, sortOrderID: nil)
        file.content = .positionDeletes
        let paths = pairs.map(\.path)
        (file.lowerBounds, file.upperBounds) = ([:], [:])
        if bounds, let first = paths.min(), let last = paths.max() {
            file.lowerBounds[DeleteIndex.filePathID] = Array(first.utf8)
            file.upperBounds[DeleteIndex.filePathID] = Array(last.utf8)
        }
        return file
    }

    /// Deletes rows by the values of the columns of `ids`.
    func equalityDeletes(_ rows: [Row], ids: [Int], specID: Int, partition: [Datum?]) throws -> DataFile {
        fileCount += 1
        let metadata = try table.metadata
        let location = "\(metadata.dataFolder)/deletes-\(fileCount).parquet"
        let schema = try Schema(fields: metadata.currentSchema.fields.filter { ids.contains($0.id) })
        let summary = try Self.writeFile(rows.map { schema.projected($0) }, schema, to: location, in: memory)
        var file = DataFile(summary, at: location, schema: schema, specID: specID, partition: partition, sortOrderID: nil)
        file.content = .equalityDeletes
        file.equalityIDs = ids
        return file
    }

    /// Deletes some rows of some live files, one way or the other.
    func deleteSome(_ random: inout Seeded) throws {
        let metadata = try table.metadata
        let entries = try TableFiles(metadata: metadata, store: memory).liveEntries(.data)
        guard !entries.isEmpty else { return }
        let chosen = random.pick(entries).file
        let same = entries.map(\.file).filter { $0.specID == chosen.specID && $0.partition == chosen.partition }
        if random.once(in: 2) {
            let targets = random.once(in: 2) ? [chosen] : same.filter { _ in random.once(in: 2) } + [chosen]
            var pairs: [(path: String, position: Int64)] = []
            for file in targets { for position in 0..<file.recordCount where random.once(in: 4) { pairs.append((file.path, position)) } }
            if pairs.isEmpty { pairs = [(chosen.path, 0)] }
            try addDeletes([try positionDeletes(pairs, specID: chosen.specID, partition: chosen.partition, bounds: random.once(in: 2))])
        } else {
            let ids = random.pick([[2], [3], [2, 3], [1, 3]])
            let victims = try rows(of: chosen).filter { _ in random.once(in: 5) }
            guard !victims.isEmpty else { return }
            let isGlobal = random.once(in: 3) && metadata.spec(id: 0)?.isUnpartitioned == true
            try addDeletes([
                try equalityDeletes(victims, ids: ids, specID: isGlobal ? 0 : chosen.specID, partition: isGlobal ? [] : chosen.partition)
            ])
        }
    }

    // MARK: Reading

    /// The rows of a data file as they stand there, without deletes.
    func rows(of file: DataFile) throws -> [Row] {
        let reader = try ParquetReader(try memory.get(file.path))
        return try reader.metadata.rowGroups.indices.flatMap { try Assembler.rows(reader, rowGroup: $0) }
    }

    /// The rows of a snapshot in the table's present columns, with how often each is there: read by the format's rules, without the code under test.
    func content(snapshot: Int64? = nil) throws -> [Row: Int] {
        let metadata = try table.metadata
        let files = TableFiles(metadata: metadata, store: memory)
        let deletes = try files.liveEntries(.deletes, snapshotID: snapshot)
        var result: [Row: Int] = [:]
        for entry in try files.liveEntries(.data, snapshotID: snapshot) {
            let rows = try rows(of: entry.file)
            #expect(rows.count == Int(entry.file.recordCount))
            for (position, row) in rows.enumerated() where try !isDeleted(row, position, entry, deletes, metadata) {
                result[metadata.currentSchema.projected(row), default: 0] += 1
            }
        }
        return result
    }

    private func isDeleted(_ row: Row, _ position: Int, _ data: ManifestEntry, _ deletes: [ManifestEntry], _ metadata: TableMetadata) throws -> Bool {
        for delete in deletes {
            let isGlobal = delete.file.content == .equalityDeletes && metadata.spec(id: delete.file.specID)!.fields.isEmpty
            let isSame = delete.file.specID == data.file.specID && delete.file.partition == data.file.partition
            guard isGlobal || isSame else { continue }
            if delete.file.content == .positionDeletes {
                guard data.sequenceNumber! <= delete.sequenceNumber! else { continue }
                let pair: Row = [DeleteIndex.filePathID: .bytes(Array(data.file.path.utf8)), DeleteIndex.positionID: .integer(Int64(position))]
                if try deleteRows(delete.file).contains(pair) { return true }
            } else {
                guard data.sequenceNumber! < delete.sequenceNumber! else { continue }
                let key = row.filter { delete.file.equalityIDs.contains($0.key) }
                if try deleteRows(delete.file).contains(key) { return true }
            }
        }
        return false
    }

    private var cache: [ExactPath: Set<Row>] = [:]

    private func deleteRows(_ file: DataFile) throws -> Set<Row> {
        if let known = cache[ExactPath(file.path)] { return known }
        let rows = Set(try rows(of: file))
        cache[ExactPath(file.path)] = rows
        return rows
    }

    var dataFiles: [DataFile] { get throws { try TableFiles(metadata: try table.metadata, store: memory).dataFiles() } }
    var deleteFiles: [ManifestEntry] { get throws { try TableFiles(metadata: try table.metadata, store: memory).liveEntries(.deletes) } }

    /// Parquet objects that no snapshot names.
    func strays() throws -> [String] {
        let metadata = try table.metadata
        var known: Set<String> = []
        for snapshot in metadata.snapshots {
            for manifest in try TableFiles(metadata: metadata, store: memory).manifests(snapshotID: snapshot.snapshotID) {
                known.formUnion(try TableFiles(metadata: metadata, store: memory).entries(manifest).map(\.file.path))
            }
        }
        return try memory.list(prefix: "mem://lake").map(\.location).filter { $0.hasSuffix(".parquet") && !known.contains($0) }
    }

    /// Every snapshot of operation `replace` has the rows of the one before it.
    func expectReplacementsEqual(_ comment: Testing.Comment) throws {
        for snapshot in try table.metadata.snapshots where snapshot.operation == .replace {
            #expect(try content(snapshot: snapshot.snapshotID) == content(snapshot: snapshot.parentSnapshotID), comment)
        }
    }
}
