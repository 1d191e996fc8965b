import K2Bytes
import K2Domain
import K2JSON

/// A whole exchange without sockets and clocks: connections, requests and the passing of time go in, `ServeAction`s
/// and `ServeReply`s come out. Equal plans and equal calls give equal bytes.
///
/// The caller passes times in µs that never go back, calls `advance` often (each 10 ms, say), and after each call
/// carries out what `takeActions` gives. The market opens, and trades start, when all symbols of the plan have been
/// asked for, 2 s after the first was, or by `/control/open`.
public struct SimulatedExchange: ~Copyable {
    let plan: ServePlan
    let symbols: ServeSymbols
    var context: ServeContext
    var market: LiveMarket
    var sessions: [any ServeSession] = []
    var faults: ServeFaults
    var rest: RestService
    /// How long the readers have held the market back, µs: for the caller to count.
    public var heldBack: Int64 = 0
    private var openedConnections = 0
    private var openTime: Int64?

    private static let patience: Int64 = 2_000_000
    /// Output after which `advance` lets the caller send first.
    private static let stepBytes = 1 << 18

    /// - Parameter time: now, in µs since 1970 or any other clock when the plan has a start.
    public init(_ plan: ServePlan, at time: Int64) {
        self.plan = plan
        symbols = ServeSymbols(plan.symbols(plan.format))
        context = ServeContext(seed: plan.seed)
        if let start = plan.start { context.clockOffset = start.microseconds - time }
        market = LiveMarket(plan, start: context.wire(time))
        faults = ServeFaults(plan)
        rest = RestService(plan)
        for fault in plan.faults where fault.kind.isStanding { apply(standing: fault) }
    }

    // Connections.

    /// Whether a connection to `target` may be opened: nil, or the reply that refuses it.
    public mutating func admit(_ target: String, at time: Int64) -> ServeReply? {
        if let refusal = faults.refusal(at: time) { return refusal }
        var random = context.random
        return session(0, target, at: time, random: &random) == nil ? .html(404, "Not Found") : nil
    }

    /// - Parameter connection: any number that no open connection has.
    public mutating func opened(_ connection: Int, target: String, at time: Int64) {
        var random = context.random
        guard let session = session(connection, target, at: time, random: &random) else { return }
        context.random = random
        openedConnections += 1
        sessions.append(session)
        session.open(at: time, to: &context)
        openMarket(at: time)
    }

    private func session(_ connection: Int, _ target: String, at time: Int64, random: inout RandomSource) -> (any ServeSession)? {
        let link = ServeLink(connection, symbols: symbols.count, at: time)
        let target = RequestTarget(target)
        switch plan.exchange {
        case .binance: return BinanceServeSession(link, target: target, symbols: symbols)
        case .kraken: return KrakenServeSession(link, target: target, symbols: symbols)
        case .coinbase: return CoinbaseServeSession(link, target: target, symbols: symbols, random: &random)
        }
    }

    public mutating func received(_ connection: Int, text: [UInt8], at time: Int64) {
        guard let session = session(connection) else { return }
        let message = try? JSONValue(parsing: text)
        session.receive(message, at: time, market: market, to: &context)
        openMarket(at: time)
    }

    public mutating func heardPing(_ connection: Int, at time: Int64) { session(connection)?.heardPing(at: time, to: &context) }

    public mutating func heardPong(_ connection: Int, at time: Int64) { session(connection)?.heardPong(at: time, to: &context) }

    /// The connection ended, by whoever's will.
    public mutating func closed(_ connection: Int, at time: Int64) { sessions.removeAll { $0.link.connection == connection } }

    /// A session that still takes part.
    private func session(_ connection: Int) -> (any ServeSession)? {
        sessions.first { $0.link.connection == connection && !$0.link.isSilent }
    }

    // Time.

    /// Lets time pass. Returns whether more could be done at once: call again when the output is sent.
    /// - Parameter isHeldBack: the readers are behind, so no trades are made now.
    public mutating func advance(to time: Int64, isHeldBack: Bool = false) -> Bool {
        openMarket(at: time)
        let isBehind = !isHeldBack && makeTrades(at: time)
        if market.isOpen, !isBehind {
            if market.isFinished { faults.stop() }
            fireFaults(until: context.wire(time), at: time)
            while let due = faults.held.nextDue, due <= context.wire(time), let (trade, _) = faults.held.release() {
                deliver(trade, isWithheld: false, at: time)
            }
        }
        for session in sessions { tick(session, at: time) }
        return isBehind
    }

