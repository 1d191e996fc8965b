import K2Exchanges
import K2Retry

/// Keeps one set of symbols subscribed: opens, subscribes, watches, rotates and reopens connections. Pure:
/// it is told what happened, with monotonic times in µs, and answers with actions.
///
/// At most two connections are open at a time. While a successor is not subscribed to everything, the
/// current one stays; when it is, both run side by side for `overlap`, and duplicates are dropped by id.
public struct ConnectionPlan: Sendable {
    public struct Policy: Sendable {
        /// A connection is dead after this silence; nil: as the exchange's limits say.
        public var silence: Int64?
        /// A connection is replaced at this age; nil: as the exchange's limits say.
        public var maxAge: Int64?
        public var overlap: Int64 = 2_000_000
        /// A refused symbol is asked for again after this.
        public var refusalPause: Int64 = 60_000_000
        /// Least time between rotations that are not urgent.
        public var rotationPause: Int64 = 60_000_000

        public init() {}
    }

    public enum Action: Sendable, Equatable {
        case connect(link: Int)
        case send(link: Int, String)
        case ping(link: Int)
        case close(link: Int)
        case abort(link: Int)
        /// These symbols are subscribed on a new connection: trades before may be missing.
        case subscribed([String])
        /// Worth a line on stderr.
        case report(String)
    }

    struct Link: Sendable {
        let id: Int
        var isOpen = false
        var openedAt: Int64 = 0
        var heardAt: Int64 = 0
        var pingedAt: Int64?
        var queue: [FeedRequest] = []
        var outstanding: [(request: FeedRequest, sentAt: Int64)] = []
        var sendAt: Int64 = 0
        var subscribed: Set<String> = []
        var refused: Set<String> = []
        /// Symbols of which it was said that they are subscribed, or refused.
        var announced: Set<String> = []
        /// All symbols were answered once.
        var isReady = false
        var readyAt: Int64 = 0
    }

    public let policy: Policy
    private let feed: any ExchangeFeed
    public private(set) var symbols: [String]
    private(set) var current: Link?
    private(set) var successor: Link?
    private var retiring: Int?
    private var nextLink: Int
    private var nextRequest = 1
    private var connectAt: Int64 = 0
    private var backoff: Backoff
    private var random: RandomBits
    private var rotateAt: Int64?
    private var rotatedAt: Int64?
    private var retryRefusedAt: Int64?
    public private(set) var reconnects = 0
    public private(set) var rotations = 0

    /// - Parameters:
    ///   - links: first of the numbers for connections, distinct among plans.
    public init(feed: any ExchangeFeed, symbols: [String], policy: Policy = Policy(), links: Int, seed: UInt64) {
        self.feed = feed
        self.symbols = symbols
        self.policy = policy
        nextLink = links
        backoff = Backoff(feed.limits.retryDelay)
        random = RandomBits(seed: seed)
    }

    public func owns(_ link: Int) -> Bool { current?.id == link || successor?.id == link || retiring == link }
    /// Whether all symbols are subscribed, so far as the exchange accepts them.
    public var isLive: Bool { current?.isReady ?? false }
    public var refused: Set<String> { current?.refused ?? [] }

    private var silence: Int64 { policy.silence ?? feed.limits.silence }
    private var maxAge: Int64? { policy.maxAge ?? feed.limits.maxAge }

    // MARK: What happened

    public mutating func opened(_ link: Int, now: Int64) -> [Action] {
        guard var opened = take(link) else { return [.abort(link: link)] }
        opened.isOpen = true
        opened.openedAt = now
        opened.heardAt = now
        opened.queue = feed.greeting(id: nextRequest)
        nextRequest += opened.queue.count
        enqueue(symbols, on: &opened)
        put(opened)
        return tick(now: now, mayConnect: false)
    }

    private mutating func enqueue(_ names: [String], on link: inout Link) {
        if names.isEmpty { return }
        let requests = feed.subscribe(names, id: nextRequest)
        nextRequest += requests.count
        link.queue += requests
    }

