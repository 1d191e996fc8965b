import K2Domain

/// The market of a simulated exchange: makes trades as time goes by, remembers them, and writes the truth about them.
///
/// Times are the exchange's own, µs since 1970.
struct LiveMarket: ~Copyable {
    private var market: Market
    private let plan: ServePlan
    private var next: (trade: SimulatedTrade, hole: SimulatedHole?)?
    private(set) var histories: [TradeHistory]
    /// Symbols of the chunks in the order in which they were begun: what is pruned first.
    private var chunkOrder: [Int] = []
    private var freedChunks = 0
    var truth: TruthWriter
    private(set) var made = 0
    private(set) var isOpen = false
    /// The next trades that are neither sent nor shown by REST, and the symbols whose history then ends.
    private var losing = 0

    init(_ plan: ServePlan, start: Int64) {
        self.plan = plan
        let rate = plan.rate ?? ServePlan.maxRate
        let span = Int64(plan.history) * 1_000_000 / Int64(rate)
        market = Market(plan.instruments, seed: plan.seed, start: max(start - span, 0), rate: rate, firstID: plan.firstID)
        histories = plan.instruments.enumerated().map { TradeHistory(symbol: $0.offset, firstID: plan.firstID ?? $0.element.firstID) }
        truth = TruthWriter(plan.symbols(plan.format), format: plan.format)
        for _ in 0..<plan.history {
            let trade = market.next()
            remember(trade)
            if plan.wantsTruth { truth.append(trade, kind: .before) }
        }
    }

    /// Every trade of the plan was made.
    var isFinished: Bool { plan.trades.map { made >= $0 } ?? false }

    mutating func open(at time: Int64) {
        isOpen = true
        market.rest(until: time)
    }

    /// Time of the next trade; nil when there is none.
    mutating func nextTime() -> Int64? {
        if next == nil {
            if !isOpen || isFinished { return nil }
            let trade = market.next()
            next = (trade, market.hole)
        }
        return next?.trade.time
    }

    /// Makes the next trade. Precondition: `nextTime` was not nil.
    /// - Returns: the trade, and whether it is lost: nobody will ever see it.
    mutating func make() -> (trade: SimulatedTrade, isLost: Bool) {
        guard let (trade, hole) = next else { preconditionFailure("no trade is due") }
        next = nil
        made += 1
        if plan.wantsTruth, let hole { truth.append(hole) }
        remember(trade)
        let isLost = losing > 0
        if isLost { lose(trade) }
        if plan.wantsTruth { truth.append(trade, kind: isLost ? .lost : .sent) }
        return (trade, isLost)
    }

    /// Lets the market catch up with the clock, for a rate without a limit.
    mutating func rest(until time: Int64) { market.rest(until: time) }

    /// Leaves out `count` ids before the trade after the next one of `symbol`.
    mutating func skip(_ count: Int64, symbol: Int) { market.skip(count, symbol: symbol) }

    /// Hides the next `count` trades from everybody, and with each the history of its symbol before it.
    mutating func lose(_ count: Int) { losing += count }

    private mutating func lose(_ trade: SimulatedTrade) {
        losing -= 1
        histories[trade.symbol].prune(below: histories[trade.symbol].count)
    }

    private mutating func remember(_ trade: SimulatedTrade) {
        if histories[trade.symbol].count % TradeHistory.chunkSize == 0 { chunkOrder.append(trade.symbol) }
        histories[trade.symbol].append(trade)
        while (chunkOrder.count - freedChunks) * TradeHistory.chunkSize > plan.keptTrades + histories.count * TradeHistory.chunkSize {
            let symbol = chunkOrder[freedChunks]
            freedChunks += 1
            let end = (histories[symbol].lowest / TradeHistory.chunkSize + 1) * TradeHistory.chunkSize
            histories[symbol].prune(below: min(end, histories[symbol].count))
            if freedChunks > 4_096 {
                chunkOrder.removeFirst(freedChunks)
                freedChunks = 0
            }
        }
    }
}
