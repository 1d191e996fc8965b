import Glibc
import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2HTTP
import K2NDJSON
import K2Retry

/// Asks for the holes of a capture until each is settled, one request after the other.
struct FillRun: ~Copyable {
    private let base: String
    private let headers: [(name: String, value: String)]
    private let client: HTTPClient
    private var refills: RefillPlan
    private var budget: RequestBudget
    private var failures = Backoff(1_000_000...30_000_000)
    private var output = LineWriter(descriptor: STDOUT_FILENO, name: "stdout")
    private let diagnostics = Diagnostics(tool: "k2-feed")

    /// So many failed requests in a row, and we give up: the tool may be run again.
    private static let maxFailures = 8

    init(_ command: FillCommand, feed: any ExchangeFeed, base: String, client: HTTPClient) {
        self.base = base
        headers = feed.restHeaders
        self.client = client
        refills = RefillPlan(feed: feed, policy: command.refills.policy, seed: UInt64.random(in: 0 ... .max))
        budget = RequestBudget(burst: feed.limits.requestBurst, interval: command.refills.interval(feed))
    }

    mutating func run(_ capture: inout Capture) throws {
        for index in capture.series.indices {
            for hole in capture.series[index].holes {
                refills.refill(hole, series: index, restName: capture.series[index].restName, now: MonotonicClock.now())
            }
        }
        while let next = refills.next(now: MonotonicClock.now(), capture: capture) {
            if Shutdown.signalNumber != nil { break }
            let due = max(next.at, budget.allowed(from: MonotonicClock.now()))
            if due > MonotonicClock.now() {
                Self.sleep(until: due)
                continue
            }
            budget.use(at: MonotonicClock.now())
            try take(RESTWorker.fetch(base + next.request.target, headers, client), next.errand, next.request, &capture)
            try report(&capture)
        }
        try report(&capture)
        try output.flush()
    }

    private mutating func report(_ capture: inout Capture) throws {
        capture.report(seenBefore: Timestamp(microseconds: .max), at: WallClock.now(), into: &output.buffer)
        try output.flush()
    }

    private mutating func take(
        _ answer: RESTAnswer, _ errand: RefillPlan.Errand, _ request: RESTRequest, _ capture: inout Capture
    ) throws {
        switch answer {
        case .failed(let reason): try failed(errand, .unavailable(reason), nil, &capture)
        case .response(let status, let body, let retryAfter):
            let page = capture.page(body.span, status: status, request: request, at: WallClock.now(), into: &output.buffer)
            switch page {
            case .page(let page, let new, let newest):
                failures.succeed()
                _ = refills.answered(
                    errand, page, new: new, newest: newest, capture: &capture, at: WallClock.now(), now: MonotonicClock.now())
            case .refused(let refusal): try failed(errand, refusal, retryAfter, &capture)
            }
        }
    }

    private mutating func failed(
        _ errand: RefillPlan.Errand, _ refusal: RESTRefusal, _ retryAfter: Int64?, _ capture: inout Capture
    ) throws {
        switch refusal {
        case .tooMany: try pause("too many requests", retryAfter)
        case .unavailable(let reason): try pause(reason, retryAfter)
        // An answer for this symbol alone: others may have better ones.
        case .never(let reason): diagnostics.report("\(base): \(reason)")
        }
        _ = refills.failed(errand, refusal, capture: &capture, now: MonotonicClock.now())
    }

    private mutating func pause(_ reason: String, _ retryAfter: Int64?) throws(ToolFailure) {
        let pause = max(failures.fail(random: UInt64.random(in: 0 ... .max)), retryAfter ?? 0)
        if failures.failures > Self.maxFailures { throw ToolFailure(.temporary, "\(base): \(reason); gave up after \(Self.maxFailures) tries") }
        diagnostics.report("\(base): \(reason); next try in \(pause / 1_000) ms")
        budget.pause(until: MonotonicClock.now() + pause)
    }

    /// At most a tenth of a second, so that a signal is seen.
    private static func sleep(until due: Int64) { usleep(UInt32(min(max(due - MonotonicClock.now(), 0), 100_000))) }
}
