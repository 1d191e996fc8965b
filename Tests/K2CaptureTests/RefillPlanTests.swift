import K2Bytes
import K2Domain
import K2Exchanges
import K2NDJSON
import K2TestSupport
import Testing

@testable import K2Capture

private let second: Int64 = 1_000_000

/// A capture of one symbol with its plan of refills, asked against a model history.
private struct RefillBench: ~Copyable {
    let exchange: Exchange
    var symbol: ModelSymbol
    var bench: CaptureBench
    var plan: RefillPlan
    var now: Int64 = 0
    /// Ids that the history shows.
    var visible: (UInt64) -> Bool = { _ in true }

    /// Ids 1 to `count` but those `without`.
    init(_ exchange: Exchange, count: UInt64 = 3_000, without: Set<UInt64> = [], policy: RefillPlan.Policy = .init()) {
        self.exchange = exchange
        symbol = ModelSymbol.make(exchange, "BTC")
        symbol.trades = (1...count).filter { !without.contains($0) }.map { ModelTrade(id: $0, nanos: 1_789_999_000_000_000_000 + $0 * 1_000_000) }
        bench = CaptureBench(exchange, [symbol])
        plan = RefillPlan(feed: ExchangeRegistry.feed(for: exchange), policy: policy, seed: 7)
    }

    var series: SymbolSeries { bench.capture.series[0] }

    mutating func stream(_ ids: [UInt64]) {
        for id in ids { bench.message(ModelWire.message(exchange, symbol, [symbol.trades[symbol.place(id)]])) }
    }

    /// The stream jumps from one id to another; the hole is announced and asked for.
    mutating func open(_ first: UInt64, _ last: UInt64) {
        stream([first - 1, last + 1])
        report()
    }

    mutating func report() {
        for (series, report) in bench.capture.report(seenBefore: micros(.max), at: micros(bench.now), into: &bench.output) where report.state == .open {
            plan.refill(report.hole, series: series, restName: symbol.restName, now: now)
        }
    }

    mutating func next() -> (at: Int64, errand: RefillPlan.Errand, request: RESTRequest)? { plan.next(now: now, capture: bench.capture) }

    /// Asks what is due next, at its time; the errand and when it was, or nil when there is none.
    @discardableResult
    mutating func step() -> (at: Int64, errand: RefillPlan.Errand, finding: RefillPlan.Finding?)? {
        guard let (at, errand, request) = next() else { return nil }
        now = at
        let visible = self.visible
        let body = ModelWire.answer(exchange, symbol, request.target) { visible($0.id) }
        guard case .page(let page, let new, let newest) = bench.page(body, request.target) else { return nil }
        let finding = plan.answered(errand, page, new: new, newest: newest, capture: &bench.capture, at: micros(bench.now), now: now)
        return (at, errand, finding)
    }

    struct Idle: Error {}

    /// What is due next; throws when there is nothing.
    mutating func due() throws -> (at: Int64, errand: RefillPlan.Errand, request: RESTRequest) {
        guard let next = next() else { throw Idle() }
        return next
    }

    /// Asks what is due next, and when that was; throws when there is nothing.
    mutating func stepped() throws -> Int64 {
        guard let step = step() else { throw Idle() }
        return step.at
    }

    /// Asks all that is due at the moment that comes next: the pages of one look at a hole.
    mutating func walk() throws {
        let at = try due().at
        while let next = next(), next.at <= at { step() }
    }

    /// Steps until nothing is left to ask.
    mutating func finish(limit: Int = 500) -> Int {
        var count = 0
        while count < limit, step() != nil { count += 1 }
        return count
    }

    mutating func gapTexts() throws -> [String] {
        _ = bench.taken()
        report()
        return try gaps(bench.lines()).map { "\($0.state.name) \($0.firstMissing)-\($0.lastMissing)" }
    }
}

