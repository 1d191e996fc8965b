import K2Domain
import K2Exchanges
import K2JSON
import K2TestSupport
import Testing

@testable import K2Capture

private let second: Int64 = 1_000_000
private let tick: Int64 = 25_000

/// A plan, a clock, and everything that the plan asked for.
private struct PlanBench {
    var plan: ConnectionPlan
    var now: Int64 = 0
    var log: [(at: Int64, action: ConnectionPlan.Action)] = []

    init(_ feed: any ExchangeFeed, _ symbols: [String], policy: ConnectionPlan.Policy = .init()) {
        plan = ConnectionPlan(feed: feed, symbols: symbols, policy: policy, links: 100, seed: 7)
    }

    mutating func note(_ actions: [ConnectionPlan.Action]) { for action in actions { log.append((now, action)) } }

    /// Ticks up to `time`.
    mutating func run(until time: Int64, mayConnect: Bool = true) {
        while now < time {
            note(plan.tick(now: now, mayConnect: mayConnect))
            now += tick
        }
    }

    mutating func run(for span: Int64) { run(until: now + span) }
    mutating func open(_ link: Int) { note(plan.opened(link, now: now)) }

    mutating func hear(_ link: Int, _ reply: FeedReply) {
        plan.heard(link, now: now)
        note(plan.received(reply, on: link, now: now))
    }

    mutating func end(_ link: Int, retryAfter: Int64? = nil) { note(plan.ended(link, "reset", retryAfter: retryAfter, now: now)) }

    /// What happened since the last call.
    mutating func taken() -> [ConnectionPlan.Action] {
        defer { log = [] }
        return log.map(\.action)
    }

    var connects: [Int] { log.compactMap { if case .connect(let link) = $0.action { link } else { nil } } }
    var subscribed: [[String]] { log.compactMap { if case .subscribed(let names) = $0.action { names } else { nil } } }
    var closed: [Int] { log.compactMap { if case .close(let link) = $0.action { link } else { nil } } }
    var aborted: [Int] { log.compactMap { if case .abort(let link) = $0.action { link } else { nil } } }
    func sends(_ link: Int) -> [(at: Int64, text: String)] {
        log.compactMap { if case .send(link, let text) = $0.action { ($0.at, text) } else { nil } }
    }

    /// The texts that were sent on a link.
    func sent(_ link: Int) -> [String] { sends(link).map(\.text) }

    /// Opens the next connection of a Binance plan and acknowledges what it asks for; its number.
    mutating func establish() -> Int {
        run(for: tick)
        let link = connects.last!
        open(link)
        acknowledgeAll(link, for: 3 * second)
        return link
    }

    /// Acknowledges each request of a Binance link as it is sent.
    mutating func acknowledgeAll(_ link: Int, for span: Int64) {
        let end = now + span
        var answered = 0
        while now < end {
            run(for: tick)
            let requests = sent(link)
            for text in requests[min(answered, requests.count)...] {
                guard let id = (try? JSONValue(parsing: Array(text.utf8)))?["id"]?.intValue else { continue }
                hear(link, .acknowledged(id: id, symbol: nil))
            }
            answered = requests.count
        }
    }
}

private func names(_ count: Int) -> [String] { (0..<count).map { "S\($0)USDT" } }

@Suite struct ConnectionPlanTests {
    // MARK: Connecting

    @Test func connectsOnceAndSubscribes() throws {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT", "ETHUSDT"])
        bench.run(for: second)
        #expect(bench.taken() == [.connect(link: 100)])
        #expect(bench.plan.owns(100) && !bench.plan.owns(101) && !bench.plan.isLive)
        bench.open(100)
        #expect(bench.taken() == [.send(link: 100, #"{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}"#)])
        #expect(!bench.plan.isLive)
        bench.hear(100, .acknowledged(id: 1, symbol: nil))
        #expect(bench.taken() == [.subscribed(["BTCUSDT", "ETHUSDT"])])
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        // Once more is nothing new.
        bench.hear(100, .acknowledged(id: 1, symbol: nil))
        #expect(bench.taken() == [])
    }

