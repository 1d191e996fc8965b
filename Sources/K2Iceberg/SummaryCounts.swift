/// The counts of a snapshot summary: https://iceberg.apache.org/spec/#optional-snapshot-summary-fields (appendix F).
struct SummaryCounts {
    /// Files of one kind that come or go.
    private struct Tally {
        var files: Int64 = 0
        var records: Int64 = 0

        mutating func add(_ file: DataFile) {
            files += 1
            records = Count.adding(records, file.recordCount)
        }
    }

    private var added = Tally()
    private var removed = Tally()
    private var removedPositionDeletes = Tally()
    private var removedEqualityDeletes = Tally()
    private var addedSize: Int64 = 0
    private var removedSize: Int64 = 0
    private var partitions: Set<PartitionKey> = []

    mutating func add(_ file: DataFile) {
        added.add(file)
        addedSize = Count.adding(addedSize, file.fileSize)
        partitions.insert(PartitionKey(file))
    }

    mutating func remove(_ file: DataFile) {
        switch file.content {
        case .data: removed.add(file)
        case .positionDeletes: removedPositionDeletes.add(file)
        case .equalityDeletes: removedEqualityDeletes.add(file)
        }
        removedSize = Count.adding(removedSize, file.fileSize)
        partitions.insert(PartitionKey(file))
    }

    var operation: Snapshot.Operation {
        if removed.files == 0 { return .append }
        return added.files == 0 ? .delete : .overwrite
    }

    private var removedDeleteFiles: Int64 { removedPositionDeletes.files + removedEqualityDeletes.files }

    /// - Parameter parent: the summary of the snapshot before; nil when there is none.
    func summary(operation: Snapshot.Operation, extra: [String: String], parent: [String: String]?) -> [String: String] {
        var summary = extra
        summary["operation"] = operation.rawValue
        func set(_ key: String, _ value: Int64) { if value > 0 { summary[key] = String(value) } }
        set("added-data-files", added.files)
        set("added-records", added.records)
        set("added-files-size", addedSize)
        set("deleted-data-files", removed.files)
        set("deleted-records", removed.records)
        set("removed-files-size", removedSize)
        set("removed-delete-files", removedDeleteFiles)
        set("removed-position-delete-files", removedPositionDeletes.files)
        set("removed-position-deletes", removedPositionDeletes.records)
        set("removed-equality-delete-files", removedEqualityDeletes.files)
        set("removed-equality-deletes", removedEqualityDeletes.records)
        summary["changed-partition-count"] = String(partitions.count)
        func total(_ key: String, added: Int64, removed: Int64) {
            // A parent that does not say leaves the total unknown.
            guard let before = parent == nil ? 0 : parent?[key].flatMap({ Int64($0) }) else { return }
            summary[key] = String(max(Count.adding(max(before, 0), added) - removed, 0))
        }
        total("total-data-files", added: added.files, removed: removed.files)
        total("total-records", added: added.records, removed: removed.records)
        total("total-files-size", added: addedSize, removed: removedSize)
        total("total-delete-files", added: 0, removed: removedDeleteFiles)
        total("total-position-deletes", added: 0, removed: removedPositionDeletes.records)
        total("total-equality-deletes", added: 0, removed: removedEqualityDeletes.records)
        return summary
    }
}
