import K2Domain
import K2Exchanges
import K2JSON
import K2TestSupport
import Testing

@testable import K2Capture

private let second: Int64 = 1_000_000

/// An exchange that answers late or not at all, breaks connections, falls silent and announces shutdowns.
private struct ConnectionDrill {
    private struct Link {
        var opensAt: Int64
        var fails: Bool
        var isOpen = false
        var isMute = false
        var heardAt: Int64 = 0
        var lastSent: Int64 = -1_000_000_000
        /// When each symbol was subscribed here.
        var subscribed: [String: Int64] = [:]
        var replies: [(at: Int64, reply: FeedReply)] = []
    }

    let feed: any ExchangeFeed
    /// Names that the exchange does not know.
    let bad: Set<String> = ["BAD0", "BAD1"]
    private(set) var plan: ConnectionPlan
    private var random: Seeded
    private var links: [Int: Link] = [:]
    private var attempts: AttemptBudget
    private var connects: [Int64] = []
    private var announced: [String: Int64] = [:]
    private(set) var now: Int64 = 0
    private(set) var complaints: [String] = []
    private var isCalm = false

    init(_ exchange: Exchange, seed: UInt64) {
        feed = ExchangeRegistry.feed(for: exchange)
        random = Seeded(seed)
        attempts = AttemptBudget(attempts: feed.limits.attempts, window: feed.limits.attemptWindow)
        var policy = ConnectionPlan.Policy()
        policy.maxAge = 200 * second
        plan = ConnectionPlan(feed: feed, symbols: ["S0", "S1", "BAD0"], policy: policy, links: 1, seed: seed)
    }

    mutating func run(chaos: Int64, calm: Int64) {
        while now < chaos + calm {
            isCalm = now >= chaos
            if !isCalm, random.once(in: 1_200) { change() }
            if !isCalm, random.once(in: 1_500) { perform(plan.rotate(because: "drill", isUrgent: random.once(in: 2), now: now)) }
            serve()
            let mayConnect = attempts.allowed(from: now) <= now
            let actions = plan.tick(now: now, mayConnect: mayConnect)
            if !mayConnect, actions.contains(where: { if case .connect = $0 { true } else { false } }) { complain("connects beyond its budget") }
            perform(actions)
            if links.count > 3 { complain("\(links.count) connections") }
            now += 50_000
        }
    }

    private mutating func complain(_ text: String) { if complaints.count < 20 { complaints.append("\(now / second) s: \(text)") } }

    private mutating func change() {
        let pool = (0..<12).map { "S\($0)" } + bad.sorted()
        perform(plan.change(to: pool.shuffled(using: &random).prefix(random.int(1...pool.count)).map { $0 }, now: now))
    }

    // MARK: The plan's side

    private mutating func perform(_ actions: [ConnectionPlan.Action]) {
        for action in actions {
            switch action {
            case .connect(let link):
                attempts.use(at: now)
                links[link] = Link(opensAt: now + Int64(random.int(50_000...3_000_000)), fails: !isCalm && random.once(in: 4))
            case .send(let link, let text): take(text, link)
            case .ping(let link): if links[link]?.isMute == false { plan.heard(link, now: now) }
            case .close(let link), .abort(let link): end(link)
            case .subscribed(let names):
                for name in names {
                    announced[name] = now
                    if !plan.symbols.contains(name) { complain("\(name) is subscribed and nobody wants it") }
                }
            case .report: break
            }
        }
    }

    private mutating func end(_ link: Int) {
        guard links.removeValue(forKey: link) != nil else { return }
        perform(plan.ended(link, "closed", now: now))
    }