    private mutating func tick(_ session: any ServeSession, at time: Int64) {
        let link = session.link
        if let cutAt = link.cutAt, cutAt <= time { return context.drop(link) }
        if link.isSilent { return }
        if let waiting = link.waiting, time - waiting.since >= 1_000_000 { context.release(link) }
        session.tick(at: time, to: &context)
        if let life = faults.life, time - link.openedAt >= life { context.close(link, 1001, "connection lifetime") }
    }

    private mutating func openMarket(at time: Int64) {
        guard openTime == nil, let first = context.firstWantedAt else { return }
        if context.wanted.count == symbols.count || time - first >= Self.patience { open(at: time) }
    }

    /// Lets trades start now.
    mutating func open(at time: Int64) {
        guard openTime == nil else { return }
        openTime = time
        if let start = plan.start { context.clockOffset = start.microseconds - time }
        market.open(at: context.wire(time))
        faults.start(at: context.wire(time))
    }

    /// Makes the trades due by `time`, or with a rate without limit as many as fit into one step.
    private mutating func makeTrades(at time: Int64) -> Bool {
        let now = context.wire(time)
        if plan.rate == nil {
            guard sessions.contains(where: { $0.link.isSubscribed && !$0.link.isSilent }) else { return false }
            market.rest(until: now - 5_000)
        }
        while let due = market.nextTime() {
            fireFaults(until: min(due, now), at: time)
            if plan.rate != nil, due > now { return false }
            if context.bytes.count >= Self.stepBytes { return true }
            let (trade, isLost) = market.make()
            if !isLost { route(trade, at: time) }
        }
        return false
    }

    /// Sends a new trade now, late, twice, or not at all.
    private mutating func route(_ trade: SimulatedTrade, at time: Int64) {
        while let due = faults.held.nextDue, due <= trade.time, let (other, _) = faults.held.release() {
            deliver(other, isWithheld: false, at: time)
        }
        if let due = faults.delay(trade) { return faults.held.hold(trade, until: due) }
        deliver(trade, isWithheld: faults.withholds(), at: time)
        if let due = faults.repetition(trade) { faults.held.hold(trade, until: due) }
    }

    private mutating func deliver(_ trade: SimulatedTrade, isWithheld: Bool, at time: Int64) {
        for session in sessions { session.deliver(trade, isWithheld: isWithheld, at: time, to: &context) }
    }

    // Output.

    /// Hands out the actions since the call before, in their order, with the bytes that their ranges mean.
    public mutating func takeActions(_ body: (ServeAction, UnsafeRawBufferPointer) -> Void) {
        context.bytes.withUnsafeBytes { bytes in
            for action in context.actions { body(action, bytes) }
        }
        context.clear()
    }

    /// The truth lines since `clearTruth`; empty unless the plan wants them.
    public var truth: Span<UInt8> {
        @_lifetime(borrow self)
        get { market.truth.bytes.bytes }
    }

    public mutating func clearTruth() { market.truth.bytes.removeAll() }

    /// Whether all trades of the plan were made and sent.
    public var isFinished: Bool { market.isFinished && faults.held.nextDue == nil }

    public var counts: ServeCounts {
        ServeCounts(
            trades: market.made, messages: context.messages, connections: sessions.count, openedConnections: openedConnections,
            refusedConnections: faults.refusals, requests: rest.requests, isOpen: market.isOpen, isFinished: isFinished,
            heldBack: heldBack, faults: faults.fired)
    }
}

/// What a simulated exchange has done so far.
public struct ServeCounts: Sendable, Equatable {
    /// Trades made since the market opened.
    public var trades: Int
    /// Text messages of all connections.
    public var messages: Int
    /// Connections that are open now, and that were ever.
    public var connections: Int
    public var openedConnections: Int
    public var refusedConnections: Int
    public var requests: Int
    public var isOpen: Bool
    public var isFinished: Bool
    /// How long the readers have held the market back, µs.
    public var heldBack: Int64
    /// Faults by name, in the order of their kinds.
    public var faults: [(name: String, count: Int)]

    public static func == (a: ServeCounts, b: ServeCounts) -> Bool { a.json == b.json }

    public var json: String {
        let faults = faults.map { "\"\($0.name)\":\($0.count)" }.joined(separator: ",")
        return "{\"open\":\(isOpen),\"finished\":\(isFinished),\"trades\":\(trades),\"messages\":\(messages),\"connections\":\(connections),"
            + "\"opened_connections\":\(openedConnections),\"refused_connections\":\(refusedConnections),\"requests\":\(requests),"
            + "\"held_back_us\":\(heldBack),\"faults\":{\(faults)}}"
    }
}
