import K2Exchanges
import K2JSON

@testable import K2Capture

private let second = PlanClock.second
private let tick = PlanClock.tick

/// The clock of a plan, µs.
enum PlanClock {
    static let second: Int64 = 1_000_000
    static let tick: Int64 = 25_000
}

/// A plan, a clock, and everything that the plan asked for.
struct PlanBench {
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

/// So many symbols of Binance.
func planSymbols(_ count: Int) -> [String] { (0..<count).map { "S\($0)USDT" } }