    private mutating func take(_ text: String, _ link: Int) {
        guard links[link]?.isOpen == true, let message = try? JSONValue(parsing: Array(text.utf8)) else { return complain("says \(text) to nobody") }
        let method = (message["method"] ?? message["type"])?.stringValue?.lowercased() ?? ""
        if method == "ping" { return reply(.heartbeat, link) }
        if now - links[link]!.lastSent < feed.limits.messageInterval { complain("talks too fast") }
        links[link]!.lastSent = now
        let isSubscribe = method == "subscribe"
        let id = (message["id"] ?? message["req_id"])?.intValue
        switch feed.exchange {
        case .binance:
            let names = message["params"]!.arrayValue!.map { String($0.stringValue!.dropLast(6)).uppercased() }
            if !bad.isDisjoint(with: names), isSubscribe { return reply(.refused(id: random.once(in: 2) ? id : nil, symbol: nil, reason: "invalid stream"), link) }
            note(names, isSubscribe, link)
            reply(.acknowledged(id: id, symbol: nil), link)
        case .kraken:
            for name in message["params"]!["symbol"]!.arrayValue!.map({ $0.stringValue! }) {
                if bad.contains(name) {
                    reply(.refused(id: id, symbol: name, reason: "not supported"), link)
                } else {
                    note([name], isSubscribe, link)
                    reply(.acknowledged(id: id, symbol: name), link)
                }
            }
        case .coinbase:
            note((message["product_ids"]?.arrayValue ?? []).map { $0.stringValue! }.filter { !bad.contains($0) }, isSubscribe, link)
            reply(.subscriptions(links[link]!.subscribed.keys.sorted()), link)
        }
    }

    private mutating func note(_ names: [String], _ isSubscribe: Bool, _ link: Int) {
        for name in names {
            if !isSubscribe {
                links[link]!.subscribed[name] = nil
            } else if links[link]!.subscribed[name] == nil {
                links[link]!.subscribed[name] = now
            }
        }
    }

    // MARK: The exchange's side

    /// Answers come in order, some late, a few never.
    private mutating func reply(_ reply: FeedReply, _ link: Int) {
        if !isCalm, random.once(in: 60) { return }
        let last = links[link]!.replies.last?.at ?? 0
        links[link]!.replies.append((max(last, now + Int64(random.int(10_000...(random.once(in: 20) ? 9_000_000 : 300_000)))), reply))
    }

    private mutating func serve() {
        for id in links.keys.sorted() {
            guard let link = links[id] else { continue }
            if !link.isOpen {
                guard now >= link.opensAt else { continue }
                if link.fails {
                    end(id)
                    continue
                }
                links[id]!.isOpen = true
                links[id]!.heardAt = now
                perform(plan.opened(id, now: now))
                continue
            }
            if !isCalm, random.once(in: 2_000) {
                end(id)
                continue
            }
            if !isCalm, random.once(in: 4_000) { links[id]!.isMute = true }
            if links[id]!.isMute { continue }
            if !isCalm, random.once(in: 3_000) { perform(plan.received(.shutdown, on: id, now: now)) }
            if now - link.heardAt >= second {
                links[id]?.heardAt = now
                plan.heard(id, now: now)
                perform(plan.received(.heartbeat, on: id, now: now))
            }
            while let next = links[id]?.replies.first, next.at <= now {
                links[id]!.replies.removeFirst()
                plan.heard(id, now: now)
                perform(plan.received(next.reply, on: id, now: now))
            }
        }
    }

    /// What is wrong at the end.
    func verdict() -> [String] {
        var wrong = complaints
        if !plan.isLive { wrong.append("not live") }
        let wanted = Set(plan.symbols)
        if plan.refused != wanted.intersection(bad) { wrong.append("refused: \(plan.refused), wanted \(wanted)") }
        guard let current = plan.current, let link = links[current.id] else { return wrong + ["no connection"] }
        if Set(link.subscribed.keys) != wanted.subtracting(bad) { wrong.append("subscribed: \(link.subscribed.keys.sorted()), wanted \(wanted.sorted())") }
        for (name, time) in link.subscribed where wanted.contains(name) {
            if announced[name] ?? -1 < time { wrong.append("\(name) was subscribed at \(time) without a word") }
        }
        return wrong
    }
}

@Suite struct ConnectionPlanDrillTests {
    @Test(arguments: Exchange.allCases)
    func everySymbolIsSubscribedInTheEnd(exchange: Exchange) {
        var random = Seeded.start("everySymbolIsSubscribedInTheEnd \(exchange)")
        for _ in 0..<12 {
            let seed = random.next() >> 32
            var drill = ConnectionDrill(exchange, seed: seed)
            drill.run(chaos: 900 * second, calm: 300 * second)
            let wrong = drill.verdict()
            #expect(wrong == [], "\(exchange), seed \(seed)")
        }
    }
}
