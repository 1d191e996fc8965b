import Dispatch
import K2CLI
import K2ClickHouse
import K2Domain
import K2Retry

/// Sends the batches of the queue, one after the other, on a thread of its own.
final class Sender: @unchecked Sendable {
    // Unchecked: what changes is touched inside `condition` only, but for what the thread alone uses.
    private let condition = Condition()
    private var failure: ClickHouseError?
    private var latestStats = Inserter.Stats()
    private var lastError: ClickHouseError?
    private var lastSuccessTime: Timestamp?
    private var retryCount = 0
    /// How long to go on without success once the input is at its end, µs; nil: for ever.
    private var patience: Int64?
    private var lastSuccess = MonotonicClock.now()
    private var isEnded = false

    private let queue: LoadQueue
    private let diagnostics: Diagnostics
    private let thread = DispatchQueue(label: "k2.load.sender")
    private var backoff = Backoff(200_000...30_000_000)

    /// How long the thread waits for a batch before it looks around, µs.
    private static let lookInterval: Int64 = 1_000_000

    init(_ queue: LoadQueue, _ diagnostics: Diagnostics) {
        self.queue = queue
        self.diagnostics = diagnostics
    }

    func start(_ inserter: consuming Inserter) {
        let box = InserterBox(inserter)
        thread.async { [self] in
            run(box)
            let stats = box.inserter.stats
            condition.change { latestStats = stats }
            queue.giveUp()
            condition.change { isEnded = true }
        }
    }

    /// Why nothing is sent any more, or nil.
    var permanentFailure: ClickHouseError? { condition.look { failure } }
    var stats: Inserter.Stats { condition.look { latestStats } }
    /// What is wrong at the moment, or nil.
    var trouble: String? { condition.look { (failure ?? lastError)?.description } }
    /// When ClickHouse took a batch last.
    var succeededAt: Timestamp? { condition.look { lastSuccessTime } }
    var retries: Int { condition.look { retryCount } }

    /// Microseconds since ClickHouse took a batch, or since `hurry`.
    var sinceSuccess: Int64 { condition.look { MonotonicClock.now() - lastSuccess } }

    /// From now on the thread ends when nothing could be sent for `patience` µs.
    func hurry(patience: Int64) {
        condition.change {
            self.patience = patience
            lastSuccess = MonotonicClock.now()
        }
    }

    /// Waits until the thread has ended: the queue is closed and empty, patience is over, or ClickHouse refused for good.
    /// - Returns: false when that took longer than `limit` µs: a request is under way.
    func wait(atMost limit: Int64 = .max) -> Bool {
        condition.wait(until: limit == .max ? .max : MonotonicClock.now() + limit) { isEnded }
    }

    // MARK: The thread

    private func run(_ box: InserterBox) {
        while true {
            switch queue.next(until: MonotonicClock.now() + Self.lookInterval) {
            case .end: return tellDamage()
            case .timedOut: break
            case .failed(let error):
                queue.report("spool: \(error)")
                if !pause(ClickHouseError(.temporary, "\(error)")) { return }
            case .batch(let bytes):
                tellDamage()
                if !deliver(bytes, box) { return }
            }
        }
    }

    private func tellDamage() {
        let damaged = queue.takeDamagedBytes()
        if damaged > 0 { diagnostics.report("spool: \(damaged) bytes are damaged and were left out") }
    }

    /// - Returns: false when nothing more is to be sent.
    private func deliver(_ bytes: [UInt8], _ box: InserterBox) -> Bool {
        do {
            try box.inserter.insert(InsertBatch(bytes.span))
            backoff.succeed()
            note(box, nil)
            condition.change {
                lastSuccess = MonotonicClock.now()
                lastSuccessTime = WallClock.now()
            }
            try queue.discard()
            return true
        } catch let error as ClickHouseError {
            switch error.fault {
            case .temporary:
                note(box, error)
                return pause(error)
            case .aborted: return false
            case .permanent, .rows:
                condition.change { failure = error }
                return false
            }
        } catch let error as NativeBlockError {
            // Its checksum was right: it is of another version.
            condition.change { failure = ClickHouseError(.permanent, "spool: \(error)") }
            return false
        } catch {
            return pause(ClickHouseError(.temporary, "\(error)"))
        }
    }

    private func note(_ box: InserterBox, _ error: ClickHouseError?) {
        let stats = box.inserter.stats
        condition.change {
            latestStats = stats
            lastError = error
        }
    }

    private var isOutOfPatience: Bool {
        condition.look { patience.map { MonotonicClock.now() - lastSuccess >= $0 } ?? false }
    }

    /// Waits before the next try.
    /// - Returns: false when it is not worth it any more.
    private func pause(_ error: ClickHouseError) -> Bool {
        queue.sync()
        let delay = backoff.fail(random: UInt64.random(in: 0 ... .max))
        let asked = condition.change { () -> Int64? in
            retryCount += 1
            return patience
        }
        if backoff.failures == 1 || backoff.failures % 10 == 0 { diagnostics.report("\(error); trying again, rows wait in the spool") }
        // The end of the input shortens the wait: one more try is worth it.
        let isHurried = condition.wait(until: MonotonicClock.now() + min(delay, asked.map { $0 / 4 } ?? delay)) { patience != asked }
        return isHurried || !isOutOfPatience
    }
}

/// Carries an inserter to the thread that uses it.
private final class InserterBox: @unchecked Sendable {
    var inserter: Inserter
    init(_ inserter: consuming Inserter) { self.inserter = inserter }
}
