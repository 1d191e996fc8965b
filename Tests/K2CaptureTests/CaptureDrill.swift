import K2Bytes
import K2Domain
import K2Exchanges
import K2TestSupport

@testable import K2Capture

private let second: Int64 = 1_000_000

/// An exchange whose stream drops, doubles and reorders messages, whose connection breaks, and whose REST
/// interface lags, fails and forgets; a capture of it, driven by a clock that is only counted.
struct CaptureDrill: ~Copyable {
    struct Plan: Sendable {
        var exchange: Exchange
        var seed: UInt64
        var tradesPerSymbol: Int
        var loss = Loss.none
        var restart = Restart.none
    }

    /// What the exchange's history cannot give.
    enum Loss: Sendable, CaseIterable { case none, pruned, broken }
    /// How the capture ends in between.
    enum Restart: Sendable, CaseIterable { case none, stopped, killed }

    private struct Delivery {
        var at: Int64
        var symbol: Int
        var trades: Range<Int>
        var isSnapshot = false
    }

    let plan: Plan
    var random: Seeded
    var symbols: [ModelSymbol] = []
    private var deliveries: [Delivery] = []
    /// Times without a connection.
    private var outages: [ClosedRange<Int64>] = []
    private let feed: any ExchangeFeed
    private let start: Int64 = 1_790_000_000_000_000
    private var end: Int64 = 0
    private var lag: Int64 = 0

    // The capture
    var bench: CaptureBench
    private var refills: RefillPlan
    private var requests: RequestBudget
    private var isAsking: (done: Int64, errand: RefillPlan.Errand, request: RESTRequest)?
    private var savedAt: Int64 = 0
    private var saved: [UInt8] = []
    /// The first id of each symbol that the capture saw: it owes those after it.
    var firstSeen: [UInt64?] = []

    private static let grace = 2 * second

    init(_ plan: Plan) {
        self.plan = plan
        random = Seeded(plan.seed)
        feed = ExchangeRegistry.feed(for: plan.exchange)
        bench = CaptureBench(plan.exchange)
        refills = RefillPlan(feed: feed, seed: plan.seed)
        requests = RequestBudget(burst: feed.limits.requestBurst, interval: feed.limits.requestInterval)
        makeTrades()
        makeOutages()
        makeDeliveries()
        firstSeen = symbols.map { _ in nil }
        lag = random.pick([200_000, 5 * second, 40 * second])
        startCapture(nil)
    }

    // MARK: The exchange

    private mutating func makeTrades() {
        for base in ["BTC", "ETH", "SOL", "XRP"].prefix(random.int(2...4)) {
            var symbol = ModelSymbol.make(plan.exchange, base)
            var id = random.pick([0, 1, 388_511, 9_007_199_254_740_000, UInt64(Int64.max) - 1_000_000])
            var nanos = UInt64(start) * 1_000 + UInt64(random.int(0...999_999))
            let pace = UInt64(random.pick([20_000_000, 50_000_000, 100_000_000]))
            for _ in 0..<plan.tradesPerSymbol {
                // Ids that never were.
                if random.once(in: 250) { id += UInt64(random.int(1...30)) }
                // One taker order has many trades in one instant.
                if random.once(in: 2) { nanos += UInt64.random(in: 0...(2 * pace), using: &random) }
                symbol.trades.append(ModelTrade(id: id, nanos: nanos, isBroken: plan.loss == .broken && random.once(in: 100)))
                id += 1
            }
            // Without a later trade nothing shows that a last one is missing which history cannot tell either.
            symbol.trades[symbol.trades.count - 1].isBroken = false
            symbols.append(symbol)
        }
        end = symbols.map { $0.trades.last!.micros }.max()! + second
    }

    private mutating func makeOutages() {
        var time = start
        for _ in 0..<random.int(1...3) {
            time += Int64(random.int(5...60)) * second
            let until = time + Int64(random.int(1...120)) * second
            if until < end { outages.append(time...until) }
            time = until
        }
    }

