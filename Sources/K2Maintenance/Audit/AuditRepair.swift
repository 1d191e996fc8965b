import K2ClickHouse
import K2Domain
import K2Iceberg
import K2Lake
import K2Rows

/// What a repair may do.
public struct RepairOptions: Sendable {
    /// Rows that differ become those of ClickHouse.
    public var replacesDifferent = false
    /// Files that are lost leave the table.
    public var dropsLostFiles = false
    /// Bytes of a data file, about.
    public var targetFileSize = 128 << 20
    /// Rows of one commit, about.
    public var rowsAtOnce: Int64 = 500_000

    public init() {}
}

/// What a repair did.
struct RepairReport: Equatable {
    var added: Int64 = 0
    var removed: Int64 = 0
    var replaced: Int64 = 0
    var droppedFiles: Int64 = 0
    /// Rows with other values that stay, whatever is asked for.
    var staying: Int64 = 0
    var commits = 0
    /// What it left, and why, a line each.
    var left: [String] = []

    /// One line.
    var summary: String {
        var parts: [String] = []
        if added > 0 { parts.append("\(added) rows added") }
        if removed > 0 { parts.append("\(removed) doubled rows removed") }
        if replaced > 0 { parts.append("\(replaced) rows replaced") }
        if droppedFiles > 0 { parts.append("\(droppedFiles) lost files left the table") }
        return parts.isEmpty ? "nothing repaired" : "repaired: \(parts.joined(separator: ", "))"
    }
}

/// Adds the rows that a table lacks and takes out those that it has twice, by the same comparison as the audit, made anew while nothing else is loaded.
///
/// Rows that only the lake has stay: nothing proves them wrong. Each commit is proven before it is made: the files that were written are read back, and
/// their hashes must be those of the files that they replace, less the rows that go, with the rows that come.
struct AuditRepair {
    let audit: TableAudit
    let options: RepairOptions
    let note: (String) -> Void

    private var definition: TableDefinition { audit.definition }

    /// - Throws: `StateStoreError` with the code `leaseHeld` when a load has the table; what reading and committing throw.
    func run() throws -> RepairReport {
        var report = RepairReport()
        let repair = try LakeRepair(definition, audit.stores, targetFileSize: options.targetFileSize, note: note)
        defer { repair.end() }
        guard var plan = try plan(&report) else { return report }
        if !plan.lost.isEmpty {
            let cuts = plan.lost.map { FileCut(file: $0, rows: [:], isLost: true) }
            if try repair.commit(added: RowBuffer(definition), cuts: cuts, prove: { _, _, files in try Self.mustBe(files.isEmpty, "lost files") }) != nil {
                report.droppedFiles += Int64(cuts.count)
                report.commits += 1
            }
            guard let again = try self.plan(&report), again.lost.isEmpty else { return report }
            plan = again
        }
        for chunk in HourChunk.chunks(plan.differing, limit: options.rowsAtOnce) {
            for part in 0..<chunk.parts { try mend(chunk, part, plan.clock, repair, &report) }
        }
        if report.staying > 0 {
            report.left.append(
                "\(report.staying) rows with other values stay: the lake has them under another time, or more than once and nothing says which is right")
        }
        return report
    }

    private struct Plan {
        var lost: [DataFile] = []
        var differing: [HourComparison] = []
        var clock: Timestamp
    }

    /// Compares the table; nil when it cannot be repaired as it is.
    private func plan(_ report: inout RepairReport) throws -> Plan? {
        guard let cold = try ColdTable.open(definition, audit.stores, range: audit.options.range) else {
            report.left.append("the lake has no such table")
            return nil
        }
        if cold.files.contains(where: { !$0.deletes.isEmpty }) {
            report.left.append("files with delete files are not written anew here: compact the table first")
            return nil
        }
        var problems: [AuditedFileProblem] = []
        let (_, differing, clock) = try audit.comparison(cold).sums(checks: true, &problems)
        let lost = Set(problems.filter { $0.kind == .lost }.map(\.path))
        // Where a file's bounds are wrong, rows of it may be taken for missing.
        if problems.contains(where: { $0.kind != .lost }) {
            report.left.append("rows are not repaired while files cannot be read, or hold other than their manifests say")
            return nil
        }
        if !lost.isEmpty, !options.dropsLostFiles {
            report.left.append("rows are not repaired while files are lost: bring them back, or --drop-lost-files")
            return nil
        }
        return Plan(lost: cold.files.map(\.data.file).filter { lost.contains($0.path) }, differing: differing, clock: clock)
    }

    /// What a commit is to do.
    private struct Change {
        /// Hashes of the rows that are to come, by identity.
        var wanted: [UInt64: UInt64] = [:]
        var cuts: [String: FileCut] = [:]
        var gone = AuditSums(measures: 0)
        var report = RepairReport()
    }

