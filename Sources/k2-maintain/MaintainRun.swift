import Glibc
import K2CLI
import K2Connections
import K2Domain
import K2Iceberg
import K2Lake
import K2Maintenance
import K2Retry
import K2StateStore

/// Does one or more verbs to one table after the other. A table that fails is told about, and the others go on.
final class MaintainRun {
    private let options: MaintainOptions
    private let plan: LakePlan
    private let diagnostics = Diagnostics(tool: "k2-maintain")
    private let progress = ProgressLine()
    private let output: MaintainOutput
    private let runID = UUIDText(random: CommitEnvironment.system.random16()).description
    private var results: [StepResult] = []
    /// None of the steps writes to the state store.
    private var isLooking = true

    init(_ options: MaintainOptions, _ lake: LakeOptions) throws(ToolFailure) {
        self.options = options
        plan = try LakePlan(lake)
        output = MaintainOutput(json: options.json)
    }

    /// - Throws: `ToolFailure` with the worst status, after all tables were done.
    /// - Parameter names: the tables, where a plan and not the command line says them.
    func run(_ steps: [MaintenanceStep], tables names: [String]? = nil) throws {
        let metrics = try options.metricsFile.map { path throws(ToolFailure) in try MaintainMetrics(path: path) }
        try plan.requireCatalog()
        isLooking = options.dryRun || steps.allSatisfy(\.isLooking)
        let names = names ?? options.names
        for name in names ?? MaintainOptions.ownTables where Shutdown.signalNumber == nil {
            var table = TableRun(name: name, identifier: TableIdentifier(LakeSchema.namespace, name), mustExist: names != nil)
            // Of several verbs, those are done that the table is for; one alone is refused.
            run(steps.count > 1 ? steps.filter { $0.covers(name) } : steps, &table)
            table.lease?.release()
        }
        progress.clear()
        // A dry run has done nothing that a collector should hear about.
        if !options.dryRun { try metrics?.write(results) }
        try output.finish()
        if names == nil, results.isEmpty, Shutdown.signalNumber == nil { throw plan.nothingFound }
        try MaintainReport.check(results)
    }

    /// A table in the making.
    private struct TableRun {
        let name: String
        let identifier: TableIdentifier
        /// It was asked for by its name.
        let mustExist: Bool
        /// Made anew after an error: connections may be in a state of which nobody knows.
        var stores: LakeStores?
        var lease: MaintenanceLease?
    }

    private func run(_ steps: [MaintenanceStep], _ table: inout TableRun) {
        for step in steps where Shutdown.signalNumber == nil {
            let (startedAt, begun) = (WallClock.now(), MonotonicClock.now())
            guard let outcome = attempt(step, &table) else { return }
            let result = StepResult(
                runID: runID, verb: step.verb, table: table.name, startedAt: startedAt, duration: MonotonicClock.now() - begun, outcome: outcome)
            if case .success(let done) = outcome, done.isSilent {
                results.append(result)
                continue
            }
            tell(result)
            if step.isRecorded { record(result, table) }
            // Another run has the table, or nobody knows its state: nothing more is to be done to it.
            if case .failure(let error) = outcome, error.code == .held || error.code == .outcomeUnknown || error.code == .stopped { return }
        }
    }

    /// Tries a step until it is done or trying is over. Nil for one of K2's tables that does not exist yet.
    private func attempt(_ step: MaintenanceStep, _ table: inout TableRun) -> Result<StepOutcome, LakeError>? {
        var backoff = Backoff(500_000...30_000_000)
        while true {
            do {
                return try LakeError.naming(table.name) { try run(step, &table) }.map { .success($0) }
            } catch {
                let failure = error as? LakeError ?? LakeError(.failed, "\(table.name): \(error)")
                guard failure.code == .busy, backoff.failures < options.retries, Shutdown.signalNumber == nil else { return .failure(failure) }
                table.lease = nil
                table.stores = nil
                report("\(failure.message); trying again")
                sleep(microseconds: backoff.fail(random: .random(in: 0 ... .max)))
            }
        }
    }

    private func run(_ step: MaintenanceStep, _ table: inout TableRun) throws -> StepOutcome? {
        let stores: LakeStores
        if let open = table.stores { stores = open } else {
            do throws(ToolFailure) { stores = try open() } catch { throw LakeError(error) }
            table.stores = stores
        }
        guard step.covers(table.name) else { throw LakeError(.configuration, "\(table.name): \(step.verb): not for this table") }
        guard try !step.needsTable || stores.catalog.findTable(table.identifier) != nil else {
            if !table.mustExist { return nil }
            throw LakeError(.configuration, "\(table.name): no such table")
        }
        if step.needsLease, !options.dryRun, table.lease == nil {
            let lease = try MaintenanceLease(table.name, stores)
            table.lease = lease
            try lease.closeDeadIntents()
        }
        return try step.run(work(step, table, stores))
    }

    private func open() throws(ToolFailure) -> LakeStores {
        try plan.open(mustExist: true, looking: isLooking) { place in report("\(place): there was no state store, an empty one was made") }
    }

    private func work(_ step: MaintenanceStep, _ table: TableRun, _ stores: LakeStores) -> TableWork {
        let (name, lease) = (table.name, table.lease)
        return TableWork(
            name: name, identifier: table.identifier, stores: stores, runID: runID, isDryRun: options.dryRun, keepLease: { try lease?.renew() },
            isStopped: { Shutdown.signalNumber != nil }, note: { [self] in report("\(name): \(step.verb): \($0)") },
            progress: { [self] in progress.show("\(name): \(step.verb): \($0)") },
            show: { [self] line in
                progress.clear()
                output.show(line, verb: step.verb, table: name)
            })
    }

    // MARK: Telling

    private func report(_ text: String) {
        progress.clear()
        diagnostics.report(text)
    }

    private func tell(_ result: StepResult) {
        switch result.outcome {
        case .failure(let error):
            report(error.message.hasPrefix(result.table + ":") ? "\(result.verb): \(error.message)" : "\(result.verb): \(result.table): \(error.message)")
            if let hint = error.hint { diagnostics.hint(hint) }
        case .success(let outcome):
            if !options.json { report("\(result.verb): \(result.table): \(outcome.summary)") }
        }
        results.append(result)
        output.result(result)
    }

    private func record(_ result: StepResult, _ table: TableRun) {
        guard !options.dryRun, result.status != "held" else { return }
        do {
            try (table.stores ?? open()).state.recordMaintenance(result.line)
        } catch {
            report("\(result.verb): \(result.table): history: \(error)")
            if case .success = result.outcome { results[results.count - 1].outcome = .failure(LakeError(.busy, "\(result.table): history: \(error)")) }
        }
    }

    /// A stop ends the wait.
    private func sleep(microseconds: Int64) {
        var stop = pollfd(fd: Shutdown.descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&stop, 1, Int32(clamping: microseconds / 1_000))
    }
}

extension LakePlan {
    /// None of K2's tables is there: more often a wrong place than an empty lake.
    var nothingFound: ToolFailure {
        ToolFailure(.noInput, "the catalog has no tables of namespace \(LakeSchema.namespace.joined(separator: ".")): \(catalogText)")
    }
}
