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
    /// Commits for which rows are looked up in the whole lake at once.
    public var sharesAtOnce = 8

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
    /// Rows that stay since their file is of an older partition spec, in which nothing is written any more.
    var inOlderSpecs: Int64 = 0
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
        let shares = HourChunk.chunks(plan.differing, limit: options.rowsAtOnce).flatMap { chunk in (0..<chunk.parts).map { Share(chunk: chunk, part: $0) } }
        for start in stride(from: 0, to: shares.count, by: options.sharesAtOnce) {
            try mend(Array(shares[start..<min(start + options.sharesAtOnce, shares.count)]), plan.clock, repair, &report)
        }
        if report.staying > 0 {
            report.left.append(
                "\(report.staying) rows with other values stay: the lake has them under another time, or more than once and nothing says which is right")
        }
        if report.inOlderSpecs > 0 {
            report.left.append("\(report.inOlderSpecs) rows stay in files of an older partition spec: a load writes in the table's present one alone")
        }
        return report
    }

    private struct Plan {
        var lost: [DeletedFile] = []
        var differing: [HourComparison] = []
        var clock: Timestamp
    }

    /// Compares the table; nil when it cannot be repaired as it is.
    private func plan(_ report: inout RepairReport) throws -> Plan? {
        guard let cold = try ColdTable.open(definition, audit.stores, range: audit.options.range) else {
            report.left.append("the lake has no such table")
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
        return Plan(lost: cold.files.filter { lost.contains($0.data.file.path) }, differing: differing, clock: clock)
    }

    /// Rows that are compared and committed at once.
    private struct Share {
        var chunk: HourChunk
        var part: Int
    }

    /// Which of the rows that are missing in their hours may be added, by the hashes of their identities.
    private enum Additions {
        /// These: the lake has them nowhere.
        case only(Set<UInt64>)
        /// None: a file that may have them cannot be searched.
        case none
        /// Not known yet.
        case unknown
    }

    /// What a commit is to do.
    private struct Change {
        /// The table's present partition spec.
        let specID: Int
        /// Hashes of the rows that are to come, by identity.
        var wanted: [UInt64: UInt64] = [:]
        var cuts: [String: FileCut] = [:]
        var gone = AuditSums(measures: 0)
        var report = RepairReport()
    }

    /// Several shares are compared once more to begin with, so that the whole lake is searched for their rows only once.
    private func mend(_ shares: [Share], _ clock: Timestamp, _ repair: LakeRepair, _ report: inout RepairReport) throws {
        var additions = Additions.unknown
        if shares.count > 1 {
            guard let cold = try ColdTable.open(definition, audit.stores, range: audit.options.range) else { return }
            let comparison = try audit.comparison(cold)
            var (missing, nowhere) = (MissingRows(comparison, without: []), Set<UInt64>())
            for share in shares { try comparison.rows(of: share.chunk, share.part, without: [], clock: clock) { row, _ in _ = missing.take(row) } }
            let problems = try missing.settle { row, _ in if row.remedy == .add { nowhere.insert(row.identity) } }
            additions = note(problems, &report) ? .none : .only(nowhere)
        }
        for share in shares { try mend(share, additions, clock, repair, &report) }
    }

    /// Tells that a file that cannot be searched may have rows that are missing.
    private func note(_ problems: [AuditedFileProblem], _ report: inout RepairReport) -> Bool {
        guard let problem = problems.first else { return false }
        let line = "missing rows are not added while \(problem.path) cannot be searched for them: \(problem.text)"
        if !report.left.contains(line) { report.left.append(line) }
        return true
    }

    private func mend(_ share: Share, _ additions: Additions, _ clock: Timestamp, _ repair: LakeRepair, _ report: inout RepairReport) throws {
        // What was committed before has changed the table.
        guard let cold = try ColdTable.open(definition, audit.stores, range: audit.options.range) else { return }
        let (comparison, chunk) = (try audit.comparison(cold), share.chunk)
        var change = Change(specID: cold.schema.spec.specID)
        var missing = MissingRows(comparison, without: [])
        try comparison.rows(of: chunk, share.part, without: [], clock: clock) { row, file in if !missing.take(row) { plan(row, file, &change) } }
        switch additions {
        case .only(let nowhere): for row in missing.judged(nowhere) { plan(row, nil, &change) }
        case .none: break
        case .unknown:
            var looked = change
            if !note(try missing.settle({ row, file in plan(row, file, &looked) }), &report) { change = looked }
        }
        let added = try rows(change.wanted, chunk, comparison)
        let before = try comparison.scan.sums(of: change.cuts.values.map(\.file))
        let committed = try repair.commit(added: added, cuts: change.cuts.values.sorted { $0.file.data.file.path < $1.file.data.file.path }) { metadata, schema, files in
            let scan = ColdScan(schema: schema, metadata: metadata, store: audit.stores.objects, columns: comparison.scan.columns, mayGoOn: audit.mayGoOn)
            var expected = before
            expected.add(AuditSums(hashes: Array(change.wanted.values)))
            expected.takeAway(change.gone)
            let entries = files.map { ManifestEntry(status: .added, snapshotID: nil, sequenceNumber: nil, fileSequenceNumber: nil, file: $0) }
            let found = try scan.sums(of: entries.map { DeletedFile(data: $0, deletes: []) })
            try Self.mustBe(found == expected, "\(found.rows) rows with hash \(found.digest) were written, expected \(expected.rows) with \(expected.digest)")
        }
        report.take(change.report, isDone: committed != nil)
    }

    private func plan(_ row: Discrepancy, _ file: DeletedFile?, _ change: inout Change) {
        if row.remedy != .none, row.cold != nil, let file, file.data.file.specID != change.specID {
            change.report.inOlderSpecs += 1
            return
        }
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
        guard let cold = row.cold, let file else { return }
        change.cuts[file.data.file.path, default: FileCut(file: file, rows: [:])].rows[Int(cold.rowGroup), default: []].insert(Int(cold.position))
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
        inOlderSpecs += other.inOlderSpecs
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
    /// Number and hashes of all live rows of some files.
    /// - Throws: when one of them cannot be read.
    func sums(of files: [DeletedFile]) throws -> AuditSums {
        let (hours, problems) = try sums(files, in: AuditOptions.everything, checks: true)
        if let problem = problems.first { throw LakeError(.failed, "\(problem.path): \(problem.text)") }
        var total = AuditSums(measures: 0)
        for sums in hours.values { total.add(AuditSums(rows: sums.rows, hash: sums.hash, check: sums.check, measures: [], earliest: .max, latest: .min)) }
        return total
    }
}
