import K2Domain

/// The state that faults leave behind: what happens to the next trades, requests and connections.
struct ServeFaults {
    /// Trades that are sent later, or again.
    var held = HeldTrades()
    /// Connection faults that wait for a connection.
    var armed: [ServeFault] = []
    /// How long a connection lives, µs; nil: for ever.
    var life: Int64?
    /// How far REST is behind, µs.
    var restLag: Int64 = 0
    private(set) var refusals = 0

    private var schedule: FaultSchedule
    var random: RandomSource
    private var counts: [ServeFault.Kind: Int] = [:]
    private var withheld: Int64 = 0
    private var repeated: Int64 = 0
    private var delayed: (trades: Int64, most: Int64) = (0, 0)
    private var requestFaults: [ServeFault] = []
    private var connectFaults: [ServeFault] = []
    private var refusedUntil: Int64 = .min

    private static let binanceLife: Int64 = 24 * 3_600 * 1_000_000

    init(_ plan: ServePlan) {
        schedule = FaultSchedule(plan)
        random = RandomSource(seed: plan.seed, stream: 13)
        life = plan.life ?? (plan.exchange == .binance ? Self.binanceLife : nil)
    }

    /// Faults by name, those that have occurred.
    var fired: [(name: String, count: Int)] {
        ServeFault.Kind.allCases.compactMap { kind in counts[kind].map { (kind.rawValue, $0) } }
    }

    mutating func count(_ kind: ServeFault.Kind) { counts[kind, default: 0] += 1 }

    // The schedule.

    mutating func start(at time: Int64) { schedule.start(at: time) }

    /// Nothing more comes by itself.
    mutating func stop() {
        schedule.stop()
        armed.removeAll()
    }

    mutating func next(until time: Int64) -> ServeFault? { schedule.next(until: time) }

    var nextDue: Int64? { schedule.due }

    // Trades.

    mutating func withhold(_ count: Int64?) { withheld += count ?? 1 + random.below(20) }
    mutating func repeatTrades(_ count: Int64?) { repeated += count ?? 1 + random.below(5) }
    mutating func delayTrades(most: Int64?) { delayed = (delayed.trades + 1 + random.below(5), most ?? 5_000_000) }

    mutating func withholds() -> Bool {
        if withheld == 0 { return false }
        withheld -= 1
        return true
    }

    /// When `trade` is sent, if it is late.
    mutating func delay(_ trade: SimulatedTrade) -> Int64? {
        if delayed.trades == 0 || held.isFull { return nil }
        delayed.trades -= 1
        return trade.time + delayed.most / 10 + random.below(delayed.most - delayed.most / 10)
    }

    /// When `trade` is sent again, if it is.
    mutating func repetition(_ trade: SimulatedTrade) -> Int64? {
        if repeated == 0 || held.isFull { return nil }
        repeated -= 1
        // Beyond the longest batch: no message holds a trade twice.
        return trade.time + 300_000 + random.below(3_000_000)
    }

    // Requests and attempts to connect.

    mutating func add(request fault: ServeFault) { requestFaults.append(fault) }
    mutating func add(connect fault: ServeFault) { connectFaults.append(fault) }

    /// What is wrong with the request that has just come in, or nil.
    mutating func nextRequestFault() -> ServeFault? { requestFaults.isEmpty ? nil : requestFaults.removeFirst() }

    /// The reply to an upgrade that is refused: 503 or 429, also to all others until the time to wait is over.
    mutating func refusal(at time: Int64) -> ServeReply? {
        if time >= refusedUntil {
            if connectFaults.isEmpty { return nil }
            refusedUntil = time + (connectFaults.removeFirst().value ?? 2_000_000)
        }
        refusals += 1
        var reply = random.once(in: 2) ? ServeReply.html(503, "Service Unavailable") : .html(429, "Too Many Requests")
        reply.retry(after: refusedUntil - time)
        return reply
    }
}

extension SimulatedExchange {
    /// - Parameter limit: in the exchange's time.
    mutating func fireFaults(until limit: Int64, at time: Int64) {
        while let fault = faults.next(until: limit) { fire(fault, at: time) }
        if faults.armed.isEmpty { return }
        let armed = faults.armed
        faults.armed.removeAll()
        for fault in armed { hit(fault, at: time) }
    }