    private func mend(_ chunk: HourChunk, _ part: Int, _ clock: Timestamp, _ repair: LakeRepair, _ report: inout RepairReport) throws {
        // What was committed before has changed the table.
        guard let cold = try ColdTable.open(definition, audit.stores, range: audit.options.range) else { return }
        let comparison = try audit.comparison(cold)
        var change = Change()
        var missing = MissingRows(comparison, without: [])
        try comparison.rows(of: chunk, part, without: [], clock: clock) { row, file in if !missing.take(row) { plan(row, file, &change) } }
        var looked = change
        if let problem = try missing.settle({ row, file in plan(row, file, &looked) }).first {
            let line = "missing rows are not added while \(problem.path) cannot be searched for them: \(problem.text)"
            if !report.left.contains(line) { report.left.append(line) }
        } else {
            change = looked
        }
        let added = try rows(change.wanted, chunk, comparison)
        let before = try comparison.scan.sums(of: change.cuts.values.map(\.file))
        let committed = try repair.commit(added: added, cuts: change.cuts.values.sorted { $0.file.path < $1.file.path }) { metadata, schema, files in
            let scan = ColdScan(schema: schema, metadata: metadata, store: audit.stores.objects, columns: comparison.scan.columns, mayGoOn: audit.mayGoOn)
            var expected = before
            expected.add(AuditSums(hashes: Array(change.wanted.values)))
            expected.takeAway(change.gone)
            let found = try scan.sums(of: files)
            try Self.mustBe(found == expected, "\(found.rows) rows with hash \(found.digest) were written, expected \(expected.rows) with \(expected.digest)")
        }
        report.take(change.report, isDone: committed != nil)
    }

    private func plan(_ row: Discrepancy, _ file: DeletedFile?, _ change: inout Change) {
        switch row.remedy {
        case .add:
            guard let warm = row.warm else { return }
            change.wanted[warm.identity] = warm.row
            change.report.added += 1
        case .remove where row.kind == .doubled:
            cut(row, file, &change)
            change.report.removed += 1
        case .remove where options.replacesDifferent:
            cut(row, file, &change)
            change.report.replaced += 1
        case .replace where options.replacesDifferent:
            guard let warm = row.warm else { return }
            change.wanted[warm.identity] = warm.row
            cut(row, file, &change)
            change.report.replaced += 1
        case .none where row.kind == .differs: change.report.staying += 1
        case .none, .remove, .replace: break
        }
    }

    private func cut(_ row: Discrepancy, _ file: DeletedFile?, _ change: inout Change) {
        guard let cold = row.cold, let file = file?.data.file else { return }
        change.cuts[file.path, default: FileCut(file: file, rows: [:])].rows[Int(cold.rowGroup), default: []].insert(Int(cold.position))
        change.gone.add(AuditSums(hashes: [cold.row]))
    }

    /// The warm rows that are wanted, whole.
    private func rows(_ wanted: [UInt64: UInt64], _ chunk: HourChunk, _ comparison: RowComparison) throws -> RowBuffer {
        var buffer = RowBuffer(definition)
        let source = comparison.source(comparison.range(of: chunk))
        let names = Array(wanted.keys)
        for start in stride(from: 0, to: names.count, by: Self.namesAtOnce) {
            try audit.mayGoOn()
            try audit.reader.rows(source, of: definition, identities: Array(names[start..<min(start + Self.namesAtOnce, names.count)]), into: &buffer)
        }
        let (all, identity) = (definition.columns.map(\.name), definition.identity)
        let found = zip(buffer.hashes(of: 0..<buffer.rowCount, columns: identity), buffer.hashes(of: 0..<buffer.rowCount, columns: all))
        // Rows of ClickHouse may have changed since their hashes were read.
        guard buffer.rowCount == wanted.count, found.allSatisfy({ wanted[$0] == $1 }) else {
            throw LakeError(.busy, "\(definition.coldName): rows of ClickHouse changed while they were read")
        }
        return buffer
    }

    /// Identities in one question.
    private static let namesAtOnce = 20_000

    private static func mustBe(_ condition: Bool, _ what: String) throws {
        guard condition else { throw LakeError(.failed, "repair: the proof failed, nothing was committed: \(what)") }
    }
}

extension RepairReport {
    fileprivate mutating func take(_ other: RepairReport, isDone: Bool) {
        staying += other.staying
        guard isDone else { return }
        added += other.added
        removed += other.removed
        replaced += other.replaced
        commits += 1
    }
}

extension AuditSums {
    /// Of rows with these hashes; of times and measures nothing is known.
    init(hashes: [UInt64]) {
        self.init(measures: 0)
        rows = Int64(hashes.count)
        for value in hashes {
            hash &+= value
            check &+= RowHash.mix(value)
        }
    }

    /// Leaves rows out.
    mutating func takeAway(_ other: AuditSums) {
        rows -= other.rows
        hash &-= other.hash
        check &-= other.check
    }
}

extension ColdScan {
    /// Number and hashes of all rows of some files.
    /// - Throws: when one of them cannot be read.
    func sums(of files: [DataFile]) throws -> AuditSums {
        let entries = files.map { ManifestEntry(status: .existing, snapshotID: nil, sequenceNumber: nil, fileSequenceNumber: nil, file: $0) }
        let (hours, problems) = try sums(entries.map { DeletedFile(data: $0, deletes: []) }, in: AuditOptions.everything, checks: true)
        if let problem = problems.first { throw LakeError(.failed, "\(problem.path): \(problem.text)") }
        var total = AuditSums(measures: 0)
        for sums in hours.values { total.add(AuditSums(rows: sums.rows, hash: sums.hash, check: sums.check, measures: [], earliest: .max, latest: .min)) }
        return total
    }
}
