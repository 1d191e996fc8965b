/// Collects arriving trades into the batches that become messages.
struct Batcher {
    /// The batch that `add` or `finishNext` completed last.
    private(set) var complete: [SimulatedTrade] = []

    private let batching: Batching
    /// One for all symbols, or one for each with pages.
    private var open: [[SimulatedTrade]]
    private var startedAt: Int64 = 0
    private var lastAt: Int64 = 0

    init(_ batching: Batching, symbols: Int) {
        self.batching = batching
        if case .page = batching {
            open = Array(repeating: [], count: symbols)
        } else {
            open = [[]]
        }
    }

    /// Adds a trade that arrives at `time`. When this completes a batch, returns the time at which its message is sent.
    mutating func add(_ trade: SimulatedTrade, at time: Int64) -> Int64? {
        switch batching {
        case .single:
            open[0].append(trade)
            return finish(0, at: time)
        case .sameSymbol(let window, let limit):
            var completed: Int64?
            if let first = open[0].first, first.symbol != trade.symbol || time - startedAt > window || open[0].count >= limit {
                completed = finish(0, at: lastAt)
            }
            start(trade, at: time)
            return completed
        case .window(let window, let limit):
            var completed: Int64?
            if !open[0].isEmpty, time - startedAt > window || open[0].count >= limit {
                completed = finish(0, at: min(time, startedAt + window))
            }
            start(trade, at: time)
            return completed
        case .page(let limit):
            open[trade.symbol].append(trade)
            return open[trade.symbol].count >= limit ? finish(trade.symbol, at: time) : nil
        }
    }

    /// Completes one of the batches that are still open and returns the time of its message; nil when there are none.
    mutating func finishNext(at time: Int64) -> Int64? {
        guard let index = open.firstIndex(where: { !$0.isEmpty }) else { return nil }
        switch batching {
        case .sameSymbol: return finish(index, at: lastAt)
        case .window(let window, _): return finish(index, at: startedAt + window)
        case .single, .page: return finish(index, at: time)
        }
    }

    private mutating func start(_ trade: SimulatedTrade, at time: Int64) {
        if open[0].isEmpty { startedAt = time }
        lastAt = time
        open[0].append(trade)
    }

    private mutating func finish(_ index: Int, at time: Int64) -> Int64 {
        swap(&open[index], &complete)
        open[index].removeAll(keepingCapacity: true)
        return time
    }
}
