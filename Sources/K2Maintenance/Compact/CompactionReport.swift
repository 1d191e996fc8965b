import K2Iceberg
import K2JSON
import K2Lake
import K2StateStore

/// What a compaction of one table did, or would do.
struct CompactionReport {
    let table: String
    let before: TableMetadata
    var after: TableMetadata?
    private(set) var commits = 0
    private var groups = 0
    private var filesIn = 0
    private var filesOut = 0
    private var bytesIn: Int64 = 0
    private var bytesOut: Int64 = 0
    private var rows: Int64 = 0
    private var removedRows: Int64 = 0
    private var deleteFiles = 0
    private var duplicates: [(partition: PartitionKey, rows: Int)] = []
    /// Rows of one identity that differ, and stay; nil when they were not looked for.
    private var conflicting: Int?
    private var manifests: (before: Int, after: Int)?
    private var givenUp = 0
    private var snapshotID: Int64?
    private var digest: UInt128 = 0

    /// Files that could not be written anew, or not to advantage.
    private(set) var skipped: Set<String> = []
    /// Files of groups that a dry run has shown.
    private(set) var planned: Set<String> = []
    /// Why files and groups could not be written anew.
    private var failures: [String] = []

    init(table: String, before: TableMetadata) {
        self.table = table
        self.before = before
    }

    mutating func skip(_ group: CompactionGroup) { skipped.formUnion(group.inputs.map(\.data.file.path)) }

    /// What was found beside the duplicates that go.
    mutating func note(_ found: Duplicates?) { conflicting = found?.conflictCount }

    /// A group is left as it is.
    mutating func leave(_ group: CompactionGroup, _ error: any Error) {
        skip(group)
        failures.append("\(error)")
    }

    /// Files are left as they are that were put into no group.
    mutating func leaveOut(_ reason: String) { failures.append(reason) }

    mutating func add(_ commit: CompactionCommit, _ snapshot: Int64?, _ found: Duplicates?) {
        givenUp += commit.givenUp.count
        guard let snapshot else { return }
        snapshotID = snapshot
        commits += 1
        deleteFiles += commit.droppedDeletes
        for group in commit.committed {
            groups += 1
            filesIn += group.group.inputs.count
            filesOut += group.outputs.count
            bytesIn += group.group.bytes
            bytesOut += group.outputs.reduce(0) { $0 + $1.fileSize }
            rows += group.content.rows
            removedRows += group.removedRows
            digest &+= group.content.digest
        }
        // Rows of duplicates count when the files that hold them were replaced.
        let replaced = Set(commit.committed.flatMap { $0.group.inputs.map(\.data.file.path) })
        duplicates += found?.removed(from: replaced) ?? []
    }

    /// A group that would be written anew.
    /// - Parameter live: rows of it that are neither deleted nor duplicates.
    mutating func plan(_ group: CompactionGroup, live: Int64) {
        groups += 1
        filesIn += group.inputs.count
        bytesIn += group.bytes
        rows += live
        removedRows += group.rows - live
        planned.formUnion(group.inputs.map(\.data.file.path))
    }

    /// What would come of all planned groups together.
    mutating func plan(_ found: Duplicates?, droppedDeletes: Int) {
        duplicates = found?.removed(from: planned) ?? []
        deleteFiles = droppedDeletes
    }

    /// What laying manifests together would do.
    mutating func planManifests(_ change: SnapshotChange) -> ShownLine {
        note(manifestsOf: change.snapshot)
        let (before, after) = manifests ?? (0, 0)
        let text = "\(table): \(Amount.of(before, "manifest")) would become \(after)"
        return ShownLine(text, json: JSONObject(pairs: [("action", "rewrite-manifests"), ("manifests", .integer(before)), ("becoming", .integer(after))]))
    }

    mutating func addManifests(_ metadata: TableMetadata, _ snapshot: Int64) {
        snapshotID = snapshot
        if let snapshot = metadata.snapshot(id: snapshot) { note(manifestsOf: snapshot) }
    }

    private mutating func note(manifestsOf snapshot: Snapshot) {
        func count(_ key: String) -> Int { snapshot.summary[key].flatMap { Int($0) } ?? 0 }
        manifests = (count("manifests-replaced"), count("manifests-created"))
    }

    // MARK: Telling

    /// A partition as people call it.
    static func name(_ partition: PartitionKey, _ metadata: TableMetadata) -> String {
        guard let spec = metadata.spec(id: partition.specID), !spec.fields.isEmpty else { return "all" }
        return PartitionPath.text(partition.values, spec: spec, schema: metadata.currentSchema)
    }

    func name(_ partition: PartitionKey) -> String { Self.name(partition, before) }

    func shown(_ group: CompactionGroup, live: Int64) -> ShownLine {
        let name = name(group.partition)
        let deletes = group.deleteFiles.count
        var text = "\(table): \(name): \(Amount.of(group.inputs.count, "file")), \(Amount.of(live, "row")), \(Amount.of(group.bytes, "byte"))"
        if deletes > 0 { text += ", \(Amount.of(deletes, "delete file"))" }
        var object = JSONObject()
        object["action"] = "rewrite"
        object["partition"] = .string(name)
        object["spec_id"] = .integer(group.partition.specID)
        object["rows"] = .integer(live)
        object["rows_removed"] = .integer(group.rows - live)
        object["bytes"] = .integer(group.bytes)
        object["delete_files"] = .integer(deletes)
        object["files"] = .array(group.inputs.map { .string($0.data.file.path) })
        return ShownLine(text, json: object)
    }