    /// Anything came in: a message, a ping or a pong.
    public mutating func heard(_ link: Int, now: Int64) {
        if current?.id == link {
            current?.heardAt = now
            current?.pingedAt = nil
        } else if successor?.id == link {
            successor?.heardAt = now
            successor?.pingedAt = nil
        }
    }

    public mutating func received(_ reply: FeedReply, on link: Int, now: Int64) -> [Action] {
        switch reply {
        case .heartbeat, .other: return []
        case .status(let status): return status == "online" ? [] : [.report("exchange says: \(status)")]
        case .shutdown:
            // One that is being replaced may say it again.
            guard current?.id == link else { return [] }
            return rotate(because: "the exchange shuts the connection down", isUrgent: true, now: now)
        case .acknowledged, .subscriptions, .refused: break
        }
        guard var answered = take(link) else { return [] }
        var actions: [Action] = []
        switch reply {
        case .acknowledged(let id, let symbol): acknowledge(&answered, id, symbol)
        case .subscriptions(let names): confirm(&answered, names)
        case .refused(let id, let symbol, let reason): actions = refuse(&answered, id, symbol, reason, now)
        default: break
        }
        put(answered)
        return actions + checkReady(link, now: now)
    }

    /// - Parameter retryAfter: as the exchange asked for, µs.
    public mutating func ended(_ link: Int, _ reason: String, retryAfter: Int64? = nil, now: Int64) -> [Action] {
        if retiring == link {
            retiring = nil
            return []
        }
        guard let ended = take(link) else { return [] }
        if successor?.id == link {
            successor = nil
            rotateAt = now + delay(retryAfter)
            return [.report("new connection failed: \(reason)")]
        }
        current = successor
        successor = nil
        rotateAt = nil
        reconnects += 1
        // A connection that lived for a while is a fresh start.
        if ended.isReady, now - ended.readyAt > 30_000_000 { backoff.succeed() }
        let pause = delay(retryAfter)
        if current == nil { connectAt = now + pause }
        let what = ended.isOpen ? "connection lost" : "cannot connect"
        let next = current == nil ? "; next try in \(pause / 1_000) ms" : "; its successor takes over"
        return [.report("\(what): \(reason)\(next)")]
    }

    /// A server may ask for any time, also for one that no clock reaches: a day is the most that is waited.
    private mutating func delay(_ retryAfter: Int64?) -> Int64 {
        max(backoff.fail(random: random.next()), min(retryAfter ?? 0, Self.longestWait))
    }

    private static let longestWait: Int64 = 86_400_000_000

    // MARK: Wishes

    /// Changes what is subscribed, without a reconnect.
    public mutating func change(to wanted: [String], now: Int64) -> [Action] {
        let added = wanted.filter { !symbols.contains($0) }
        let removed = symbols.filter { !wanted.contains($0) }
        symbols = wanted
        for keyPath in [\ConnectionPlan.current, \ConnectionPlan.successor] {
            guard var link = self[keyPath: keyPath], link.isOpen else { continue }
            enqueue(added, on: &link)
            if !removed.isEmpty {
                let requests = feed.unsubscribe(removed, id: nextRequest)
                nextRequest += requests.count
                link.queue += requests
                link.subscribed.subtract(removed)
                link.refused.subtract(removed)
                link.announced.subtract(removed)
            }
            self[keyPath: keyPath] = link
        }
        return tick(now: now, mayConnect: false)
    }

    /// Replaces the connection by a new one without a hole.
    /// - Parameter isUrgent: not to be left out because the last rotation was a moment ago.
    public mutating func rotate(because reason: String, isUrgent: Bool, now: Int64) -> [Action] {
        guard current != nil, successor == nil, rotateAt == nil else { return [] }
        if !isUrgent, let rotatedAt, now - rotatedAt < policy.rotationPause { return [] }
        rotatedAt = now
        rotateAt = now
        return [.report("new connection: \(reason)")]
    }

