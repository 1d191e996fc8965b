import Dispatch
import Glibc
import K2CLI
import K2ClickHouse
import K2Connections
import K2Domain
import K2HTTP
import K2Lake
import K2Retry
import Synchronization

/// Takes what is new out of ClickHouse, all tables once: bronze and gaps side by side, then silver, then gold side by side.
final class CycleRun: Sendable {
    /// How a cycle is carried out.
    struct Options: Sendable {
        var offload = OffloadOptions()
        /// Tables at a time.
        var jobs = 2
        /// Tries of a table after the first one.
        var retries = 3
        /// Of one request to ClickHouse, ms.
        var timeout = 300_000
    }

    /// What is done with a table.
    typealias Work = @Sendable (_ definition: TableDefinition, _ source: WarmReader, _ stores: LakeStores, _ watch: Watch) throws -> TableOutcome

    /// Where a table's work tells what it finds and how far it is.
    struct Watch {
        var note: (String) -> Void
        var progress: (OffloadProgress) -> Void
    }

    private let plan: LakePlan
    private let address: ClickHouseAddress
    private let options: Options
    private let screen: CycleProgress
    private let work: Work
    private let abort = AbortFlag()
    private let results = Mutex<[String: Result<TableOutcome, LakeError>]>([:])

    init(_ plan: LakePlan, _ address: ClickHouseAddress, _ options: Options, _ diagnostics: Diagnostics, work: @escaping Work) {
        self.plan = plan
        self.address = address
        self.options = options
        screen = CycleProgress(diagnostics)
        self.work = work
    }

    /// Tables that do not depend on each other, in the order in which they are done.
    static func stages(_ selected: Set<String>?) -> [[TableDefinition]] {
        let stages = [Exchange.allCases.map(MarketTables.bronze) + [MarketTables.gaps], [MarketTables.silver], CandleInterval.allCases.map(MarketTables.gold)]
        return stages.map { $0.filter { selected?.contains($0.coldName) ?? true } }
    }

    /// - Returns: what became of each table.
    func run(_ selected: Set<String>?) -> [String: Result<TableOutcome, LakeError>] {
        let watch = watchForStop()
        for stage in Self.stages(selected) { run(stage) }
        watch.cancel()
        return results.withLock { $0 }
    }

    private func run(_ tables: [TableDefinition]) {
        let waiting = Mutex(tables[...])
        let group = DispatchGroup()
        // A queue each: `concurrentPerform` starts no more threads than there are cores, and ours wait most of the time.
        for number in 0..<min(options.jobs, tables.count) {
            DispatchQueue(label: "k2.offload.\(number)").async(group: group) { [self] in
                var worker: Worker?
                while Shutdown.signalNumber == nil, let table = waiting.withLock({ $0.popFirst() }) {
                    let result = attempt(table, &worker)
                    results.withLock { $0[table.coldName] = result }
                    tell(table.coldName, result)
                }
            }
        }
        group.wait()
    }

    /// What a thread works with.
    private struct Worker {
        var stores: LakeStores
        var source: WarmReader
    }

    private func worker(for table: String) throws(LakeError) -> Worker {
        let stores: LakeStores
        do throws(ToolFailure) { stores = try plan.open() } catch { throw LakeError(error) }
        let client = ClickHouseClient(address, options: ClickHouseOptions.http("k2-offload", timeout: options.timeout, abort: abort))
        return Worker(stores: stores, source: WarmReader(client, name: "k2-offload-\(getpid())-\(WallClock.now().microseconds)-\(table)"))
    }

    /// Tries a table until it is done, somebody else has it, or trying is over.
    private func attempt(_ definition: TableDefinition, _ worker: inout Worker?) -> Result<TableOutcome, LakeError> {
        var backoff = Backoff(500_000...30_000_000)
        let (screen, name) = (screen, definition.coldName)
        defer { screen.end(name) }
        let watch = Watch(note: { screen.report($0) }, progress: { screen.show(name, $0) })
        while true {
            do {
                let able = try worker ?? self.worker(for: definition.coldName)
                worker = able
                return .success(try work(definition, able.source, able.stores, watch))
            } catch {
                let failure = error as? LakeError ?? LakeError(.failed, "\(definition.coldName): \(error)")
                guard failure.isWorthRetrying, backoff.failures < options.retries, Shutdown.signalNumber == nil else { return .failure(failure) }
                // Connections may be in a state of which nobody knows.
                worker = nil
                screen.report("\(failure.message); trying again")
                sleep(microseconds: backoff.fail(random: .random(in: 0 ... .max)))
            }
        }
    }

    /// A stop ends the wait.
    private func sleep(microseconds: Int64) {
        var stop = pollfd(fd: Shutdown.descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&stop, 1, Int32(clamping: microseconds / 1_000))
    }

    private func tell(_ table: String, _ result: Result<TableOutcome, LakeError>) {
        switch result {
        case .failure(let error):
            screen.report(error.message)
            if let hint = error.hint { screen.hint(hint) }
        case .success(let outcome):
            let late = outcome.lateRows > 0 ? ", \(outcome.lateRows) of them late" : ""
            screen.report(
                outcome.rows == 0
                    ? "\(table): nothing new up to \(outcome.position)"
                    : "\(table): \(outcome.rows) rows added\(late), \(outcome.files) files, \(outcome.bytes) bytes, up to \(outcome.position)")
        }
    }

    // MARK: Stopping

    /// A request to ClickHouse ends with the first signal: what it would have brought comes with the next run.
    private func watchForStop() -> StopWatch { StopWatch(abort) }
}

extension LakeError {
    var isWorthRetrying: Bool { code == .busy || code == .outcomeUnknown }
}
