import K2ClickHouse
import K2Domain
import K2JSON
import K2Lake
import K2Rows
import K2StateStore

/// The audit of a table as a step of maintenance: what is found goes to stdout, to the audit log and into the exit status.
public struct AuditStep {
    let options: AuditOptions
    /// nil: nothing is changed.
    let repair: RepairOptions?
    /// Makes a connection to ClickHouse, once for each table.
    let reader: (_ table: String) -> AuditReader

    public init(_ options: AuditOptions, repair: RepairOptions? = nil, reader: @escaping (_ table: String) -> AuditReader) {
        self.options = options
        self.repair = repair
        self.reader = reader
    }

    public var step: MaintenanceStep {
        MaintenanceStep("audit", needsLease: false, needsTable: false, covers: { Self.definition($0) != nil }) { work in
            do { return try run(work) } catch let error as WarmSourceError {
                // A request that was ended by the stop itself is no failure of the server.
                try work.mayGoOn()
                throw error
            }
        }
    }

    private static func definition(_ table: String) -> TableDefinition? { MarketTables.all.first { $0.coldName == table } }

    private func run(_ work: TableWork) throws -> StepOutcome {
        guard let definition = Self.definition(work.name) else { throw LakeError(.configuration, "\(work.name): audit: not one of K2's tables") }
        let audit = TableAudit(definition, reader(work.name), work.stores, options, mayGoOn: work.mayGoOn)
        let result = try run(audit, work)
        let differs = result.rows?.differences ?? 0 > 0 || !result.files.isEmpty
        // One that was killed behind its commit is to be settled, or its snapshot is not expired.
        guard let repair, try differs || !work.isDryRun && LakeRepair.isOpen(definition, work.stores) else { return result.outcome }
        if work.isDryRun {
            var outcome = result.outcome
            let plan = result.repairPlan(repair)
            outcome.summary += "; \(plan.text)"
            outcome.facts["repair_plan"] = .object(plan.json)
            return outcome
        }
        let report = try AuditRepair(audit: audit, options: repair, note: work.note).run()
        for line in report.left { work.note("not repaired: \(line)") }
        work.note(report.summary)
        var outcome = report.commits > 0 ? try run(audit, work).outcome : result.outcome
        outcome.summary = "\(([report.summary] + report.left).joined(separator: "; ")); \(outcome.summary)"
        outcome.facts["repaired"] = .object(report.json)
        return outcome
    }

    /// Audits, shows and logs.
    private func run(_ audit: TableAudit, _ work: TableWork) throws -> AuditResult {
        let startedAt = work.stores.now
        let result = try audit.run()
        for line in result.lines { work.show(line) }
        if !work.isDryRun { for record in result.records(at: startedAt, runID: work.runID) { try work.stores.state.recordAudit(record) } }
        return result
    }
}

extension RepairReport {
    fileprivate var json: JSONObject {
        var object = JSONObject()
        for (name, count) in [("added", added), ("removed", removed), ("replaced", replaced), ("dropped_files", droppedFiles), ("commits", Int64(commits))] {
            object[name] = .integer(count)
        }
        object["left"] = .array(left.map { .string($0) })
        return object
    }
}

/// What a repair would do, as far as it can be told before.
private struct RepairPlan {
    /// Rows were compared.
    var isCompared = false
    var added: Int64 = 0
    var removed: Int64 = 0
    var replaced: Int64 = 0
    /// Rows with other values, and rows that only the lake has, which stay.
    var differing: Int64 = 0
    var extra: Int64 = 0
    var lostFiles = 0
    var dropsLostFiles = false
    var badFiles = 0

    var text: String {
        var parts = isCompared ? ["a repair would add \(Amount.of(added, "row")) and remove \(Amount.of(removed, "row"))"] : []
        if replaced > 0 { parts.append("replace \(replaced)") }
        if differing > 0 { parts.append("leave \(differing) that differ") }
        if extra > 0 { parts.append("leave \(extra) that only the lake has") }
        if lostFiles > 0 { parts.append(dropsLostFiles ? "take \(Amount.of(lostFiles, "lost file")) out of the table" : "change nothing while files are lost") }
        if badFiles > 0 { parts.append("change nothing while files are not what the lake says") }
        return parts.joined(separator: ", ")
    }