@Suite struct RefillPlanTests {
    @Test(arguments: Exchange.allCases)
    func aHoleIsFilled(exchange: Exchange) throws {
        var refill = RefillBench(exchange)
        refill.open(11, 20)
        #expect(refill.plan.openHoles == 1 && !refill.plan.isIdle)
        let next = try refill.due()
        #expect(next.at == 0 && next.errand == .hole(series: 0, first: 11))
        #expect(refill.finish() <= 2)
        #expect(refill.plan.isIdle)
        #expect(refill.series.settled.absent(from: 10...21).isEmpty)
        #expect(try refill.gapTexts() == ["filled 11-20"])
    }

    @Test(arguments: Exchange.allCases)
    func aLongHoleTakesSeveralPages(exchange: Exchange) throws {
        var refill = RefillBench(exchange, count: 9_000, without: [1_500, 2_998, 2_999, 3_000])
        refill.open(11, 8_000)
        #expect(refill.finish() <= 30)
        #expect(try refill.gapTexts() == ["filled 11-1499", "empty 1500-1500", "filled 1501-2997", "empty 2998-3000", "filled 3001-8000"])
    }

    @Test(arguments: Exchange.allCases)
    func aProofIsSeenTwiceWithAPause(exchange: Exchange) throws {
        var refill = RefillBench(exchange, without: [12, 15, 16])
        refill.open(11, 20)
        try refill.walk()
        #expect(refill.series.settled.absent(from: 11...20) == [12...12, 15...16])
        #expect(try refill.gapTexts() == [])
        let again = try refill.due()
        #expect(again.at >= RefillPlan.Policy().confirmation)
        _ = refill.finish()
        #expect(refill.now >= RefillPlan.Policy().confirmation)
        #expect(try refill.gapTexts() == ["filled 11-11", "empty 12-12", "filled 13-14", "empty 15-16", "filled 17-20"])
    }

    @Test(arguments: Exchange.allCases)
    func whatIsShownLaterThanItsNeighboursIsNotCalledEmpty(exchange: Exchange) throws {
        var refill = RefillBench(exchange)
        refill.open(11, 20)
        refill.visible = { $0 != 15 }
        try refill.walk()
        #expect(refill.series.settled.absent(from: 11...20) == [15...15])
        refill.visible = { _ in true }
        _ = refill.finish()
        #expect(try refill.gapTexts() == ["filled 11-20"])
    }

    /// Two proofs count only one after the other: a look between them that shows less takes the first one back.
    @Test(arguments: Exchange.allCases)
    func aProofThatIsNotRepeatedCountsForNothing(exchange: Exchange) throws {
        var refill = RefillBench(exchange, without: [15])
        refill.open(11, 20)
        for look in 0..<3 {
            // Shown with its neighbours; then without the one after it, as by a server that lags.
            refill.visible = look == 1 ? { $0 < 15 } : { $0 != 16 || look == 0 }
            try refill.walk()
        }
        #expect(refill.series.settled.absent(from: 15...15) == [15...15])
        refill.visible = { _ in true }
        _ = refill.finish()
        #expect(try refill.gapTexts() == ["filled 11-14", "empty 15-15", "filled 16-20"])
    }

    @Test(arguments: Exchange.allCases)
    func aHistoryThatLagsIsWaitedFor(exchange: Exchange) throws {
        var refill = RefillBench(exchange)
        refill.open(11, 20)
        refill.visible = { $0 <= 13 }
        var looks: [Int64] = []
        while refill.now < 600 * second { looks.append(try refill.stepped()) }
        #expect(refill.series.settled.absent(from: 11...20) == [14...20])
        // It is asked less and less often, and never rarer than the greatest delay.
        #expect(looks.count < 100)
        #expect(zip(looks, looks.dropFirst()).allSatisfy { $1 - $0 <= RefillPlan.Policy().delay.upperBound })
        refill.visible = { _ in true }
        _ = refill.finish()
        #expect(try refill.gapTexts() == ["filled 11-20"])
    }

    @Test(arguments: Exchange.allCases)
    func aHistoryThatNeverComesIsGivenUp(exchange: Exchange) throws {
        var refill = RefillBench(exchange)
        refill.open(11, 20)
        refill.visible = { $0 <= 13 }
        #expect(refill.finish() < 100)
        let policy = RefillPlan.Policy()
        #expect(refill.now > policy.patience && refill.now < policy.patience + 2 * policy.delay.upperBound)
        _ = refill.bench.taken()
        refill.report()
        let closed = try gaps(refill.bench.lines())
        #expect(closed.map { "\($0.state.name) \($0.firstMissing)-\($0.lastMissing)" } == ["filled 11-13", "lost 14-20"])
        #expect(closed[1].cause == "exchange's history does not reach them")
    }

