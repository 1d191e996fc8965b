import K2CLI
import K2Capture
import K2Domain
import K2Exchanges
import K2WebSocket

/// Connections: the plans decide, this carries out.
extension LiveCapture {
    /// Spreads the symbols over as many connections as the exchange wants.
    func addPlans(_ names: [String]) {
        let size = options.feed.limits.symbolsPerConnection
        for start in stride(from: 0, to: names.count, by: size) {
            plans.append(
                ConnectionPlan(
                    feed: options.feed, symbols: Array(names[start..<min(start + size, names.count)]), policy: options.connection,
                    links: (plans.count << 32) + 1, seed: UInt64.random(in: 0 ... .max)))
        }
    }

    func tickConnections(_ now: Int64) {
        for index in plans.indices {
            perform(plans[index].tick(now: now, mayConnect: attempts.allowed(from: now) <= now), of: index, now)
        }
    }

    func perform(_ actions: [ConnectionPlan.Action], of plan: Int, _ now: Int64) {
        for action in actions {
            switch action {
            case .connect(let link): connect(link, plan, now)
            case .send(let link, let text): links[link]?.socket?.send(text: Array(text.utf8))
            case .ping(let link): links[link]?.socket?.ping()
            case .close(let link): links[link]?.socket?.close()
            case .abort(let link): links[link]?.socket?.abort()
            case .subscribed(let names): lookAtSubscribed(names, now)
            case .report(let text): report(text)
            }
        }
    }

    private func connect(_ id: Int, _ plan: Int, _ now: Int64) {
        attempts.use(at: now)
        metrics.connections += 1
        let link = LiveLink(id: id, plan: plan, capture: self)
        links[id] = link
        link.socket = WebSocket.connect(to: options.endpoint, options: options.webSocket, on: loop, delegate: link)
    }

    // MARK: What sockets tell

    func opened(_ link: LiveLink) {
        if isStopping { return }
        let now = MonotonicClock.now()
        perform(plans[link.plan].opened(link.id, now: now), of: link.plan, now)
    }

    func heard(_ link: LiveLink) { plans[link.plan].heard(link.id, now: MonotonicClock.now()) }

    func ended(_ link: LiveLink, _ reason: WebSocketEnd) {
        links[link.id] = nil
        if isStopping { return }
        let now = MonotonicClock.now()
        var retryAfter: Int64?
        if case .refused(_, let wait) = reason { retryAfter = wait }
        perform(plans[link.plan].ended(link.id, reason.description, retryAfter: retryAfter, now: now), of: link.plan, now)
        metrics.reconnects = plans.reduce(0) { $0 + $1.reconnects + $1.rotations }
        flush()
    }

    /// The path of every message: reads it, writes its record, and tells the plan.
    func received(_ message: UnsafeRawBufferPointer, on link: LiveLink) {
        if isStopping { return }
        let receivedAt = WallClock.now()
        link.sequence += 1
        let text = message.bindMemory(to: UInt8.self)
        let tag = link.tag
        let captured = capture.message(
            text.span, from: tag.span, sequence: link.sequence, at: receivedAt, into: &output.tail)
        let now = MonotonicClock.now()
        plans[link.plan].heard(link.id, now: now)
        if let number = captured.number { noteNumber(number, on: link, now) }
        switch captured.content {
        case .trades(_, _, let newest):
            if let newest { metrics.noteLag(receivedAt.microseconds - newest.time.microseconds, series: newest.series) }
        case .reply(let reply): perform(plans[link.plan].received(reply, on: link.id, now: now), of: link.plan, now)
        case .garbage: report("a message that is no JSON, \(message.count) bytes; kept as text")
        }
        flushIfLarge()
    }

    /// A jump in the exchange's own count: messages of this connection were lost.
    private func noteNumber(_ number: UInt64, on link: LiveLink, _ now: Int64) {
        defer { link.lastNumber = max(number, link.lastNumber ?? 0) }
        guard let last = link.lastNumber, number > last + 1 else { return }
        for name in plans[link.plan].symbols {
            guard let series = capture.find(name) else { continue }
            refills.look(series, for: .jumped, after: [1_000_000], since: WallClock.now(), now: now)
        }
    }
}
