import K2Bytes
import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2Retry

/// Holes: announced, asked for by REST, and settled.
extension LiveCapture {
    /// Holes of an earlier run that were announced then are asked for at once.
    func resumeHoles(_ now: Int64) {
        for index in capture.series.indices {
            for hole in capture.series[index].holes where hole.isAnnounced {
                refills.refill(hole, series: index, restName: capture.series[index].restName, now: now)
            }
        }
    }

    func announceHoles(_ now: Int64) {
        let time = WallClock.now()
        let before = Timestamp(microseconds: time.microseconds - options.gapGrace)
        for (series, report) in capture.report(seenBefore: before, at: time, into: &output.tail) where report.state == .open {
            refills.refill(report.hole, series: series, restName: capture.series[series].restName, now: now)
        }
    }

    // MARK: Looks

    /// Trades may have taken place before the subscription; REST may lag behind, so it is asked again.
    func lookAtSubscribed(_ names: [String], _ now: Int64) {
        let time = WallClock.now()
        for name in names {
            // Without an id to go on from, what came before the first trade is before the capture.
            guard let series = capture.find(name), capture.series[series].highest != nil else { continue }
            refills.look(series, for: .subscribed, after: [1_500_000, 10_000_000, 60_000_000], since: time, now: now)
        }
    }

    func lookAtSilentSymbols(_ now: Int64) {
        let time = WallClock.now()
        for plan in plans where plan.isLive {
            for name in plan.symbols where !plan.refused.contains(name) {
                guard let series = capture.find(name) else { continue }
                let activity = capture.series[series].activity
                guard activity.isDue(at: time, since: startedAt) else { continue }
                // Asked once: the answer, or its failure, is noted as activity.
                capture.noteLook(series, at: time)
                refills.look(series, for: .silent, after: [0], since: activity.lastMessage ?? startedAt, now: now)
            }
        }
    }

    // MARK: Requests

    func askNext(_ now: Int64) {
        guard !isAsking, !isStopping, let next = refills.next(now: now, capture: capture), next.at <= now,
            requests.allowed(from: now) <= now
        else { return }
        isAsking = true
        requests.use(at: now)
        rest.get(next.request) { [self] answer in
            isAsking = false
            if isStopping { return }
            answered(next.errand, next.request, answer, MonotonicClock.now())
            askNext(MonotonicClock.now())
            flush()
        }
    }

    private func answered(_ errand: RefillPlan.Errand, _ request: RESTRequest, _ answer: RESTAnswer, _ now: Int64) {
        let time = WallClock.now()
        switch answer {
        case .failed(let reason): failed(errand, request, .unavailable(reason), retryAfter: nil, now)
        case .response(let status, let body, let retryAfter):
            switch capture.page(body.span, status: status, request: request, at: time, into: &output.tail) {
            case .page(let page, let new, let newest):
                restFailures.succeed()
                act(on: refills.answered(errand, page, new: new, newest: newest, capture: &capture, at: time, now: now), now)
            case .refused(let refusal): failed(errand, request, refusal, retryAfter: retryAfter, now)
            }
        }
    }

    private func failed(_ errand: RefillPlan.Errand, _ request: RESTRequest, _ refusal: RESTRefusal, retryAfter: Int64?, _ now: Int64) {
        metrics.restFailures += 1
        switch refusal {
        case .tooMany:
            // Going on after a warning makes it a ban.
            let pause = max(retryAfter ?? 0, restFailures.fail(random: UInt64.random(in: 0 ... .max)))
            requests.pause(until: now + pause)
            report("\(request.target): too many requests; REST pauses for \(pause / 1_000) ms")
        case .unavailable(let reason):
            let pause = restFailures.fail(random: UInt64.random(in: 0 ... .max))
            requests.pause(until: now + max(retryAfter ?? 0, pause))
            if restFailures.failures == 1 || restFailures.failures % 10 == 0 { report("\(request.target): \(reason); trying again") }
        case .never: break
        }
        act(on: refills.failed(errand, refusal, capture: &capture, now: now), now)
    }

    private func act(on finding: RefillPlan.Finding?, _ now: Int64) {
        switch finding {
        case .none: return
        case .streamIsBehind(let series):
            let name = capture.series[series].name
            guard let plan = plans.firstIndex(where: { $0.symbols.contains(name) }) else { return }
            perform(plans[plan].rotate(because: "\(name) trades, and the stream is silent", isUrgent: false, now: now), of: plan, now)
        case .refused(let series, let reason): report("\(capture.series[series].name): REST says: \(reason)")
        }
    }
}