    @Test(arguments: Exchange.allCases)
    func aPrunedHistoryIsGivenUpAfterSoManyLooks(exchange: Exchange) throws {
        var refill = RefillBench(exchange)
        refill.open(11, 20)
        refill.symbol.keptFrom = 16
        var looks: Set<Int64> = []
        while let step = refill.step() { looks.insert(step.at) }
        #expect(looks.count == RefillPlan.Policy().attempts)
        _ = refill.bench.taken()
        refill.report()
        let closed = try gaps(refill.bench.lines())
        #expect(closed.map { "\($0.state.name) \($0.firstMissing)-\($0.lastMissing)" } == ["lost 11-15", "filled 16-20"])
        #expect(closed[0].cause == "exchange does not have them any more")
        #expect(refill.plan.isIdle)
    }

    @Test(arguments: Exchange.allCases)
    func aHoleMayBeFilledAndEmptyAndLost(exchange: Exchange) throws {
        var refill = RefillBench(exchange, without: [14, 18, 19])
        refill.open(11, 20)
        refill.symbol.keptFrom = 15
        _ = refill.finish()
        // 14 lies before what is kept: nobody can say that it never was.
        #expect(try refill.gapTexts() == ["lost 11-14", "filled 15-17", "empty 18-19", "filled 20-20"])
    }

    /// A row that cannot be read is a trade: its id is not proven to be empty by its neighbours.
    @Test func anUnreadableRowIsNoProof() throws {
        var refill = RefillBench(.binance)
        refill.open(11, 20)
        var count = 0
        while let (at, errand, request) = refill.next(), count < 50 {
            count += 1
            refill.now = at
            let body = String(decoding: ModelWire.answer(.binance, refill.symbol, request.target) { _ in true }, as: UTF8.self)
                .replacing(#""id":15,"price":"60814.78000000""#, with: #""id":15,"price":"much""#)
            guard case .page(let page, let new, let newest) = refill.bench.page(body, request.target) else { break }
            _ = refill.plan.answered(errand, page, new: new, newest: newest, capture: &refill.bench.capture, at: micros(0), now: at)
        }
        #expect(try refill.gapTexts() == ["filled 11-14", "lost 15-15", "filled 16-20"])
    }

    @Test func theStreamMayFillAHoleMeanwhile() throws {
        var refill = RefillBench(.kraken)
        refill.open(11, 20)
        let (at, errand, request) = try refill.due()
        refill.stream((11...20).map { $0 })
        #expect(refill.next() == nil)
        // The answer to what was asked comes all the same.
        let body = ModelWire.answer(.kraken, refill.symbol, request.target) { _ in true }
        guard case .page(let page, let new, let newest) = refill.bench.page(body, request.target) else { return }
        let finding = refill.plan.answered(errand, page, new: new, newest: newest, capture: &refill.bench.capture, at: micros(0), now: at)
        #expect(finding == nil && refill.plan.isIdle)
        #expect(try refill.gapTexts() == ["filled 11-20"])
    }

    @Test func aHoleIsAskedForOnce() {
        var refill = RefillBench(.binance)
        refill.open(11, 20)
        let hole = refill.series.holes[0]
        refill.plan.refill(hole, series: 0, restName: "BTCUSDT", now: 5)
        #expect(refill.plan.openHoles == 1)
    }

    @Test func severalHolesEachComeToTheirEnd() throws {
        var refill = RefillBench(.coinbase, without: [6, 25])
        refill.stream([1, 5, 7, 8, 20, 21, 30])
        refill.report()
        #expect(refill.plan.openHoles == 4)
        _ = refill.finish()
        #expect(
            try refill.gapTexts() == ["filled 2-4", "empty 6-6", "filled 9-19", "filled 22-24", "empty 25-25", "filled 26-29"])
    }

