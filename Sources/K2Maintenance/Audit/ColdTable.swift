import K2Domain
import K2Iceberg
import K2Lake
import K2ObjectStore
import K2StateStore

/// One snapshot of a table of the lake, and what an audit has to know before it reads its files.
struct ColdTable {
    let metadata: TableMetadata
    let schema: LakeSchema
    /// Rows that the warm store got later need not be in the snapshot.
    let watermark: Timestamp?
    /// Those that may hold rows of the range that was asked for, with what is deleted from them.
    let files: [DeletedFile]
    /// Whether files may hold rows of before that range.
    let reachesBack: Bool
    /// Manifests that are not what their list says, and data files that the table has more than once.
    let problems: [AuditedFileProblem]

    /// The data files that may hold rows of `range`, by their bounds or by their partition: where one of them is wrong, the file is read and the
    /// error found.
    func files(in range: Range<Timestamp>) -> [DeletedFile] {
        files.filter { Self.mayHold($0.data.file, range, schema, metadata) }
    }

    private static func mayHold(_ file: DataFile, _ range: Range<Timestamp>, _ schema: LakeSchema, _ metadata: TableMetadata) -> Bool {
        let timeID = timeID(schema)
        return mayHoldByBounds(file, range, timeID) || mayHoldByPartition(file, range, timeID, metadata.spec(id: file.specID))
    }

    private static func timeID(_ schema: LakeSchema) -> Int { schema.fieldIDs[schema.definition.index(of: schema.definition.timeColumn)!] }

    private static func mayHoldByBounds(_ file: DataFile, _ range: Range<Timestamp>, _ timeID: Int) -> Bool {
        guard case .timestamp(let low)? = file.lowerBounds[timeID].flatMap({ Datum(singleValue: $0, type: .timestamptz) }),
            case .timestamp(let high)? = file.upperBounds[timeID].flatMap({ Datum(singleValue: $0, type: .timestamptz) })
        else { return true }
        return low < range.upperBound.microseconds && high >= range.lowerBound.microseconds
    }

    private static func mayHoldByPartition(_ file: DataFile, _ range: Range<Timestamp>, _ timeID: Int, _ spec: PartitionSpec?) -> Bool {
        guard let spec, let index = spec.fields.firstIndex(where: { $0.sourceID == timeID }), index < file.partition.count,
            case let field = spec.fields[index], field.transform.keepsOrder, let value = file.partition[index],
            let low = try? field.transform.apply(.timestamp(range.lowerBound.microseconds)),
            let high = try? field.transform.apply(.timestamp(range.upperBound.microseconds - 1))
        else { return true }
        return Datum.isLess(value, low) != true && Datum.isLess(high, value) != true
    }
}

extension ColdTable {
    /// The current snapshot; nil when the catalog has no such table.
    ///
    /// The state store is asked first: what it says is in the lake is in any snapshot that is read later.
    static func open(_ definition: TableDefinition, _ stores: LakeStores, range: Range<Timestamp>) throws -> ColdTable? {
        let noted = try stores.state.watermark(table: definition.coldName)?.position
        guard let table = try stores.catalog.findTable(TableIdentifier(LakeSchema.namespace, definition.coldName)) else { return nil }
        let schema = try LakeSchema(definition, of: table.metadata)
        var reachesBack = false
        var problems: [AuditedFileProblem] = []
        let files = try liveFiles(table.metadata, stores.objects, &problems) { file in
            reachesBack = reachesBack || mayHoldByBounds(file, AuditOptions.everything.lowerBound..<range.lowerBound, timeID(schema))
            return mayHold(file, range, schema, table.metadata)
        }
        let told = HistoryNeeds.newestWatermark(table.metadata).flatMap(HistoryNeeds.position)
        return ColdTable(
            metadata: table.metadata, schema: schema, watermark: [noted, told].compactMap { $0 }.filter { $0.microseconds > 0 }.max(), files: files,
            reachesBack: reachesBack, problems: problems)
    }

    /// All data files of the snapshot, also those outside the range.
    func liveFiles(_ store: any ObjectStore) throws -> [DeletedFile] {
        var problems: [AuditedFileProblem] = []
        return try Self.liveFiles(metadata, store, &problems) { _ in true }
    }

    private static func liveFiles(
        _ metadata: TableMetadata, _ store: any ObjectStore, _ problems: inout [AuditedFileProblem], _ isWanted: (DataFile) -> Bool
    ) throws -> [DeletedFile] {
        let source = TableFiles(metadata: metadata, store: store)
        let deletes = try DeleteIndex(source)
        var files: [DeletedFile] = [], counts: [ExactPath: Int] = [:]
        // Also manifests without live files by their list, which may be wrong.
        for manifest in try source.manifests() where manifest.content == .data {
            let entries = try source.entries(manifest)
            let types = metadata.spec(id: manifest.specID)?.resultTypes(metadata.currentSchema) ?? []
            for text in ManifestFacts(manifest: manifest, entries: entries, types: types).problems {
                problems.append(AuditedFileProblem(path: manifest.path, kind: .misdescribed, text: text))
            }
            for entry in entries where entry.isLive {
                counts[ExactPath(entry.file.path), default: 0] += 1
                if isWanted(entry.file) { files.append(DeletedFile(data: entry, deletes: deletes.deletes(for: entry))) }
            }
        }
        for (path, count) in counts.filter({ $0.value > 1 }).sorted(by: { $0.key.text < $1.key.text }) {
            problems.append(AuditedFileProblem(path: path.text, kind: .misdescribed, text: "the table has it \(count) times: each of its rows counts as often"))
        }
        return files
    }
}

extension Transform {
    /// Whether a greater value never comes to a smaller partition value.
    var keepsOrder: Bool {
        switch self {
        case .identity, .year, .month, .day, .hour, .truncate: true
        case .void, .bucket, .unknown: false
        }
    }
}
