import K2Domain
import K2Iceberg
import K2StateStore

/// Which snapshots K2 itself still needs, whatever their age: those by which it finds out later what it did.
public struct HistoryNeeds {
    /// In the summary of a commit of maintenance: the id of the intent that it belongs to.
    public static let maintenanceKey = "k2.maintenance-id"

    private let batches: Set<String>
    private let fences: Set<String>
    private let maintenance: Set<String>
    /// When the oldest batch that is open was begun.
    private let oldest: Timestamp?

    /// - Precondition: the table whose snapshots are judged was loaded before: a batch that is closed between the two is seen in neither, and
    ///   needs its snapshot no more.
    public init(table: String, state: any StateStore) throws(StateStoreError) {
        let intents = try state.openIntents(table: table)
        batches = Set(intents.map(\.batchID))
        fences = Set(intents.map(IntentReconciler.fencedValue))
        oldest = intents.map(\.createdAt).min()
        maintenance = Set(try state.maintenanceIntents(table: table).map(\.id))
    }

    /// The snapshots that must stay, and why.
    public func reasons(_ metadata: TableMetadata) -> [Int64: String] {
        var reasons: [Int64: String] = [:]
        if let newest = Self.newestWatermark(metadata) { reasons[newest.snapshotID] = "it tells how far the table is offloaded" }
        for snapshot in metadata.snapshots {
            if let reason = reason(snapshot) { reasons[snapshot.snapshotID] = reason }
        }
        return reasons
    }

    private func reason(_ snapshot: Snapshot) -> String? {
        if let id = snapshot.summary[TableCommitter.batchKey], batches.contains(id) { return "its batch \(id) is open" }
        if let id = snapshot.summary[IntentReconciler.fencedKey], fences.contains(id) { return "it fences batch \(id), which is open" }
        if let id = snapshot.summary[Self.maintenanceKey], maintenance.contains(id) { return "maintenance \(id) is open" }
        if let oldest, snapshot.timestampMS >= oldest.microseconds / 1_000 { return "it is not older than an open batch" }
        return nil
    }

    /// The newest snapshot whose summary tells how far the table is offloaded; of all branches.
    public static func newestWatermark(_ metadata: TableMetadata) -> Snapshot? {
        metadata.snapshots.filter { position($0) != nil }.max { $0.sequenceNumber < $1.sequenceNumber }
    }

    /// What a commit of maintenance repeats in its summary, so that the snapshot which told it first need not stay for it alone.
    public static func carried(_ metadata: TableMetadata) -> [String: String] {
        guard let text = newestWatermark(metadata)?.summary[TableCommitter.watermarkKey] else { return [:] }
        return [TableCommitter.watermarkKey: text]
    }

    /// How far the table is offloaded, as the snapshot tells.
    public static func position(_ snapshot: Snapshot) -> Timestamp? {
        guard let text = snapshot.summary[TableCommitter.watermarkKey] else { return nil }
        let bytes = Array(text.utf8)
        return try? Timestamp(rfc3339: bytes.span)
    }
}
