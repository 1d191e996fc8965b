/// Everything one commit needs: objects to write first, then updates to apply if the requirements hold.
public struct SnapshotChange: Equatable, Sendable {
    public struct PendingObject: Equatable, Sendable {
        public var location: String
        public var bytes: [UInt8]
    }

    /// Manifests, then the manifest list.
    public var objects: [PendingObject]
    public var updates: [MetadataUpdate]
    public var requirements: [Requirement]
    public var snapshot: Snapshot
}

/// The counts of a snapshot summary: https://iceberg.apache.org/spec/#optional-snapshot-summary-fields (appendix F).
struct SummaryCounts {
    private var addedFiles: Int64 = 0
    private var addedRecords: Int64 = 0
    private var addedSize: Int64 = 0
    private var removedFiles: Int64 = 0
    private var removedRecords: Int64 = 0
    private var removedSize: Int64 = 0
    private var partitions: Set<PartitionKey> = []

    private struct PartitionKey: Hashable {
        var specID: Int
        var values: [Datum?]
    }

    mutating func add(_ file: DataFile) {
        addedFiles += 1
        addedRecords = Count.adding(addedRecords, file.recordCount)
        addedSize = Count.adding(addedSize, file.fileSize)
        partitions.insert(PartitionKey(specID: file.specID, values: file.partition))
    }

    mutating func remove(_ file: DataFile) {
        removedFiles += 1
        removedRecords = Count.adding(removedRecords, file.recordCount)
        removedSize = Count.adding(removedSize, file.fileSize)
        partitions.insert(PartitionKey(specID: file.specID, values: file.partition))
    }

    var operation: Snapshot.Operation {
        if removedFiles == 0 { return .append }
        return addedFiles == 0 ? .delete : .overwrite
    }

    /// - Parameter parent: the summary of the snapshot before; nil when there is none.
    func summary(operation: Snapshot.Operation, extra: [String: String], parent: [String: String]?) -> [String: String] {
        var summary = extra
        summary["operation"] = operation.rawValue
        func set(_ key: String, _ value: Int64) { if value > 0 { summary[key] = String(value) } }
        set("added-data-files", addedFiles)
        set("added-records", addedRecords)
        set("added-files-size", addedSize)
        set("deleted-data-files", removedFiles)
        set("deleted-records", removedRecords)
        set("removed-files-size", removedSize)
        summary["changed-partition-count"] = String(partitions.count)
        func total(_ key: String, added: Int64, removed: Int64) {
            // A parent that does not say leaves the total unknown.
            guard let before = parent == nil ? 0 : parent?[key].flatMap({ Int64($0) }) else { return }
            summary[key] = String(max(Count.adding(max(before, 0), added) - removed, 0))
        }
        total("total-data-files", added: addedFiles, removed: removedFiles)
        total("total-records", added: addedRecords, removed: removedRecords)
        total("total-files-size", added: addedSize, removed: removedSize)
        total("total-delete-files", added: 0, removed: 0)
        total("total-position-deletes", added: 0, removed: 0)
        total("total-equality-deletes", added: 0, removed: 0)
        return summary
    }
}
