import K2Domain
import K2Iceberg
import K2JSON
import K2Lake
import K2StateStore

/// How a table is doing, as its current snapshot's manifests, the catalog and the state store tell.
public struct TableHealth: Equatable, Sendable {
    public var table: String
    public var location: String
    /// Of the data files; rows that delete files take away are among them.
    public var rows: Int64 = 0
    public var dataFiles: Int64 = 0
    /// Data files below three quarters of the usual size.
    public var smallFiles: Int64 = 0
    public var deleteFiles: Int64 = 0
    /// Of data files and delete files.
    public var bytes: Int64 = 0
    public var manifests: Int64 = 0
    public var snapshots: Int64 = 0
    public var references: Int64 = 0
    public var committedAt: Timestamp?
    /// The least event time, from the bounds of data files; nil for tables that are not K2's, and empty ones.
    public var oldestData: Timestamp?
    /// Batches of offload, and of maintenance, that are open.
    public var openIntents: Int64 = 0
    public var openMaintenance: Int64 = 0
    /// Lines of the last run of maintenance, in their order.
    public var lastRun: [MaintenanceRun] = []

    /// Verbs of one run.
    private static let verbs = 16

    /// - Throws: when a manifest cannot be read.
    public init(_ table: Table, _ name: String, _ stores: LakeStores) throws {
        self.table = name
        location = table.metadata.location
        let metadata = table.metadata
        snapshots = Int64(metadata.snapshots.count)
        references = Int64(metadata.references.count)
        committedAt = metadata.currentSnapshot.map { Timestamp(microseconds: $0.timestampMS * 1_000) }
        openIntents = Int64(try stores.state.openIntents(table: name).count)
        openMaintenance = Int64(try stores.state.maintenanceIntents(table: name).count)
        let lines = try stores.state.maintenanceRuns(table: name, verb: nil, limit: Self.verbs)
        lastRun = lines.prefix { $0.runID == lines.first?.runID }.reversed()
        try count(TableFiles(metadata: metadata, store: stores.objects), Self.timeField(name, metadata))
    }

    private mutating func count(_ files: TableFiles, _ timeField: Int?) throws {
        let small = Int64(files.metadata.targetFileSize ?? CompactOptions.standardTarget) / 4 * 3
        for manifest in try files.manifests() {
            manifests += 1
            for entry in try files.entries(manifest) where entry.isLive {
                bytes = bytes.addingReportingOverflow(entry.file.fileSize).partialValue
                guard entry.file.content == .data else {
                    deleteFiles += 1
                    continue
                }
                dataFiles += 1
                rows = rows.addingReportingOverflow(entry.file.recordCount).partialValue
                if entry.file.fileSize < small { smallFiles += 1 }
                if let timeField, case .timestamp(let least)? = entry.file.lowerBounds[timeField].flatMap({ Datum(singleValue: $0, type: .timestamptz) }) {
                    oldestData = min(oldestData ?? Timestamp(microseconds: least), Timestamp(microseconds: least))
                }
            }
        }
    }

    /// The field of a K2 table's event time.
    private static func timeField(_ name: String, _ metadata: TableMetadata) -> Int? {
        guard let definition = MarketTables.all.first(where: { $0.coldName == name }), let shape = try? LakeSchema(definition, of: metadata),
            let place = definition.index(of: definition.timeColumn)
        else { return nil }
        return shape.fieldIDs[place]
    }

    // MARK: For programs

    public var json: JSONObject {
        var object = JSONObject(pairs: [
            ("table", .string(table)), ("rows", .integer(rows)), ("files", .integer(dataFiles)), ("small_files", .integer(smallFiles)),
            ("delete_files", .integer(deleteFiles)), ("bytes", .integer(bytes)), ("manifests", .integer(manifests)), ("snapshots", .integer(snapshots)),
            ("references", .integer(references)), ("open_intents", .integer(openIntents)), ("open_maintenance", .integer(openMaintenance)),
        ])
        if let oldestData { object["oldest_data"] = .string(oldestData.description) }
        if let committedAt { object["committed_at"] = .string(committedAt.description) }
        if let last = lastRun.last {
            object["last_run"] = .object(
                JSONObject(pairs: [
                    ("run_id", .string(last.runID)), ("ended_at", .string(last.endedAt.description)), ("verbs", .array(lastRun.map { .object(Self.json($0)) })),
                ]))
        }
        object["location"] = .string(location)
        return object
    }

    private static func json(_ run: MaintenanceRun) -> JSONObject {
        var object = JSONObject(pairs: [("verb", .string(run.verb)), ("status", .string(run.status)), ("ended_at", .string(run.endedAt.description))])
        if let note = run.note { object["summary"] = .string(note) }
        if let error = run.error { object["error"] = .string(error) }
        return object
    }

    /// For the metrics file.
    public var metrics: [StepMetric] {
        [
            StepMetric("maintenance_table_data_files", "Data files of the table.", Double(dataFiles)),
            StepMetric("maintenance_table_small_files", "Data files below three quarters of the usual size.", Double(smallFiles)),
            StepMetric("maintenance_table_delete_files", "Delete files of the table.", Double(deleteFiles)),
            StepMetric("maintenance_table_snapshots", "Snapshots of the table.", Double(snapshots)),
            StepMetric("maintenance_table_open_intents", "Batches that are open.", Double(openIntents + openMaintenance)),
        ] + (oldestData.map { [StepMetric("maintenance_table_oldest_timestamp_seconds", "The least event time of the table.", Double($0.microseconds) / 1e6)] } ?? [])
    }

    /// Looks how the table is, for the metrics alone.
    public static var step: MaintenanceStep {
        var step = MaintenanceStep("health", needsLease: false) { work in
            let table = try work.stores.catalog.loadTable(work.identifier)
            var outcome = StepOutcome(.nothing, "", metrics: try TableHealth(table, work.name, work.stores).metrics)
            outcome.isSilent = true
            return outcome
        }
        step.isRecorded = false
        step.isLooking = true
        return step
    }
}
