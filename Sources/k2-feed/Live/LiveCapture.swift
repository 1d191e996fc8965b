import Dispatch
import Glibc
import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2NDJSON
import K2Retry
import K2WebSocket

/// A running capture: sockets and REST on one side, records on the other, the pure parts between.
///
/// Confined to its loop, which every entry runs on: hence Sendable although unchecked.
final class LiveCapture: @unchecked Sendable {
    let options: LiveOptions
    let loop: IOLoop
    let diagnostics: Diagnostics
    let output: RecordOutput
    let saver: StateSaver
    let rest: RESTWorker
    let recorder: LiveRecorder?
    let metrics = CaptureMetrics()
    var capture: Capture

    // Connections
    var plans: [ConnectionPlan] = []
    var links: [Int: LiveLink] = [:]
    var attempts: AttemptBudget

    // Refills
    var refills: RefillPlan
    var requests: RequestBudget
    var restFailures: Backoff
    var isAsking = false

    // The run
    private(set) var startedAt = WallClock.now()
    private let notifier = ServiceNotifier()
    private var timers: [LoopTimer] = []
    private var isRetrying = false
    private var isReady = false
    private var reloads = Shutdown.reloadCount
    private(set) var isStopping = false
    private var stopDeadline: Int64 = 0
    private var failure: ToolFailure?
    private let finished = DispatchSemaphore(value: 0)
    private var dropped = DroppedRecords()
    /// Symbols with a trade in the state that was offered last.
    private var savedSymbols = 0
    /// Position of the output up to which records are in the recording.
    private var recordedUpTo: Int64 = 0

    /// Connections, acknowledgements and holes are looked after this often, µs.
    private static let tickInterval: Int64 = 25_000
    private static let slowTickInterval: Int64 = 1_000_000
    /// How long a stop waits for a reader that takes nothing, µs.
    private static let stopPatience: Int64 = 2_000_000

    init(
        options: LiveOptions, loop: IOLoop, capture: consuming Capture, output: RecordOutput, saver: StateSaver, rest: RESTWorker,
        recorder: LiveRecorder?, diagnostics: Diagnostics
    ) {
        self.options = options
        self.loop = loop
        self.capture = capture
        self.output = output
        self.saver = saver
        self.rest = rest
        self.recorder = recorder
        self.diagnostics = diagnostics
        let limits = options.feed.limits
        attempts = AttemptBudget(attempts: limits.attempts, window: limits.attemptWindow)
        refills = RefillPlan(feed: options.feed, policy: options.refill, seed: UInt64.random(in: 0 ... .max))
        requests = RequestBudget(burst: options.requestBurst, interval: options.requestInterval)
        restFailures = Backoff(1_000_000...60_000_000)
    }

    // MARK: Start

    /// Runs until the tool is asked to stop or its reader has left. Called off the loop.
    func run() throws(ToolFailure) {
        loop.run { self.start() }
        finished.wait()
        if let failure { throw failure }
    }

    private func start() {
        output.onReport = { [unowned self] in report($0) }
        output.onDropped = { [unowned self] in ledger(of: $0) }
        saver.onReport = { [unowned self] in report($0) }
        let now = MonotonicClock.now()
        savedSymbols = capture.series.count { $0.highest != nil }
        resumeHoles(now)
        addPlans(options.symbols.map(\.streamName))
        timers = [
            loop.every(Self.tickInterval) { self.tick() },
            loop.every(Self.slowTickInterval) { self.slowTick() },
        ]
        if let interval = notifier.watchdogInterval { timers.append(loop.every(interval) { self.notifier.alive() }) }
        loop.whenReadable(Shutdown.descriptor) { self.stop() }
        tick()
    }

    func report(_ text: String) { diagnostics.report("\(options.feed.exchange.rawValue): \(text)") }

    // MARK: Ticks

    private func tick() {
        if isStopping { return finishWhenDrained() }
        let now = MonotonicClock.now()
        tickConnections(now)
        announceHoles(now)
        askNext(now)
        flush()
        saveNewSymbols()
    }

    /// A run that is killed goes on from the saved state: symbols are in it as soon as they have a trade.
    private func saveNewSymbols() {
        let count = capture.series.count { $0.highest != nil }
        guard count > savedSymbols, !saver.isSaving else { return }
        savedSymbols = count
        saver.offer(CaptureState(of: capture), at: output.position, safe: output.safe)
    }