    var json: JSONObject {
        var object = JSONObject()
        for (name, count) in [("add", added), ("remove", removed), ("replace", replaced), ("leave_different", differing), ("leave_extra", extra)] {
            object[name] = .integer(count)
        }
        object["drop_files"] = .integer(dropsLostFiles ? lostFiles : 0)
        object["is_blocked"] = .bool(badFiles > 0 || (lostFiles > 0 && !dropsLostFiles))
        return object
    }
}

extension AuditResult {
    fileprivate func repairPlan(_ options: RepairOptions) -> RepairPlan {
        var plan = RepairPlan()
        if let rows {
            plan.isCompared = true
            plan.added = rows.count(.missing)
            plan.removed = rows.count(.doubled)
            plan.replaced = options.replacesDifferent ? rows.count(.differs) - rows.staying : 0
            plan.differing = rows.count(.differs) - plan.replaced
            plan.extra = rows.count(.extra)
        }
        plan.lostFiles = files.count { $0.kind == .lost }
        plan.dropsLostFiles = options.dropsLostFiles
        plan.badFiles = files.count { $0.kind != .lost }
        return plan
    }
}

extension AuditResult {
    var outcome: StepOutcome {
        let status: StepOutcome.Status = verdict == .ok ? .done : verdict == .different ? .different : .unverified
        return StepOutcome(status, summary, facts: facts, metrics: metrics)
    }

    private var metrics: [StepMetric] {
        let differences = (rows?.differences ?? 0) + (candles?.differences ?? 0)
        return [
            StepMetric("maintenance_audit_rows", "Rows of the lake that the last audit read.", Double(rows?.coldRows ?? 0)),
            StepMetric("maintenance_audit_differences", "Rows in which the lake differed from ClickHouse at the last audit.", Double(differences)),
            StepMetric("maintenance_audit_bad_files", "Data files that the last audit found not to be what the lake says.", Double(Set(files.map(\.path)).count)),
            StepMetric("maintenance_audit_result", "What the last audit came to: 0 ok, 1 unverified, 2 different.", Double(verdict == .ok ? 0 : verdict == .different ? 2 : 1)),
        ]
    }

    /// The lines of the audit log: one for each UTC day that has rows, or one for the whole range when none has.
    func records(at time: Timestamp, runID: String) -> [AuditRecord] {
        let days = rows?.days ?? [:]
        if days.isEmpty { return [record(time, runID, range, nil)] }
        return days.sorted { $0.key < $1.key }.map { number, day in
            let start = Timestamp(microseconds: number * Timestamp.microsecondsPerDay)
            return record(time, runID, start..<Timestamp(microseconds: start.microseconds + Timestamp.microsecondsPerDay), day)
        }
    }

    private func record(_ time: Timestamp, _ runID: String, _ span: Range<Timestamp>, _ day: RowFindings.Day?) -> AuditRecord {
        let result = day.map(result(of:)) ?? verdict
        return AuditRecord(
            runAt: time, table: table, source: source, layer: layer,
            windowHours: (span.upperBound.microseconds - span.lowerBound.microseconds) / AuditHour.microseconds,
            windowStart: span.lowerBound, windowEnd: span.upperBound, warmRows: day?.warm.rows ?? rows?.warmRows, coldRows: day?.cold.rows ?? rows?.coldRows,
            warmHash: day?.warm.digest, coldHash: day?.cold.digest, status: result == .ok ? "ok" : result == .unverified ? "unverified" : "mismatch",
            result: result.rawValue, notes: notes(day), runID: runID)
    }

    /// What concerns the table as a whole concerns each day.
    private func result(of day: RowFindings.Day) -> AuditVerdict {
        func has(_ isWanted: (Discrepancy.Kind) -> Bool) -> Bool { Discrepancy.Kind.allCases.contains { isWanted($0) && (day.counts[$0.rawValue] ?? 0) > 0 } }
        if has({ $0.isDifference }) { return .different }
        if !files.isEmpty || (candles?.differences ?? 0) > 0 || !differences.isEmpty { return .different }
        return has({ $0 == .expired }) ? .unverified : reasons.isEmpty ? .ok : .unverified
    }

    private func notes(_ day: RowFindings.Day?) -> String? {
        let counts = Discrepancy.Kind.allCases.compactMap { kind in day?.counts[kind.rawValue].map { "\($0) \(kind.rawValue)" } }
        let wide = day == nil || verdict != .ok ? [summary] : []
        let parts = counts + wide
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private var layer: String {
        for layer in ["bronze", "silver", "gold"] where table.hasPrefix(layer) { return layer }
        return "gaps"
    }
}
