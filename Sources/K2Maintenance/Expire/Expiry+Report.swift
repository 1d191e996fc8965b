import K2Domain
import K2Iceberg
import K2JSON
import K2ObjectStore
import K2StateStore

extension Expiry {
    static func nothing(_ summary: String, _ metadata: TableMetadata, _ retention: Retention? = nil) -> StepOutcome {
        let size = TableSize(metadata)
        var outcome = StepOutcome(.nothing, summary + spared(retention), before: size, after: size)
        outcome.facts["snapshots"] = .integer(metadata.snapshots.count)
        outcome.metrics = [StepMetric("maintenance_table_snapshots", "Snapshots of the table.", Double(metadata.snapshots.count))]
        return outcome
    }

    private static func spared(_ retention: Retention?) -> String {
        guard let retention, !retention.spared.isEmpty else { return "" }
        return ", \(retention.spared.count) old snapshots are needed and stay"
    }

    /// What a run did, or a dry run would do.
    func outcome(
        _ status: StepOutcome.Status, _ before: TableMetadata, _ retention: Retention, _ files: [UnreachableFiles.File], _ spared: Spared, metadataFiles: Int
    ) -> StepOutcome {
        var counts: [UnreachableFiles.Kind: Int] = [:]
        var bytes: Int64 = 0
        for file in files {
            counts[file.kind, default: 0] += 1
            bytes = bytes.addingReportingOverflow(file.size ?? 0).partialValue
        }
        func count(_ kind: UnreachableFiles.Kind) -> Int { counts[kind] ?? 0 }
        let would = status == .planned ? "would be " : ""
        let references = retention.removedReferences.isEmpty ? "" : ", \(retention.removedReferences.count) branches and tags removed"
        let metadata = metadataFiles == 0 ? "" : ", \(metadataFiles) old metadata files \(would)deleted"
        let outside = spared.foreign == 0 ? "" : ", \(spared.foreign) outside of the table's folders are left alone"
        let others = spared.others == 0 ? "" : ", \(spared.others) that other tables name are left alone"
        let summary = """
            \(retention.removed.count) of \(before.snapshots.count) snapshots \(would)expired\(references), \(files.count) files \(would)deleted \
            (\(count(.data)) data, \(count(.deletes)) deletes, \(bytes) bytes)\(metadata)\(outside)\(others)\(Self.spared(retention))
            """
        var outcome = StepOutcome(status, summary, before: TableSize(before))
        for (name, value) in [
            ("snapshots", before.snapshots.count - retention.removed.count), ("expired_snapshots", retention.removed.count),
            ("removed_references", retention.removedReferences.count), ("deleted_files", files.count + metadataFiles), ("deleted_data_files", count(.data)),
            ("deleted_delete_files", count(.deletes)), ("deleted_manifests", count(.manifest)), ("deleted_manifest_lists", count(.manifestList)),
            ("deleted_statistics", count(.statistics)), ("deleted_metadata_files", metadataFiles), ("deleted_bytes", Int(bytes)),
            ("foreign_files", spared.foreign), ("files_of_other_tables", spared.others),
            ("spared_snapshots", retention.spared.count),
        ] { outcome.facts[name] = .integer(value) }
        outcome.metrics = [
            StepMetric("maintenance_expired_snapshots_total", "Snapshots that were expired.", Double(retention.removed.count)),
            StepMetric("maintenance_deleted_files_total", "Files that were deleted because no snapshot needs them.", Double(files.count)),
            StepMetric("maintenance_deleted_bytes_total", "Bytes of these files.", Double(bytes)),
        ]
        return outcome
    }

    /// Shows each snapshot, branch, tag and file that would go, and why.
    func plan(_ metadata: TableMetadata, _ retention: Retention, _ files: inout UnreachableFiles) throws -> StepOutcome {
        let spared = try spare(&files, metadata)
        for name in retention.removedReferences {
            let kind = metadata.references[name]?.kind.rawValue ?? "reference"
            show("remove \(kind) \(name): older than it may become", ["action": "remove", "reference": .string(name)], ["reason": "older than max-ref-age-ms"])
        }
        for snapshot in retention.removed {
            let time = Timestamp(microseconds: snapshot.timestampMS * 1_000).description
            show(
                "expire snapshot \(snapshot.snapshotID) of \(time)",
                ["action": "expire", "snapshot_id": .string(String(snapshot.snapshotID))], ["committed_at": .string(time), "reason": "old, and not among the last of a branch"])
        }
        for item in retention.spared {
            show(
                "keep snapshot \(item.snapshot.snapshotID): \(item.reason)",
                ["action": "keep", "snapshot_id": .string(String(item.snapshot.snapshotID))], ["reason": .string(item.reason)])
        }
        let all = files.all
        for file in all { show(file) }
        let outdated = metadata.metadataFilesToTrim
        for location in outdated {
            show(
                "delete \(location) (metadata): fell out of the table's log", ["action": "delete", "file": .string(location)],
                ["kind": "metadata", "reason": "write.metadata.previous-versions-max"])
        }
        let outcome = outcome(.planned, metadata, retention, all, spared, metadataFiles: outdated.count)
        try spared.check(outcome, work.name)
        return outcome
    }

    private func show(_ file: UnreachableFiles.File) {
        let reason = file.kind == .manifestList ? "of snapshot \(file.snapshotID)" : "in expired snapshots only, such as \(file.snapshotID)"
        let size = file.size.map { ", \($0) bytes" } ?? ""
        var members: [String: JSONValue] = ["kind": .string(file.kind.rawValue), "reason": .string(reason)]
        if let size = file.size { members["bytes"] = .integer(size) }
        show("delete \(file.location) (\(file.kind.name)\(size)): \(reason)", ["action": "delete", "file": .string(file.location)], members)
    }

    private func show(_ text: @autoclosure @escaping () -> String, _ first: [String: JSONValue], _ rest: [String: JSONValue] = [:]) {
        let name = work.name
        work.show(ShownLine("\(name): \(text())", json: Self.object(first, rest)))
    }

    private static func object(_ parts: [String: JSONValue]...) -> JSONObject {
        var object = JSONObject()
        for part in parts { for (key, value) in part.sorted(by: { $0.key < $1.key }) { object[key] = value } }
        return object
    }
}

extension TableMetadata {
    /// How many metadata files of the log the commit that made `next` of this has taken out of it and deleted.
    func trimmedCount(before next: TableMetadata) -> Int {
        guard next.properties["write.metadata.delete-after-commit.enabled"] == "true" else { return 0 }
        return Set(metadataLog.map(\.metadataFile)).subtracting(next.metadataLog.map(\.metadataFile)).count
    }

    /// Metadata files that the next commit deletes, because the log is full and the table asks for it.
    var metadataFilesToTrim: [String] {
        guard properties["write.metadata.delete-after-commit.enabled"] == "true" else { return [] }
        var copy = self
        return copy.logPrevious(metadataFile: "", timestampMS: lastUpdatedMS)
    }
}