    private mutating func makeDeliveries() {
        let size = plan.exchange == .binance ? 1 : plan.exchange == .kraken ? 5 : 8
        for (index, symbol) in symbols.enumerated() {
            var place = 0
            while place < symbol.trades.count {
                let next = min(place + random.int(1...size), symbol.trades.count)
                let delivery = Delivery(at: symbol.trades[next - 1].micros + Int64(random.int(20_000...100_000)), symbol: index, trades: place..<next)
                place = next
                deliver(delivery)
            }
        }
        for outage in outages where plan.exchange != .binance {
            for (index, symbol) in symbols.enumerated() {
                let last = symbol.place(after: UInt64(outage.upperBound) * 1_000)
                let first = max(0, last - (plan.exchange == .kraken ? 50 : random.int(1...100)))
                if last > first { deliveries.append(Delivery(at: outage.upperBound + 100_000, symbol: index, trades: first..<last, isSnapshot: true)) }
            }
        }
        deliveries.sort { $0.at > $1.at }
    }

    private mutating func deliver(_ delivery: Delivery) {
        var delivery = delivery
        if random.once(in: 100) || outages.contains(where: { $0.contains(delivery.at) }) { return }
        if random.once(in: 30) { delivery.at += Int64(random.int(0...1_500_000)) }
        if random.once(in: 300) { delivery.at += Int64(random.int(3...9)) * second }
        deliveries.append(delivery)
        if random.once(in: 60) {
            delivery.at += Int64(random.int(0...3_000_000))
            deliveries.append(delivery)
        }
    }

    /// What REST shows at a time: each trade a little after it took place, and not quite in order.
    private static func isVisible(_ trade: ModelTrade, at now: Int64, lag: Int64) -> Bool {
        // Up to 2 s, by the id.
        trade.micros + lag + Int64((trade.id &* 0x9e37_79b9_7f4a_7c15) >> 43) <= now
    }

    // MARK: The capture

    private mutating func startCapture(_ state: CaptureState?) {
        let output = bench.output.array
        bench = CaptureBench(plan.exchange)
        bench.output.append(output)
        for symbol in symbols {
            let known = state?[symbol.name]
            let series = known.map { SymbolSeries(name: symbol.name, symbol: symbol.symbol, restName: symbol.restName, resuming: $0) } ?? symbol.series
            bench.capture.add(series, spellings: [symbol.pageKey])
        }
        refills = RefillPlan(feed: feed, seed: random.next())
        isAsking = nil
        for index in symbols.indices {
            for hole in bench.capture.series[index].holes where hole.isAnnounced {
                refills.refill(hole, series: index, restName: symbols[index].restName, now: bench.now)
            }
        }
    }

    /// Runs to the end; false when something stays open for ever.
    mutating func run() throws -> Bool {
        bench.now = start
        var restartAt = plan.restart == .none ? Int64.max : start + Int64.random(in: 0...(end - start), using: &random)
        var reconnects = outages.map(\.upperBound) + [end + 10 * second]
        var isQuiet = false
        while bench.now < end + 4 * 3_600 * second {
            while let next = deliveries.last, next.at <= bench.now {
                deliveries.removeLast()
                receive(next)
            }
            if let reconnect = reconnects.first, bench.now >= reconnect {
                reconnects.removeFirst()
                lookAtAll()
            }
            if bench.now >= restartAt {
                restartAt = .max
                try restart()
            }
            tick()
            isQuiet = deliveries.isEmpty && reconnects.isEmpty && refills.isIdle && isAsking == nil
            if isQuiet, bench.capture.series.allSatisfy({ $0.holes.isEmpty }) { return true }
            // Nothing but REST is left: less often.
            bench.now += deliveries.isEmpty ? 500_000 : 50_000
        }
        return false
    }