    /// The outcome; an incomplete one when files could not be written anew.
    func result(_ status: StepOutcome.Status) -> StepOutcome {
        var outcome = outcome(status)
        guard let first = failures.first else { return outcome }
        let more = failures.count > 1 ? " (and \(failures.count - 1) more)" : ""
        let isNothing = outcome.status == .nothing
        outcome.summary = first + more + (isNothing ? "" : "; beside that, \(outcome.summary)")
        outcome.status = .incomplete
        return outcome
    }

    func leftAlone(_ reason: String) -> StepOutcome {
        var outcome = outcome(.done)
        outcome.summary = "left alone: \(reason)"
        return outcome
    }

    func outcome(_ status: StepOutcome.Status) -> StepOutcome {
        var status = status
        if manifests == nil, status == .done && commits == 0 || status == .planned && groups == 0 { status = .nothing }
        var outcome = StepOutcome(status, summary(status), facts: facts(status))
        outcome.before = TableSize(before)
        outcome.after = after.flatMap { TableSize($0) }
        outcome.snapshotID = snapshotID
        outcome.metrics = [
            StepMetric("maintenance_compacted_files_total", "Data files that compaction replaced.", Double(status == .planned ? 0 : filesIn)),
            StepMetric("maintenance_compacted_bytes_total", "Bytes of the data files that compaction replaced.", Double(status == .planned ? 0 : bytesIn)),
        ]
        return outcome
    }

    /// The proof failed.
    func different(_ text: String) -> StepOutcome {
        var outcome = outcome(.different)
        outcome.summary = commits > 0 ? "\(text); before that, \(summary(.done))" : text
        return outcome
    }

    private func summary(_ status: StepOutcome.Status) -> String {
        if status == .planned {
            var parts: [String] = []
            if groups > 0 { parts.append("\(Amount.of(groups, "group")), \(Amount.of(filesIn, "file")), \(Amount.of(bytesIn, "byte")) would be written anew") }
            if duplicateRows > 0 { parts.append("\(Amount.of(duplicateRows, "duplicate row")) would go") }
            if let manifests { parts.append("\(Amount.of(manifests.before, "manifest")) would become \(manifests.after)") }
            return parts.joined(separator: ", ") + conflictText
        }
        if status == .nothing {
            return (givenUp > 0 ? "nothing done: \(Amount.of(givenUp, "group")) changed by others meanwhile" : "nothing to do") + conflictText
        }
        var parts: [String] = []
        if commits > 0 {
            parts.append("\(Amount.of(filesIn, "file")) became \(filesOut), \(Amount.of(bytesIn, "byte")) \(bytesOut), in \(Amount.of(commits, "commit"))")
            parts.append("\(Amount.of(rows, "row")) proved equal")
        }
        if deleteFiles > 0 { parts.append("\(Amount.of(deleteFiles, "delete file")) applied and dropped") }
        if removedRows - Int64(duplicateRows) > 0 { parts.append("\(Amount.of(removedRows - Int64(duplicateRows), "deleted row")) left out") }
        if duplicateRows > 0 { parts.append("\(Amount.of(duplicateRows, "duplicate row")) removed") }
        if let manifests { parts.append("\(Amount.of(manifests.before, "manifest")) became \(manifests.after)") }
        if givenUp > 0 { parts.append("\(Amount.of(givenUp, "group")) changed by others meanwhile left as they are") }
        return parts.joined(separator: "; ") + conflictText
    }

    private var conflictText: String {
        guard let conflicting, conflicting > 0 else { return "" }
        return "; \(Amount.of(conflicting, "conflicting row")) left: of one identity with others, and different"
    }

    private var duplicateRows: Int { duplicates.reduce(0) { $0 + $1.rows } }

    private func facts(_ status: StepOutcome.Status) -> JSONObject {
        var object = JSONObject()
        object["groups"] = .integer(groups)
        object["commits"] = .integer(commits)
        object["files_in"] = .integer(filesIn)
        object["files_out"] = .integer(filesOut)
        object["bytes_in"] = .integer(bytesIn)
        object["bytes_out"] = .integer(bytesOut)
        object["rows"] = .integer(rows)
        object["rows_removed"] = .integer(removedRows)
        object["delete_files_dropped"] = .integer(deleteFiles)
        if commits > 0 { object["content_hash"] = .string(RowContent.text(digest)) }
        if !duplicates.isEmpty {
            object["duplicates"] = .array(
                duplicates.map { ["partition": .string(Self.name($0.partition, before)), "rows": .integer($0.rows)] })
        }
        if let conflicting { object["conflicting"] = .integer(conflicting) }
        if let manifests { object["manifests"] = ["before": .integer(manifests.before), "after": .integer(manifests.after)] }
        if givenUp > 0 { object["groups_given_up"] = .integer(givenUp) }
        if !failures.isEmpty { object["left_out"] = .array(failures.map { .string($0) }) }
        return object
    }
}