    @Test func waitsUntilItMayConnect() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(until: second, mayConnect: false)
        #expect(bench.connects == [])
        // Neither may a change of symbols connect.
        bench.note(bench.plan.change(to: ["BTCUSDT", "ETHUSDT"], now: bench.now))
        #expect(bench.connects == [])
        bench.run(for: tick)
        #expect(bench.connects == [100])
    }

    @Test func aStrangersConnectionIsAborted() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.open(999)
        #expect(bench.aborted == [999])
        bench.end(999)
        bench.hear(999, .acknowledged(id: 1, symbol: nil))
        #expect(bench.plan.owns(100) && bench.connects == [100])
    }

    @Test func delaysGrowWhileItCannotConnect() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        var waits: [Int64] = []
        for _ in 0..<12 {
            let before = bench.now
            while bench.connects.isEmpty { bench.run(for: tick) }
            waits.append(bench.now - before)
            bench.end(bench.connects[0])
            _ = bench.taken()
        }
        let range = BinanceFeed().limits.retryDelay
        for (index, wait) in waits.dropFirst().enumerated() {
            let ceiling = min(range.lowerBound << Int64(index), range.upperBound)
            #expect(wait >= ceiling / 2 && wait <= ceiling + 2 * tick, "try \(index): \(wait)")
        }
        #expect(bench.plan.reconnects == 12)
    }

    @Test func retryAfterIsKept() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.end(100, retryAfter: 120 * second)
        _ = bench.taken()
        bench.run(until: 120 * second)
        #expect(bench.connects == [])
        bench.run(for: second)
        #expect(bench.connects == [101])
    }

    @Test func nobodyWaitsForeverBecauseAServerSaysSo() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.end(100, retryAfter: .max)
        _ = bench.taken()
        bench.now += 86_399 * second
        bench.run(for: tick)
        #expect(bench.connects == [])
        bench.run(for: second)
        #expect(bench.connects == [101])
    }

    @Test func aConnectionThatLivedStartsAfresh() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        for _ in 0..<6 {
            while bench.connects.isEmpty { bench.run(for: tick) }
            bench.end(bench.connects[0])
            _ = bench.taken()
        }
        while bench.connects.isEmpty { bench.run(for: tick) }
        let link = bench.connects[0]
        bench.open(link)
        bench.hear(link, .acknowledged(id: 1, symbol: nil))
        for _ in 0..<40 {
            bench.run(for: second)
            bench.plan.heard(link, now: bench.now)
        }
        _ = bench.taken()
        bench.end(link)
        let before = bench.now
        while bench.connects.isEmpty { bench.run(for: tick) }
        #expect(bench.now - before <= 600_000)
    }

    // MARK: Answers

    @Test func manySymbolsAreAskedForInOrderAndNotTooFast() {
        var bench = PlanBench(BinanceFeed(), names(350))
        let link = bench.establish()
        let sends = bench.sends(link)
        #expect(sends.count == 4)
        #expect(zip(sends, sends.dropFirst()).allSatisfy { $1.at - $0.at >= BinanceFeed().limits.messageInterval })
        #expect(bench.subscribed == [names(350)])
        #expect(bench.plan.isLive)
    }

    @Test func krakenAnswersForEachSymbol() {
        var bench = PlanBench(KrakenFeed(), ["BTC/USD", "ETH/USD", "NO/USD"])
        bench.run(for: tick)
        bench.open(100)
        _ = bench.taken()
        bench.hear(100, .status("online"))
        bench.hear(100, .acknowledged(id: 1, symbol: "ETH/USD"))
        bench.hear(100, .heartbeat)
        #expect(bench.taken() == [])
        bench.hear(100, .refused(id: 1, symbol: "NO/USD", reason: "Currency pair not supported NO/USD"))
        #expect(bench.taken() == [.report("NO/USD: refused: Currency pair not supported NO/USD")])
        #expect(!bench.plan.isLive)
        bench.hear(100, .acknowledged(id: nil, symbol: "BTC/USD"))
        let done = bench.taken()
        #expect(done.contains(.subscribed(["BTC/USD", "ETH/USD"])))
        #expect(bench.plan.isLive && bench.plan.refused == ["NO/USD"])
        // The refused one is asked for again after a pause, alone; the others are left in peace.
        for _ in 0..<61 {
            bench.run(for: second)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.sent(100) == [#"{"method":"subscribe","params":{"channel":"trade","symbol":["NO/USD"],"snapshot":true},"req_id":2}"#])
        bench.hear(100, .acknowledged(id: 2, symbol: "NO/USD"))
        #expect(bench.subscribed == [["NO/USD"]])
        #expect(bench.plan.refused.isEmpty && bench.plan.isLive)
    }

    @Test func coinbaseListsWhatItHas() {
        var bench = PlanBench(CoinbaseFeed(), ["BTC-USD", "ETH-USD", "NO-USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        #expect(
            bench.sent(100) == [
                #"{"type":"subscribe","channel":"heartbeats"}"#,
                #"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD","NO-USD"],"channel":"market_trades"}"#,
            ])
        _ = bench.taken()
        bench.hear(100, .subscriptions([]))
        #expect(bench.taken() == [] && !bench.plan.isLive)
        bench.hear(100, .subscriptions(["ETH-USD", "BTC-USD"]))
        let done = bench.taken()
        #expect(done.contains(.subscribed(["BTC-USD", "ETH-USD"])) && done.contains(.report("not subscribed: NO-USD")))
        #expect(bench.plan.isLive && bench.plan.refused == ["NO-USD"])
        for _ in 0..<61 {
            bench.run(for: second)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.sent(100) == [#"{"type":"subscribe","product_ids":["NO-USD"],"channel":"market_trades"}"#])
        _ = bench.taken()
        bench.hear(100, .subscriptions(["BTC-USD", "ETH-USD", "NO-USD"]))
        #expect(bench.taken() == [.subscribed(["NO-USD"])])
        #expect(bench.plan.refused.isEmpty)
    }

    /// A list that leaves out what an earlier one had: those symbols are not subscribed, and that is not forgotten.
    @Test func aListThatForgetsSymbolsIsBelieved() {
        var bench = PlanBench(CoinbaseFeed(), ["A-USD", "B-USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        bench.hear(100, .subscriptions([]))
        bench.hear(100, .subscriptions(["A-USD", "B-USD"]))
        #expect(bench.plan.isLive)
        _ = bench.taken()
        bench.hear(100, .subscriptions(["A-USD"]))
        #expect(bench.plan.refused == ["B-USD"])
        #expect(bench.taken() == [.report("not subscribed: B-USD")])
        for _ in 0..<61 {
            bench.run(for: second)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.sent(100) == [#"{"type":"subscribe","product_ids":["B-USD"],"channel":"market_trades"}"#])
        bench.hear(100, .subscriptions(["A-USD", "B-USD"]))
        #expect(bench.subscribed == [["B-USD"]])
    }

    /// Lists that come twice, or late, lead to the same end.
    @Test func aRepeatedListDoesNoHarm() {
        var bench = PlanBench(CoinbaseFeed(), (0..<60).map { "S\($0)-USD" })
        let all = bench.plan.symbols
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        #expect(bench.sent(100).count == 3)
        bench.hear(100, .subscriptions([]))
        bench.hear(100, .subscriptions(Array(all[..<50])))
        bench.hear(100, .subscriptions(Array(all[..<50])))
        bench.hear(100, .subscriptions(all))
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        #expect(Set(bench.subscribed.flatMap { $0 }) == Set(all))
    }

    /// One bad symbol spoils a request: each is asked for alone, and only the bad one is left.
    @Test func oneOfManyMayBeRefused() throws {
        var bench = PlanBench(BinanceFeed(), ["AUSDT", "BADUSDT", "CUSDT"])
        bench.run(for: tick)
        bench.open(100)
        bench.hear(100, .refused(id: 1, symbol: nil, reason: "invalid stream"))
        bench.run(for: 2 * second)
        let sent = bench.sent(100)
        #expect(sent.count == 4)
        for text in sent.dropFirst() {
            let id = try #require(JSONValue(parsing: Array(text.utf8))["id"]?.intValue)
            bench.hear(100, text.contains("bad") ? .refused(id: id, symbol: nil, reason: "invalid stream") : .acknowledged(id: id, symbol: nil))
        }
        #expect(bench.plan.isLive && bench.plan.refused == ["BADUSDT"])
        #expect(Set(bench.subscribed.flatMap { $0 }) == ["AUSDT", "CUSDT"])
        let sends = bench.sends(100)
        #expect(zip(sends, sends.dropFirst()).allSatisfy { $1.at - $0.at >= BinanceFeed().limits.messageInterval })
    }

    /// Flat errors carry no number: they mean the oldest request without an answer.
    @Test func anErrorWithoutANumberMeansTheOldestRequest() {
        var bench = PlanBench(BinanceFeed(), names(150))
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        #expect(bench.sent(100).count == 2)
        bench.hear(100, .refused(id: nil, symbol: nil, reason: "x"))
        bench.hear(100, .acknowledged(id: 2, symbol: nil))
        bench.acknowledgeAll(100, for: 40 * second)
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        #expect(Set(bench.subscribed.flatMap { $0 }) == Set(names(150)))
        // And one when nothing was asked is only told.
        _ = bench.taken()
        bench.hear(100, .refused(id: nil, symbol: nil, reason: "y"))
        #expect(bench.taken() == [.report("exchange says: y")])
        #expect(bench.plan.refused.isEmpty)
    }

    @Test func aMissingAnswerEndsTheConnection() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.open(100)
        for _ in 0..<9 {
            bench.run(for: second)
            bench.plan.heard(100, now: bench.now)
        }
        #expect(bench.aborted == [])
        for _ in 0..<2 {
            bench.run(for: second)
            bench.plan.heard(100, now: bench.now)
        }
        #expect(bench.aborted == [100])
        // The socket tells its end as well: it counts once.
        bench.end(100)
        #expect(bench.plan.reconnects == 1)
        bench.run(for: second)
        #expect(bench.connects == [100, 101])
    }

    @Test func aLateAnswerCounts() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: 9_900_000)
        bench.hear(100, .acknowledged(id: 1, symbol: nil))
        bench.run(for: 5 * second)
        #expect(bench.aborted == [] && bench.plan.isLive)
    }

    // MARK: Silence

    @Test func silenceIsAskedAboutThenEnded() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let link = bench.establish()
        let heard = bench.now
        bench.plan.heard(link, now: heard)
        _ = bench.taken()
        let silence = BinanceFeed().limits.silence
        bench.run(until: heard + silence / 2)
        #expect(bench.taken() == [])
        bench.run(until: heard + silence)
        #expect(bench.taken() == [.ping(link: link)])
        bench.run(for: 2 * tick)
        #expect(bench.aborted == [link])
        #expect(!bench.plan.isLive)
    }

    @Test func anAnswerToAPingIsLife() {
        var bench = PlanBench(KrakenFeed(), ["BTC/USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.hear(100, .acknowledged(id: 1, symbol: "BTC/USD"))
        _ = bench.taken()
        for round in 0..<5 {
            bench.run(for: 6 * second)
            #expect(bench.taken() == [.send(link: 100, #"{"method":"ping","req_id":\#(round + 2)}"#)])
            bench.hear(100, .heartbeat)
        }
        #expect(bench.aborted == [])
    }

    // MARK: Rotation

    @Test func anOldConnectionIsReplacedWithoutAHole() {
        var policy = ConnectionPlan.Policy()
        policy.maxAge = 100 * second
        policy.silence = 1_000 * second
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"], policy: policy)
        let first = bench.establish()
        #expect(bench.plan.isLive)
        _ = bench.taken()
        bench.run(for: 99 * second)
        #expect(bench.connects == [101])
        #expect(bench.plan.owns(first) && bench.plan.owns(101) && bench.plan.rotations == 1)
        bench.run(for: 5 * second)
        bench.open(101)
        #expect(bench.closed == [] && bench.sent(101).count == 1)
        bench.run(for: 5 * second)
        let readyAt = bench.now
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        #expect(bench.subscribed == [["BTCUSDT"]])
        bench.run(for: policy.overlap - 2 * tick)
        #expect(bench.closed == [])
        bench.run(for: 4 * tick)
        #expect(bench.closed == [first])
        #expect(bench.log.last { $0.action == .close(link: first) }!.at >= readyAt + policy.overlap)
        #expect(bench.plan.owns(first) && bench.plan.isLive)
        bench.end(first)
        #expect(!bench.plan.owns(first) && bench.plan.isLive && bench.plan.reconnects == 0)
        bench.run(for: 50 * second)
        #expect(bench.connects == [101] && bench.aborted == [])
    }

    @Test func binanceIsRotatedBeforeItsDayIsOver() throws {
        let limits = BinanceFeed().limits
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        _ = bench.establish()
        let age = try #require(limits.maxAge)
        while bench.now < age + 60 * second {
            bench.run(for: tick)
            bench.now += 20 * second
            bench.plan.heard(100, now: bench.now)
        }
        #expect(bench.connects == [100, 101])
    }

    @Test func aSuccessorThatFailsIsTriedAgainAndTheOldOneStays() {
        var bench = PlanBench(KrakenFeed(), ["BTC/USD"], policy: .init())
        bench.run(for: tick)
        bench.open(100)
        bench.hear(100, .acknowledged(id: 1, symbol: "BTC/USD"))
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        var failed = 0
        while failed < 5 {
            bench.run(for: 500_000)
            bench.hear(100, .heartbeat)
            if let link = bench.connects.last, link != 100 {
                bench.end(link)
                failed += 1
                _ = bench.taken()
            }
            #expect(bench.plan.isLive)
        }
        #expect(bench.closed == [] && bench.aborted == [] && bench.plan.reconnects == 0)
        #expect(bench.plan.rotations == 5)
        // Delays grow.
        let before = bench.now
        while bench.connects.isEmpty {
            bench.run(for: 500_000)
            bench.hear(100, .heartbeat)
        }
        #expect(bench.now - before >= 8 * second)
    }

    @Test func theOldOneMayDieWhileTheNewOneOpens() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: second)
        #expect(bench.connects == [first, 101])
        bench.end(first)
        #expect(!bench.plan.isLive && bench.plan.owns(101))
        _ = bench.taken()
        bench.open(101)
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        #expect(bench.plan.isLive)
        #expect(bench.subscribed == [["BTCUSDT"]])
        bench.run(for: 10 * second)
        #expect(bench.connects == [] && bench.closed == [])
    }

    @Test func theOldOneMayDieWhileBothRun() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: tick)
        bench.open(101)
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        bench.run(for: second)
        _ = bench.taken()
        bench.end(first)
        #expect(bench.plan.isLive && bench.plan.owns(101))
        bench.run(for: 10 * second)
        #expect(bench.connects == [] && bench.closed == [] && bench.subscribed == [])
    }

    @Test func bothMayDie() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: tick)
        bench.end(first)
        bench.end(101)
        #expect(!bench.plan.isLive)
        bench.run(for: 5 * second)
        #expect(bench.connects == [first, 101, 102])
    }

    @Test func aShutdownNoticeReplacesTheConnection() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        let first = bench.establish()
        bench.hear(first, .shutdown)
        bench.hear(first, .shutdown)
        bench.run(for: tick)
        #expect(bench.connects == [first, 101])
        bench.hear(first, .shutdown)
        bench.open(101)
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        bench.run(for: 3 * second)
        #expect(bench.closed == [first])
        // The old one says it again before it is closed: that is no reason to replace the new one.
        _ = bench.taken()
        bench.hear(first, .shutdown)
        bench.run(for: 30 * second)
        #expect(bench.connects == [])
    }

    @Test func rotationsThatAreNotUrgentHaveAPause() {
        var bench = PlanBench(BinanceFeed(), ["BTCUSDT"])
        _ = bench.establish()
        func rotate(_ isUrgent: Bool) -> Bool {
            let actions = bench.plan.rotate(because: "x", isUrgent: isUrgent, now: bench.now)
            bench.note(actions)
            return !actions.isEmpty
        }
        #expect(rotate(false))
        #expect(!rotate(true))
        bench.run(for: tick)
        let link = bench.connects.last!
        bench.open(link)
        bench.acknowledgeAll(link, for: 5 * second)
        #expect(bench.closed == [100])
        #expect(!rotate(false))
        #expect(rotate(true))
    }

    // MARK: Changes

    @Test func symbolsMayChangeWithoutAReconnect() throws {
        var bench = PlanBench(KrakenFeed(), ["A/USD", "B/USD"])
        bench.run(for: tick)
        bench.open(100)
        for name in ["A/USD", "B/USD"] { bench.hear(100, .acknowledged(id: 1, symbol: name)) }
        _ = bench.taken()
        bench.now += second
        bench.note(bench.plan.change(to: ["B/USD", "C/USD"], now: bench.now))
        bench.run(for: second)
        #expect(
            bench.sent(100) == [
                #"{"method":"subscribe","params":{"channel":"trade","symbol":["C/USD"],"snapshot":true},"req_id":2}"#,
                #"{"method":"unsubscribe","params":{"channel":"trade","symbol":["A/USD"]},"req_id":3}"#,
            ])
        _ = bench.taken()
        bench.hear(100, .acknowledged(id: 2, symbol: "C/USD"))
        bench.hear(100, .acknowledged(id: 3, symbol: "A/USD"))
        #expect(bench.taken() == [.subscribed(["C/USD"])])
        #expect(bench.plan.symbols == ["B/USD", "C/USD"])
        // Back again.
        bench.note(bench.plan.change(to: ["A/USD"], now: bench.now))
        bench.run(for: second)
        #expect(bench.sent(100).count == 2)
        _ = bench.taken()
        bench.hear(100, .acknowledged(id: 4, symbol: "A/USD"))
        for name in ["B/USD", "C/USD"] { bench.hear(100, .acknowledged(id: 5, symbol: name)) }
        #expect(bench.taken() == [.subscribed(["A/USD"])])
        bench.hear(100, .heartbeat)
        bench.run(for: 8 * second)
        #expect(bench.aborted == [])
    }

    @Test func aChangeReachesBothConnections() {
        var bench = PlanBench(BinanceFeed(), ["AUSDT"])
        let first = bench.establish()
        bench.note(bench.plan.rotate(because: "test", isUrgent: true, now: bench.now))
        bench.run(for: tick)
        bench.open(101)
        bench.run(for: tick)
        bench.note(bench.plan.change(to: ["AUSDT", "BUSDT"], now: bench.now))
        bench.run(for: second)
        #expect(bench.sent(first).last!.contains("busdt") && bench.sent(101).last!.contains("busdt"))
        bench.hear(101, .acknowledged(id: 2, symbol: nil))
        bench.run(for: 4 * second)
        // Not before the successor has everything.
        #expect(bench.closed == [])
    }

    @Test func nothingToSubscribeNeedsNoConnection() {
        var bench = PlanBench(BinanceFeed(), [])
        bench.run(for: 5 * second)
        #expect(bench.connects == [])
        bench.note(bench.plan.change(to: ["AUSDT"], now: bench.now))
        bench.run(for: tick)
        #expect(bench.connects == [100])
    }

    @Test func whatIsRemovedBeforeItIsAnsweredIsNotRefused() {
        var bench = PlanBench(CoinbaseFeed(), ["A-USD", "B-USD"])
        bench.run(for: tick)
        bench.open(100)
        bench.run(for: second)
        bench.note(bench.plan.change(to: ["A-USD"], now: bench.now))
        bench.hear(100, .subscriptions([]))
        bench.hear(100, .subscriptions(["A-USD", "B-USD"]))
        bench.run(for: second)
        bench.hear(100, .subscriptions(["A-USD"]))
        #expect(bench.plan.isLive && bench.plan.refused.isEmpty)
        #expect(bench.subscribed == [["A-USD"]])
    }
}