    /// Lets something go wrong now, or with the next trade, request or connection.
    mutating func fire(_ fault: ServeFault, at time: Int64) {
        if fault.kind.isStanding { return apply(standing: fault) }
        if fault.kind.hitsConnection { return hit(fault, at: time) }
        faults.count(fault.kind)
        switch fault.kind {
        case .skip:
            market.skip(fault.value ?? 1 + faults.random.below(5), symbol: Int(faults.random.below(Int64(symbols.count))))
        case .gap: faults.withhold(fault.value)
        case .lost: market.lose(Int(fault.value ?? 1 + faults.random.below(5)))
        case .duplicates: faults.repeatTrades(fault.value)
        case .late: faults.delayTrades(most: fault.value)
        case .reorder: for session in sessions { session.link.reorders += fault.value ?? 1 + faults.random.below(3) }
        case .refuseConnect: faults.add(connect: fault)
        default: faults.add(request: fault)
        }
    }

    mutating func apply(standing fault: ServeFault) {
        faults.count(fault.kind)
        switch fault.kind {
        case .lateAck: context.ackDelay = fault.value ?? 3_000_000
        case .restLag: faults.restLag = fault.value ?? 3_000_000
        case .age: faults.life = fault.value ?? 30_000_000
        default:
            let index = plan.instruments.firstIndex { $0.answers(to: fault.symbol ?? "") }
            if let index { context.refused.insert(index) }
        }
    }

    /// Lets a fault happen to one of the subscribed connections, as soon as there is one.
    private mutating func hit(_ fault: ServeFault, at time: Int64) {
        let candidates = sessions.filter { $0.link.isSubscribed && !$0.link.isSilent && $0.link.cutAt == nil }
        guard !candidates.isEmpty else { return faults.armed.append(fault) }
        faults.count(fault.kind)
        let session = candidates[Int(faults.random.below(Int64(candidates.count)))]
        let link = session.link
        switch fault.kind {
        case .drop: context.drop(link)
        case .freeze: silence(link, .freeze(link.connection), until: time + (fault.value ?? 120_000_000))
        case .halfOpen: silence(link, .halfOpen(link.connection), until: time + 300_000_000)
        case .slow: context.actions.append(.slow(link.connection, microseconds: fault.value ?? 5_000_000))
        case .errorFrame: session.sendError(to: &context)
        case .garbage: sendGarbage(link)
        case .badFrame: context.sendRaw(BrokenFrame.any(&faults.random), to: link)
        case .huge: context.send(BrokenFrame.huge(Int(fault.value ?? 10_000_000)), to: link)
        case .fragments: link.fragments += fault.value ?? 20
        default:
            session.announceEnd(at: time, to: &context)
            link.cutAt = time + (fault.value ?? 3_000_000)
        }
    }

    private mutating func silence(_ link: ServeLink, _ action: ServeAction, until time: Int64) {
        context.actions.append(action)
        link.isSilent = true
        link.cutAt = time
    }

    private mutating func sendGarbage(_ link: ServeLink) {
        switch faults.random.below(3) {
        case 0: context.send("<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>", to: link)
        case 1: context.send("{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"tra", to: link)
        default: context.sendRaw(BrokenFrame.binary(&faults.random), to: link)
        }
    }
}

/// Frames that a client does not expect. Source: RFC 6455, section 5.2.
enum BrokenFrame {
    /// A frame that breaks the protocol: a reserved opcode, a reserved bit, a mask from the server, text that is no
    /// UTF-8, a control frame that is too long, or a continuation of nothing.
    static func any(_ random: inout RandomSource) -> [UInt8] {
        switch random.below(6) {
        case 0: [0x8b, 0x02, 0x68, 0x69]
        case 1: [0xc1, 0x02, 0x7b, 0x7d]
        case 2: [0x81, 0x82, 0x01, 0x02, 0x03, 0x04, 0x7a, 0x7f]
        case 3: [0x81, 0x04, 0x22, 0xff, 0xfe, 0x22]
        case 4: [0x89, 0x7e, 0x00, 0x80] + [UInt8](repeating: 0x61, count: 128)
        default: [0x80, 0x02, 0x7b, 0x7d]
        }
    }

    /// A whole binary message of 64 random bytes.
    static func binary(_ random: inout RandomSource) -> [UInt8] {
        [0x82, 64] + (0..<64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// A JSON text of `count` bytes that is no message of anybody.
    static func huge(_ count: Int) -> [UInt8] {
        let (head, tail) = (Array("{\"e\":\"padding\",\"text\":\"".utf8), Array("\"}".utf8))
        return head + [UInt8](repeating: 0x78, count: max(count - head.count - tail.count, 0)) + tail
    }
}
