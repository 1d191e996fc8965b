import K2Bytes
import K2Domain

/// What the REST side of an exchange keeps between requests.
struct RestService {
    var requests = 0
    let rows: RestRows
    /// Requests refused until this time, after a reply that said so.
    var refusedUntil: Int64 = .min
    var refusal: ServeReply?
    private var bucket: RequestBucket?
    private var weight = RequestWeight()

    init(_ plan: ServePlan) {
        rows = RestRows(plan)
        bucket =
            switch plan.exchange {
            case _ where !plan.limitsRequests: nil
            // Not published; 1 a second is customary, and 5 a second is what libraries use.
            case .kraken: RequestBucket(perSecond: 5, burst: 15)
            case .coinbase: RequestBucket(perSecond: 10, burst: 15)
            case .binance: nil
            }
    }

    mutating func takeRequest(at time: Int64) -> Bool { bucket?.take(at: time) ?? true }

    /// Adds the weight of a Binance request. Returns the weight used in this minute.
    mutating func add(weight cost: Int, at time: Int64) -> Int { weight.add(cost, at: time) }
}

/// So many requests a second, with bursts.
struct RequestBucket {
    private let interval: Int64
    private let capacity: Int64
    /// µs of credit; a request costs `interval`.
    private var credit: Int64
    private var last: Int64?

    init(perSecond: Int64, burst: Int64) {
        interval = 1_000_000 / perSecond
        capacity = burst * interval
        credit = capacity
    }

    mutating func take(at time: Int64) -> Bool {
        credit = min(capacity, credit + time - (last ?? time))
        last = time
        if credit < interval { return false }
        credit -= interval
        return true
    }
}

/// Binance's request weight: counted by the minute. Source: binance-spot-api-docs, rest-api.md, "IP limits", seen 2026-07.
struct RequestWeight {
    static let limit = 6_000
    private var minute: Int64 = .min
    private var used = 0

    mutating func add(_ cost: Int, at time: Int64) -> Int {
        if time / 60_000_000 != minute {
            minute = time / 60_000_000
            used = 0
        }
        used += cost
        return used
    }
}

/// The writers of rows, by the symbols of each interface.
struct RestRows {
    let binance: BinanceRowText
    let kraken: KrakenRowText
    let coinbase: CoinbaseRowText
    let ticker: CoinbaseTickerText

    init(_ plan: ServePlan) {
        binance = BinanceRowText(plan.symbols(.binanceREST))
        kraken = KrakenRowText(plan.symbols(.krakenREST))
        coinbase = CoinbaseRowText(plan.symbols(.coinbaseREST))
        ticker = CoinbaseTickerText(plan.symbols(.coinbaseAdvancedREST))
    }
}

extension SimulatedExchange {
    /// Answers a request. Paths below `/control/` are ours and know no faults.
    public mutating func request(_ request: ServeRequest, at time: Int64) -> ServeReply {
        let target = RequestTarget(request.target)
        if target.segments.first == "control" { return control(target, at: time) }
        rest.requests += 1
        if let refusal = rest.refusal, time < rest.refusedUntil { return refusal }
        let fault = faults.nextRequestFault()
        if let fault, let reply = refuse(fault, at: time) { return reply }
        var reply = answer(request, target, at: time)
        switch fault?.kind {
        case .httpDrop: reply.delivery = faults.random.once(in: 2) ? .drop : .part(bytes: reply.body.count / 2)
        case .httpSlow: reply.delivery = .late(microseconds: fault?.value ?? 5_000_000)
        default: break
        }
        return reply
    }

    private mutating func answer(_ request: ServeRequest, _ target: RequestTarget, at time: Int64) -> ServeReply {
        guard request.method == "GET" else { return .html(405, "Method Not Allowed") }
        guard rest.takeRequest(at: time) else { return tooMany() }
        switch plan.exchange {
        case .binance: return binanceReply(request, target, at: time)
        case .kraken: return krakenReply(target, at: time)
        case .coinbase: return coinbaseReply(target, at: time)
        }
    }

    /// The index behind the newest trade of `symbol` that REST shows at `time`.
    func visibleEnd(_ symbol: Int, at time: Int64) -> Int {
        let history = market.histories[symbol]
        if faults.restLag == 0 { return history.count }
        return history.index(ofTime: context.wire(time) - faults.restLag + 1)
    }

    // Refusals.

    private mutating func refuse(_ fault: ServeFault, at time: Int64) -> ServeReply? {
        var reply: ServeReply
        switch fault.kind {
        case .http429: reply = tooMany(isHTTP: true)
        case .http418: reply = .json(Self.banned(until: context.wire(time) + (fault.value ?? 2_000_000)), status: 418)
        case .http5xx:
            let status = fault.value.map(Int.init) ?? [500, 502, 503, 504][Int(faults.random.below(4))]
            return .html(status, status == 502 ? "Bad Gateway" : "Service Unavailable")
        default: return nil
        }
        let wait = fault.value ?? (fault.kind == .http418 ? 2_000_000 : 1_000_000)
        reply.retry(after: wait)
        rest.refusedUntil = time + wait
        rest.refusal = reply
        return reply
    }

    private static func banned(until time: Int64) -> String {
        "{\"code\":-1003,\"msg\":\"Way too much request weight used; IP banned until \(time / 1_000). Please use WebSocket Streams for live "
            + "updates to avoid bans.\"}"
    }

    /// - Parameter isHTTP: by status also where the exchange says it with status 200.
    func tooMany(isHTTP: Bool = false) -> ServeReply {
        switch plan.exchange {
        case .binance:
            .json(
                "{\"code\":-1003,\"msg\":\"Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use "
                    + "WebSocket Streams for live updates to avoid polling the API.\"}", status: 429)
        case .kraken where isHTTP: .json("{\"error\":[\"EGeneral:Too many requests\"]}", status: 429)
        case .kraken: .json("{\"error\":[\"EAPI:Rate limit exceeded\"]}")
        case .coinbase: .json("{\"message\":\"Public rate limit exceeded\"}", status: 429)
        }
    }
}