    /// Whether `connect` may be asked for is the caller's to say: budgets are shared by all plans.
    public mutating func tick(now: Int64, mayConnect: Bool = true) -> [Action] {
        var actions: [Action] = []
        if current == nil, successor == nil, now >= connectAt, mayConnect, !symbols.isEmpty {
            current = Link(id: newLink())
            actions.append(.connect(link: current!.id))
        }
        if let rotateAt, now >= rotateAt, mayConnect, current != nil, successor == nil {
            self.rotateAt = nil
            rotations += 1
            successor = Link(id: newLink())
            actions.append(.connect(link: successor!.id))
        }
        actions += age(now)
        actions += watch(now)
        actions += retryRefused(now)
        actions += send(now)
        actions += handOver(now)
        return actions
    }

    private mutating func newLink() -> Int {
        defer { nextLink += 1 }
        return nextLink
    }

    // MARK: Parts of a tick

    private mutating func age(_ now: Int64) -> [Action] {
        guard let current, current.isReady, let maxAge, now - current.openedAt > maxAge, successor == nil, rotateAt == nil else { return [] }
        rotateAt = now
        return [.report("new connection: the old one is \((now - current.openedAt) / 1_000_000) s old")]
    }

    /// Asks a silent connection whether it lives, then gives it up.
    private mutating func watch(_ now: Int64) -> [Action] {
        var actions: [Action] = []
        for keyPath in [\ConnectionPlan.current, \ConnectionPlan.successor] {
            guard var link = self[keyPath: keyPath], link.isOpen else { continue }
            let quiet = now - link.heardAt
            if quiet > silence {
                actions.append(.abort(link: link.id))
                actions += ended(link.id, "silent for \(quiet / 1_000) ms", now: now)
                continue
            }
            if quiet > silence / 2, link.pingedAt == nil {
                link.pingedAt = now
                actions.append(pingAction(link.id))
            }
            if let overdue = link.outstanding.first(where: { now - $0.sentAt > feed.limits.acknowledgeWithin }) {
                actions.append(.abort(link: link.id))
                actions += ended(link.id, "no answer to \(overdue.request.text)", now: now)
                continue
            }
            self[keyPath: keyPath] = link
        }
        return actions
    }

    private mutating func pingAction(_ link: Int) -> Action {
        guard let request = feed.ping(id: nextRequest) else { return .ping(link: link) }
        nextRequest += 1
        return .send(link: link, request.text)
    }

    private mutating func retryRefused(_ now: Int64) -> [Action] {
        guard let at = retryRefusedAt, now >= at else { return [] }
        retryRefusedAt = nil
        for keyPath in [\ConnectionPlan.current, \ConnectionPlan.successor] {
            guard var link = self[keyPath: keyPath], link.isOpen else { continue }
            let names = symbols.filter { link.refused.contains($0) }
            link.refused = []
            link.announced.subtract(names)
            enqueue(names, on: &link)
            self[keyPath: keyPath] = link
        }
        return []
    }

    /// Sends what waits, as fast as the exchange allows.
    private mutating func send(_ now: Int64) -> [Action] {
        var actions: [Action] = []
        for keyPath in [\ConnectionPlan.current, \ConnectionPlan.successor] {
            guard var link = self[keyPath: keyPath], link.isOpen, !link.queue.isEmpty, now >= link.sendAt else { continue }
            let request = link.queue.removeFirst()
            link.sendAt = now + feed.limits.messageInterval
            link.outstanding.append((request, now))
            actions.append(.send(link: link.id, request.text))
            self[keyPath: keyPath] = link
        }
        return actions
    }

    /// Once the successor has run beside the current connection for a while, it takes over.
    private mutating func handOver(_ now: Int64) -> [Action] {
        guard let successor, successor.isReady, now - successor.readyAt >= policy.overlap, let old = current else { return [] }
        // What only the old one has stays until the exchange accepts it again, or until the old one ends.
        guard successor.refused.isDisjoint(with: old.subscribed.intersection(symbols)) else { return [] }
        retiring = old.id
        current = successor
        self.successor = nil
        backoff.succeed()
        return [.close(link: old.id)]
    }