    // MARK: Refusals

    @Test func aRefusalIsTriedAgainLater() throws {
        var refill = RefillBench(.binance)
        refill.open(11, 20)
        var last: Int64 = -1
        for refusal in [RESTRefusal.tooMany, .unavailable("HTTP 503"), .tooMany, .unavailable("x"), .tooMany, .tooMany, .tooMany, .unavailable("y")] {
            let (at, errand, _) = try refill.due()
            #expect(at > last)
            last = at
            refill.now = at
            #expect(refill.plan.failed(errand, refusal, capture: &refill.bench.capture, now: at) == nil)
        }
        #expect(refill.series.settled.absent(from: 11...20) == [11...20])
        _ = refill.finish()
        #expect(try refill.gapTexts() == ["filled 11-20"])
    }

    @Test func whatIsNeverAnsweredIsLostAfterSoManyTries() throws {
        var refill = RefillBench(.binance)
        refill.open(11, 20)
        var findings: [RefillPlan.Finding?] = []
        while let (at, errand, _) = refill.next() {
            refill.now = at
            findings.append(refill.plan.failed(errand, .never("Invalid symbol."), capture: &refill.bench.capture, now: at))
        }
        #expect(findings == [nil, nil, nil, .refused(series: 0, "Invalid symbol.")])
        _ = refill.bench.taken()
        refill.report()
        let closed = try gaps(refill.bench.lines())
        #expect(closed.map(\.state) == [.lost] && closed[0].cause == "Invalid symbol.")
    }

    // MARK: Looks

    @Test func looksComeAtTheirTimes() throws {
        var refill = RefillBench(.binance)
        refill.stream([100])
        refill.bench.now += 1
        refill.plan.look(0, for: .subscribed, after: [3 * second, second], since: micros(refill.bench.now), now: 0)
        let first = try refill.due()
        #expect(first.at == second && first.errand == .look(series: 0, reason: .subscribed))
        #expect(first.request.target == "/api/v3/historicalTrades?symbol=BTCUSDT&limit=1000")
        refill.symbol.trades.removeLast(2_890)
        #expect(refill.step()?.finding == nil)
        // The newest trades showed a hole.
        #expect(refill.series.highest?.id == 110)
        #expect(refill.series.holes.isEmpty)
        #expect(refill.next()?.at == 3 * second)
        refill.now = 10 * second
        #expect(refill.next()?.at == 10 * second)
        refill.step()
        #expect(refill.next() == nil && refill.plan.isIdle)
        #expect(refill.series.activity.lookedAt == micros(refill.bench.now))
    }

    @Test func aStreamTradeMakesLooksNeedless() {
        for (reason, isNeedless) in [(RefillPlan.LookReason.subscribed, true), (.silent, true), (.jumped, false)] {
            var refill = RefillBench(.binance)
            refill.stream([100])
            // A trade of before is no sign.
            refill.plan.look(0, for: reason, after: [0, second], since: micros(refill.bench.now), now: 0)
            #expect(refill.next() != nil)
            refill.bench.now += 1
            refill.stream([101])
            #expect((refill.next() == nil) == isNeedless, "\(reason)")
            #expect(refill.plan.isIdle == isNeedless)
        }
    }

    @Test func aLookIsPlannedOnceForEachReason() {
        var refill = RefillBench(.binance)
        refill.stream([100])
        let since = micros(refill.bench.now)
        refill.plan.look(0, for: .silent, after: [second], since: since, now: 0)
        refill.plan.look(0, for: .jumped, after: [2 * second], since: since, now: 0)
        refill.plan.look(0, for: .silent, after: [5 * second], since: since, now: 0)
        #expect(refill.next()?.errand == .look(series: 0, reason: .jumped))
        refill.step()
        #expect(refill.next()?.at == 5 * second)
        refill.step()
        #expect(refill.plan.isIdle)
    }

