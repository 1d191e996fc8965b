import K2Domain
import K2Iceberg
import K2StateStore

/// What the catalog and the state store know of one table.
public struct TableStatus: Sendable {
    public var table: String
    public var rows: Int64
    public var files: Int64
    public var bytes: Int64
    public var snapshots: Int
    public var snapshotID: Int64?
    /// Microseconds since 1970.
    public var committedAt: Timestamp?
    public var openIntents: Int
    public var lastRun: RunRecord?
    /// nil when the table was never offloaded from ClickHouse.
    public var watermark: Watermark?
    /// How far the watermark is behind now, µs.
    public var lag: Int64?
    public var location: String

    public init(
        table: String, rows: Int64, files: Int64, bytes: Int64, snapshots: Int, snapshotID: Int64?, committedAt: Timestamp?, openIntents: Int,
        lastRun: RunRecord?, watermark: Watermark?, lag: Int64?, location: String
    ) {
        self.table = table
        self.rows = rows
        self.files = files
        self.bytes = bytes
        self.snapshots = snapshots
        self.snapshotID = snapshotID
        self.committedAt = committedAt
        self.openIntents = openIntents
        self.lastRun = lastRun
        self.watermark = watermark
        self.lag = lag
        self.location = location
    }
}

extension LakeStores {
    /// The tables that exist or were tried, in the order of the definitions.
    public func status() throws -> [TableStatus] {
        try MarketTables.all.compactMap { definition in
            let schema = try LakeSchema(definition)
            let found = try catalog.findTable(schema.identifier)
            if found == nil, try state.runs(table: definition.coldName, limit: 1).isEmpty { return nil }
            let table = found
            let snapshot = table?.metadata.currentSnapshotID.flatMap { table?.metadata.snapshot(id: $0) }
            func total(_ key: String) -> Int64 { snapshot?.summary[key].flatMap { Int64($0) } ?? 0 }
            let name = definition.coldName
            let watermark = try state.watermark(table: name)
            return TableStatus(
                table: name, rows: total("total-records"), files: total("total-data-files"),
                bytes: total("total-files-size"), snapshots: table?.metadata.snapshots.count ?? 0,
                snapshotID: snapshot?.snapshotID,
                committedAt: snapshot.map { Timestamp(microseconds: $0.timestampMS * 1_000) },
                openIntents: try state.openIntents(table: name).count,
                lastRun: try state.runs(table: name, limit: 1).first, watermark: watermark,
                lag: watermark.map { now.microseconds - $0.position.microseconds }, location: table?.metadata.location ?? "")
        }
    }

    /// Settles all open intents; a line for each. A table whose lease another process holds is not touched:
    /// its open intent may be a batch in the making.
    /// - Returns: what was found, and why tables could not be looked at.
    public func reconcile() -> (lines: [String], failures: [LakeError]) {
        var lines: [String] = [], failures: [LakeError] = []
        for definition in MarketTables.all {
            let table = definition.coldName
            do {
                try LakeError.naming(table) {
                    if try state.openIntents(table: table).isEmpty { return }
                    try takeLease(table)
                    defer { try? state.releaseLease(table: table, holder: holder) }
                    lines += try StateBinding(stores: self, definition: definition).settle()
                }
            } catch {
                failures.append(error as? LakeError ?? LakeError(.failed, "\(table): \(error)"))
            }
        }
        return (lines, failures)
    }
}
