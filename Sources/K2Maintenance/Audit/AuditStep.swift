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
        let differs = result.rows?.differences ?? 0 > 0 || result.candles?.differences ?? 0 > 0 || !result.files.isEmpty
        // One that was killed behind its commit is to be settled, or its snapshot is not expired.
        guard let repair, try differs || !work.isDryRun && LakeRepair.isOpen(definition, work.stores) else { return result.outcome }
        if work.isDryRun {
            var outcome = result.outcome
            outcome.summary += "; \(result.repairPlan(repair))"
            outcome.facts["repair"] = .object(result.repairFacts(repair))
            return outcome
        }
        var report = try AuditRepair(audit: audit, options: repair, note: work.note).run()
        let after = report.commits > 0 ? try run(audit, work) : result
        report.left += after.staying(repair)
        for line in report.left { work.note("not repaired: \(line)") }
        work.note(report.summary)
        var outcome = after.outcome
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

extension AuditResult {
    /// What no repair changes, or not this one, and why, a line each.
    fileprivate func staying(_ options: RepairOptions) -> [String] {
        var lines: [String] = []
        if let rows {
            let differing = rows.count(.differs) - rows.staying
            if differing > 0, !options.replacesDifferent { lines.append("\(differing) rows with other values stay: --replace-different takes ClickHouse's") }
            if rows.count(.extra) > 0 { lines.append("\(rows.count(.extra)) rows that only the lake has stay: ClickHouse may have lost them") }
        }
        if let candles, candles.differences > 0 { lines.append("candles that their trades do not make stay: k2-ohlcv has to make them anew") }
        return lines
    }

    /// Rows that a repair would replace, as far as it can be told before.
    private func replaced(_ options: RepairOptions) -> Int64 { options.replacesDifferent ? (rows?.count(.differs) ?? 0) - (rows?.staying ?? 0) : 0 }

    private var lostFiles: Int { files.count { $0.kind == .lost } }

    /// Why a repair would change no rows.
    private func refusal(_ options: RepairOptions) -> String? {
        if lostFiles > 0, !options.dropsLostFiles { return "files are lost" }
        return files.contains { $0.kind != .lost } ? "files are not what the lake says" : nil
    }

    /// What a repair would do, as far as it can be told before.
    fileprivate func repairPlan(_ options: RepairOptions) -> String {
        var parts: [String] = []
        if let rows {
            parts.append("a repair would add \(rows.count(.missing)) rows and remove \(rows.count(.doubled))")
            let replaced = replaced(options)
            if replaced > 0 { parts.append("replace \(replaced)") }
            if rows.count(.differs) > replaced { parts.append("leave \(rows.count(.differs) - replaced) that differ") }
            if rows.count(.extra) > 0 { parts.append("leave \(rows.count(.extra)) that only the lake has") }
        }
        if lostFiles > 0, options.dropsLostFiles { parts.append("take \(lostFiles) lost files out of the table") }
        if let refusal = refusal(options) { parts.append("change nothing while \(refusal)") }
        return parts.joined(separator: ", ")
    }

    /// The same for programs.
    fileprivate func repairFacts(_ options: RepairOptions) -> JSONObject {
        let (replaced, differing) = (replaced(options), rows?.count(.differs) ?? 0)
        let isRefused = refusal(options) != nil
        var object = JSONObject()
        for (name, count) in [
            ("add", rows?.count(.missing) ?? 0), ("remove", rows?.count(.doubled) ?? 0), ("replace", replaced),
            ("drop_files", options.dropsLostFiles ? Int64(lostFiles) : 0),
        ] { object[name] = .integer(isRefused ? 0 : count) }
        object["leave_different"] = .integer(differing - (isRefused ? 0 : replaced))
        object["leave_only_in_cold"] = .integer(rows?.count(.extra) ?? 0)
        if let refusal = refusal(options) { object["refused"] = .string(refusal) }
        return object
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
}