    @Test func looksAndHolesTakeTurnsByTheirTimes() throws {
        var refill = RefillBench(.binance)
        refill.open(11, 20)
        refill.plan.look(0, for: .jumped, after: [second], since: micros(0), now: 0)
        #expect(refill.next()?.errand == .hole(series: 0, first: 11))
        refill.now = 2 * second
        #expect(refill.next()?.errand == .look(series: 0, reason: .jumped))
        refill.now = 0
        #expect(refill.next()?.errand == .hole(series: 0, first: 11))
    }

    /// A look that fails waits, also when it is not the first that was planned.
    @Test func aFailingLookIsNotAskedAgainAtOnce() throws {
        var refill = RefillBench(.binance)
        refill.stream([100])
        refill.plan.look(0, for: .jumped, after: [0, second, 60 * second], since: micros(0), now: 0)
        var times: [Int64] = []
        while times.count < 40 {
            let (at, errand, _) = try refill.due()
            refill.now = at
            times.append(at)
            #expect(refill.plan.failed(errand, .unavailable("HTTP 503"), capture: &refill.bench.capture, now: at) == nil)
        }
        // Three looks, each of which waits half a second or more after it failed.
        let crowded = zip(times, times.dropFirst(3)).filter { $1 - $0 < second / 2 }
        #expect(crowded.isEmpty, "\(times)")
        _ = refill.finish()
        #expect(refill.plan.isIdle)
    }

    @Test func aLookThatIsNeverAnsweredIsDropped() {
        var refill = RefillBench(.binance)
        refill.stream([100])
        refill.plan.look(0, for: .silent, after: [0], since: micros(refill.bench.now), now: 0)
        let next = refill.next()
        #expect(next != nil)
        let finding = refill.plan.failed(.look(series: 0, reason: .silent), .never("gone"), capture: &refill.bench.capture, now: 0)
        #expect(finding == .refused(series: 0, "gone"))
        #expect(refill.plan.isIdle)
        let late = refill.plan.failed(.look(series: 0, reason: .silent), .never("gone"), capture: &refill.bench.capture, now: 0)
        #expect(late == nil)
    }
}

@Suite struct StreamIsBehindTests {
    /// A market whose last message came at 0 s; the look at 100 s.
    private func finding(_ reason: RefillPlan.LookReason, newest seconds: Int64, isNew: Bool) -> RefillPlan.Finding? {
        let start: Int64 = 1_790_000_000_000_000
        var symbol = ModelSymbol.make(.kraken, "BTC")
        symbol.trades = [ModelTrade(id: 1, nanos: UInt64(start) * 1_000), ModelTrade(id: 2, nanos: UInt64(start + seconds * second) * 1_000)]
        var bench = CaptureBench(.kraken, [symbol])
        bench.now = start
        bench.message(ModelWire.message(.kraken, symbol, isNew ? [symbol.trades[0]] : symbol.trades))
        var plan = RefillPlan(feed: KrakenFeed(), seed: 1)
        plan.look(0, for: reason, after: [0], since: micros(start), now: 0)
        guard let (_, errand, request) = plan.next(now: 0, capture: bench.capture) else { return .refused(series: -1, "no look") }
        let body = ModelWire.answer(.kraken, symbol, request.target) { _ in true }
        guard case .page(let page, let new, let newest) = bench.page(body, request.target) else { return .refused(series: -1, "no page") }
        return plan.answered(errand, page, new: new, newest: newest, capture: &bench.capture, at: micros(start + 100 * second), now: 0)
    }

    @Test func newTradesInASilentMarketSayIt() {
        #expect(finding(.silent, newest: 60, isNew: true) == .streamIsBehind(series: 0))
        #expect(finding(.silent, newest: 96, isNew: true) == .streamIsBehind(series: 0))
        // Its message may be on the way.
        #expect(finding(.silent, newest: 97, isNew: true) == nil)
        #expect(finding(.silent, newest: 99, isNew: true) == nil)
        // Nothing new, or older than what the stream brought.
        #expect(finding(.silent, newest: 60, isNew: false) == nil)
        #expect(finding(.silent, newest: 0, isNew: true) == nil)
        #expect(finding(.subscribed, newest: 60, isNew: true) == nil)
        #expect(finding(.jumped, newest: 60, isNew: true) == nil)
    }
}
