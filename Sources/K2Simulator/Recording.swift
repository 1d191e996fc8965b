import K2Bytes
import K2Domain

/// What a recording held, for the summary of a tool.
public struct RecordingCounts: Sendable, Equatable {
    /// Distinct trades.
    public var trades = 0
    public var duplicates = 0
    public var late = 0
    /// Messages that changed places.
    public var reordered = 0
    /// Runs of ids that were never sent, and the ids in them.
    public var holes = 0
    public var missing: Int64 = 0
}

/// Produces the records of a plan block by block, in bounded memory: market → faults → batches → messages.
///
/// ```swift
/// var recording = Recording(plan)
/// while recording.next() { write(recording.records) }
/// ```
public struct Recording: ~Copyable {
    private enum Phase { case opening, live, draining, done }

    private static let blockSize = 1 << 16
    private static let maxHistory = 200
    private static let maxHistoryPerSymbol = 50

    private let plan: RecordingPlan
    private var phase = Phase.opening
    private var market: Market
    private var faultRandom: RandomSource
    private var held = HeldTrades()
    private var batcher: Batcher
    private var session: any WireSession
    private var output: RecordWriter
    private var truthOutput: TruthWriter
    /// A batch that waits until `messages` more have gone.
    private var swapped: (trades: [SimulatedTrade], messages: Int)?
    /// Time of the newest arrival.
    private var now: Int64
    public private(set) var counts = RecordingCounts()

    public init(_ plan: RecordingPlan) {
        self.plan = plan
        let symbols = plan.instruments.map { WireSymbol($0, format: plan.format) }
        market = Market(plan)
        faultRandom = RandomSource(seed: plan.seed, stream: 3)
        session = plan.format.session(symbols)
        batcher = Batcher(session.batching, symbols: symbols.count)
        output = RecordWriter(exchange: plan.format.exchange, seed: plan.seed)
        truthOutput = TruthWriter(symbols, format: plan.format)
        now = plan.start.microseconds
    }

    /// The block of whole records that `next` made, valid until the next call.
    public var records: Span<UInt8> {
        @_lifetime(borrow self)
        get { output.bytes.bytes }
    }

    /// The truth lines about trades made since the call before; empty unless the plan wants them.
    public var truth: Span<UInt8> {
        @_lifetime(borrow self)
        get { truthOutput.bytes.bytes }
    }

    /// Makes the next block; false when there is nothing more.
    public mutating func next() -> Bool {
        output.bytes.removeAll()
        truthOutput.bytes.removeAll()
        if phase == .done { return false }
        while output.bytes.count < Self.blockSize && truthOutput.bytes.count < Self.blockSize && phase != .done { step() }
        return true
    }

    private mutating func step() {
        switch phase {
        case .opening:
            let trades = history()
            session.open(trades, at: now, to: &output)
            phase = .live
        case .live:
            if counts.trades == plan.trades {
                phase = .draining
            } else {
                let trade = market.next()
                note(trade)
                send(trade)
            }
        case .draining:
            if let (trade, due) = held.release() {
                deliver(trade, at: due)
                return
            }
            if let completed = batcher.finishNext(at: now) {
                emit(batcher.complete, at: completed)
                return
            }
            if let last = swapped { sendMessage(last.trades, at: now) }
            phase = .done
        case .done: break
        }
    }

    private mutating func history() -> [SimulatedTrade] {
        var trades: [SimulatedTrade] = []
        switch session.history {
        case .none: break
        case .onePerSymbol:
            for symbol in plan.instruments.indices.prefix(plan.trades) {
                let trade = market.next(symbol: symbol)
                note(trade)
                trades.append(trade)
            }
        case .newest:
            var counts = [Int](repeating: 0, count: plan.instruments.count)
            while trades.count < min(plan.trades / 20, Self.maxHistory), counts.max() ?? 0 < Self.maxHistoryPerSymbol {
                let trade = market.next()
                note(trade)
                trades.append(trade)
                counts[trade.symbol] += 1
            }
        }
        for trade in trades { now = max(now, trade.time) }
        return trades
    }

    /// Counts a new trade and writes the truth about it.
    private mutating func note(_ trade: SimulatedTrade) {
        counts.trades += 1
        if let hole = market.hole {
            counts.holes += 1
            counts.missing += hole.last - hole.first + 1
            if plan.wantsTruth { truthOutput.append(hole) }
        }
        if plan.wantsTruth { truthOutput.append(trade) }
    }

    /// Sends a new trade now, late, or twice.
    private mutating func send(_ trade: SimulatedTrade) {
        while let due = held.nextDue, due <= trade.time, let (other, time) = held.release() { deliver(other, at: time) }
        if plan.faults.contains(.late), faultRandom.once(in: 64), !held.isFull {
            counts.late += 1
            held.hold(trade, until: trade.time + 1_000_000 + faultRandom.below(179_000_000))
            return
        }
        deliver(trade, at: trade.time)
        if plan.faults.contains(.duplicates), faultRandom.once(in: 50), !held.isFull {
            counts.duplicates += 1
            let delay = faultRandom.once(in: 2) ? faultRandom.below(700_000) : faultRandom.below(59_000_000)
            // Beyond the longest batch: no message holds a trade twice.
            held.hold(trade, until: trade.time + 300_000 + delay)
        }
    }

    private mutating func deliver(_ trade: SimulatedTrade, at time: Int64) {
        now = max(now, time)
        if let completed = batcher.add(trade, at: now) { emit(batcher.complete, at: completed) }
    }

    /// Passes a complete batch on, or lets a few others go first.
    private mutating func emit(_ trades: [SimulatedTrade], at time: Int64) {
        guard plan.faults.contains(.reorder) else { return sendMessage(trades, at: time) }
        if swapped == nil, faultRandom.once(in: 25) {
            counts.reordered += 1
            swapped = (trades, 1 + Int(faultRandom.below(5)))
            return
        }
        sendMessage(trades, at: time)
        guard let waiting = swapped else { return }
        if waiting.messages == 1 {
            swapped = nil
            sendMessage(waiting.trades, at: time)
        } else {
            swapped?.messages -= 1
        }
    }

    private mutating func sendMessage(_ trades: [SimulatedTrade], at time: Int64) {
        session.idle(until: time, to: &output)
        session.send(trades, at: time, to: &output)
    }
}