    private func slowTick() {
        if isStopping { return }
        let now = MonotonicClock.now()
        lookAtSilentSymbols(now)
        if output.spooledBytes > 0 { output.sync() }
        recorder?.flush()
        saver.offer(CaptureState(of: capture), at: output.position, safe: output.safe)
        if Shutdown.reloadCount != reloads {
            reloads = Shutdown.reloadCount
            reload()
        }
        tellManager()
    }

    private func tellManager() {
        let live = plans.filter(\.isLive).count
        if !isReady, live == plans.count {
            isReady = true
            notifier.ready()
            report("\(plans.reduce(0) { $0 + $1.symbols.count }) symbols subscribed on \(plans.count) connection\(plans.count == 1 ? "" : "s")")
        }
        notifier.status("\(capture.counts.trades) trades, \(refills.openHoles) open gaps, \(output.spooledBytes) bytes spooled")
    }

    /// One line of what was counted.
    func reportStats() {
        let counts = capture.counts
        report(
            "\(counts.messages) messages, \(counts.trades) trades, \(counts.backfilled) backfilled, \(counts.duplicates) duplicates, "
                + "\(counts.unreadable) unreadable; gaps: \(counts.gaps[0]) open, \(counts.gaps[1]) filled, \(counts.gaps[2]) empty, "
                + "\(counts.gaps[3]) lost (\(counts.lostIDs) ids); \(metrics.connections) connections, \(counts.pages) REST answers")
    }

    /// Whether a supervisor should be content: every connection is subscribed.
    var isHealthy: Bool { !isStopping && plans.allSatisfy(\.isLive) }

    // MARK: Output

    /// All that one read of a socket brought is in.
    func drained() { flush() }

    func flush() {
        record()
        let isDone = output.flush(now: MonotonicClock.now())
        if output.isReaderGone { return stop() }
        if !isDone { retrySoon() }
    }

    /// The output is flushed in the middle of a burst as well: memory is bounded.
    func flushIfLarge() { if output.tail.count >= 1 << 18 { flush() } }

    private func record() {
        guard let recorder, recordedUpTo < output.position else { return }
        recorder.append(last: Int(output.position - recordedUpTo), of: output.tail, at: WallClock.now())
        recordedUpTo = output.position
    }

    /// A full pipe does not tell when there is room again.
    private func retrySoon() {
        if isRetrying || isStopping { return }
        isRetrying = true
        loop.schedule(after: 2_000) {
            self.isRetrying = false
            if !self.isStopping { self.flush() }
        }
    }

    /// The records that tell of dropped ones: the ids of their trades are lost.
    private func ledger(of lines: Span<UInt8>) -> [UInt8] {
        let loss = dropped.read(lines, exchange: options.feed.exchange) { name in capture.find(name).map { capture.series[$0].symbol } ?? name }
        // `lost` has the last word, also on holes that were filled before.
        var ledger = ByteWriter()
        ledger.append(loss.otherLines)
        for (symbol, range) in loss.ranges {
            capture.writeLost(symbol, range, cause: "spool full", at: WallClock.now(), into: &ledger)
        }
        report("records cannot be kept: \(loss.messages) messages dropped, \(loss.ranges.count) ranges of ids lost")
        return ledger.array
    }

    // MARK: Stop

    /// Stops reading, delivers what is there, and ends.
    func stop(because failure: ToolFailure? = nil) {
        if isStopping { return }
        isStopping = true
        self.failure = failure
        notifier.stopping()
        stopDeadline = MonotonicClock.now() + Self.stopPatience
        for link in links.values { link.socket?.abort() }
        rest.abort()
        capture.report(seenBefore: Timestamp(microseconds: .max), at: WallClock.now(), into: &output.tail)
        record()
        finishWhenDrained()
    }

    private func finishWhenDrained() {
        let now = MonotonicClock.now()
        let isDone = output.flush(now: now) && output.isTaken
        guard isDone || output.isReaderGone || now > stopDeadline else { return }
        for timer in timers { timer.cancel() }
        timers = []
        finish()
    }

    private func finish() {
        let isSafe = output.close()
        recorder?.close()
        if isSafe {
            do throws(StreamError) { try saver.finish(CaptureState(of: capture)) } catch {
                failure = failure ?? ToolFailure(.failed, "\(error)")
            }
        } else {
            failure = failure ?? ToolFailure(.failed, "records that were not delivered could not be kept")
        }
        finished.signal()
    }
}