    private mutating func receive(_ delivery: Delivery) {
        let symbol = symbols[delivery.symbol]
        let trades = Array(symbol.trades[delivery.trades])
        bench.message(ModelWire.message(plan.exchange, symbol, trades, isSnapshot: delivery.isSnapshot))
        if firstSeen[delivery.symbol] == nil { firstSeen[delivery.symbol] = trades[0].id }
    }

    private mutating func lookAtAll() {
        for index in symbols.indices where bench.capture.series[index].highest != nil {
            refills.look(
                index, for: .subscribed, after: [1_500_000, 10 * second, 60 * second], since: micros(bench.now), now: bench.now)
        }
        if plan.loss == .pruned { prune() }
    }

    /// REST forgets the trades up to somewhere in what is missing.
    private mutating func prune() {
        for index in symbols.indices where random.once(in: 2) {
            let series = bench.capture.series[index]
            guard let hole = series.holes.last else { continue }
            symbols[index].keptFrom = max(symbols[index].keptFrom, UInt64.random(in: hole.first...hole.last, using: &random))
        }
    }

    private mutating func restart() throws {
        if plan.restart == .stopped {
            announce(.max)
            saved = CaptureState(of: bench.capture).bytes
        }
        let away = Int64(random.int(0...20)) * second
        let back = bench.now + away
        deliveries.removeAll { $0.at <= back }
        bench.now = back
        let state = saved.isEmpty ? nil : try CaptureState(parsing: saved, exchange: plan.exchange)
        startCapture(state)
        // What the state does not know of begins anew.
        for index in symbols.indices where state?[symbols[index].name] == nil { firstSeen[index] = nil }
        announce(bench.now - Self.grace)
        lookAtAll()
    }

    private mutating func tick() {
        announce(bench.now - Self.grace)
        ask()
        if plan.restart == .killed, bench.now - savedAt >= second {
            savedAt = bench.now
            saved = CaptureState(of: bench.capture).bytes
        }
    }

    private mutating func announce(_ before: Int64) {
        for (series, report) in bench.capture.report(seenBefore: micros(before), at: micros(bench.now), into: &bench.output)
        where report.state == .open {
            refills.refill(report.hole, series: series, restName: symbols[series].restName, now: bench.now)
        }
    }

    private mutating func ask() {
        if let (done, errand, request) = isAsking {
            guard bench.now >= done else { return }
            isAsking = nil
            answer(errand, request)
        }
        guard let next = refills.next(now: bench.now, capture: bench.capture), next.at <= bench.now, requests.allowed(from: bench.now) <= bench.now
        else { return }
        requests.use(at: bench.now)
        isAsking = (bench.now + Int64(random.int(20_000...500_000)), next.errand, next.request)
    }

    private mutating func answer(_ errand: RefillPlan.Errand, _ request: RESTRequest) {
        let now = bench.now
        var status = 200
        var body: [UInt8]
        switch random.int(0...39) {
        case 0:
            (status, body) = (503, Array("<html>".utf8))
        case 1:
            body = Array(#"{"error":["EAPI:Rate limit exceeded"]}"#.utf8)
            if plan.exchange != .kraken { status = 429 }
        case 2: body = Array("<html>".utf8)
        case 3:
            _ = refills.failed(errand, .unavailable("timeout"), capture: &bench.capture, now: now)
            return
        default:
            let name = ModelWire.restName(plan.exchange, request.target)
            let symbol = symbols.first { $0.restName == name }!
            let lag = self.lag
            body = ModelWire.answer(plan.exchange, symbol, request.target) { Self.isVisible($0, at: now, lag: lag) }
        }
        switch bench.page(body, request.target, status: status) {
        case .page(let page, let new, let newest):
            _ = refills.answered(errand, page, new: new, newest: newest, capture: &bench.capture, at: micros(now), now: now)
        case .refused(let refusal): _ = refills.failed(errand, refusal, capture: &bench.capture, now: now)
        }
    }
}