    // MARK: Answers

    private func acknowledge(_ link: inout Link, _ id: Int?, _ symbol: String?) {
        guard let place = link.outstanding.firstIndex(where: { id == nil || $0.request.id == id }) else { return }
        let request = link.outstanding[place].request
        if !request.unsubscribes { link.subscribed.formUnion(symbol.map { [$0] } ?? request.symbols) }
        guard let symbol else {
            link.outstanding.remove(at: place)
            return
        }
        Self.settle(&link, symbol)
    }

    /// One list comes for each request, and it is complete: a symbol that is not in it, and that nothing was
    /// asked for since, was passed over, or dropped.
    private func confirm(_ link: inout Link, _ names: [String]) {
        link.subscribed = Set(names)
        if !link.outstanding.isEmpty { link.outstanding.removeFirst() }
        let asked = Set((link.outstanding.map(\.request) + link.queue).flatMap(\.symbols))
        let missing = symbols.filter { !link.subscribed.contains($0) && !link.refused.contains($0) && !asked.contains($0) }
        // What was missing in an earlier list and is there now is news, and so is the reverse.
        link.announced.subtract(link.refused.intersection(names))
        link.announced.subtract(missing)
        link.refused.subtract(names)
        link.refused.formUnion(missing)
    }

    private mutating func refuse(_ link: inout Link, _ id: Int?, _ symbol: String?, _ reason: String, _ now: Int64) -> [Action] {
        var names: [String] = []
        if let symbol {
            names = [symbol]
            Self.settle(&link, symbol)
        } else if let place = link.outstanding.firstIndex(where: { id == nil || $0.request.id == id }) {
            names = link.outstanding.remove(at: place).request.symbols
        }
        let wanted = names.filter { symbols.contains($0) }
        link.refused.formUnion(wanted)
        if wanted.isEmpty { return [.report("exchange says: \(reason)")] }
        retryRefusedAt = now + policy.refusalPause
        // Several in one request: one of them may have spoilt it for the others, so each is asked for alone.
        if wanted.count > 1 {
            link.refused.subtract(wanted)
            link.announced.subtract(wanted)
            for name in wanted { enqueue([name], on: &link) }
            return [.report("exchange says: \(reason); asking for each of \(wanted.count) symbols alone")]
        }
        return [.report("\(wanted[0]): refused: \(reason)")]
    }

    /// One answer comes for each symbol: a request is done with the last of them.
    private static func settle(_ link: inout Link, _ symbol: String) {
        guard let place = link.outstanding.firstIndex(where: { $0.request.symbols.contains(symbol) }) else { return }
        link.outstanding[place].request.symbols.removeAll { $0 == symbol }
        if link.outstanding[place].request.symbols.isEmpty { link.outstanding.remove(at: place) }
    }

    private mutating func checkReady(_ id: Int, now: Int64) -> [Action] {
        guard var link = take(id) else { return [] }
        guard symbols.allSatisfy({ link.subscribed.contains($0) || link.refused.contains($0) }), link.outstanding.isEmpty, link.queue.isEmpty
        else { return [] }
        if !link.isReady {
            link.isReady = true
            link.readyAt = now
        }
        let fresh = symbols.filter { link.subscribed.contains($0) && !link.announced.contains($0) }
        let passedOver = link.refused.subtracting(link.announced)
        link.announced.formUnion(fresh)
        link.announced.formUnion(passedOver)
        put(link)
        if !passedOver.isEmpty { retryRefusedAt = now + policy.refusalPause }
        return (fresh.isEmpty ? [] : [.subscribed(fresh)])
            + (passedOver.isEmpty ? [] : [.report("not subscribed: \(passedOver.sorted().joined(separator: ", "))")])
    }

    private func take(_ id: Int) -> Link? { current?.id == id ? current : successor?.id == id ? successor : nil }

    private mutating func put(_ link: Link) {
        if current?.id == link.id { current = link } else if successor?.id == link.id { successor = link }
    }
}
