import K2Bytes
import K2Domain

/// A candle to print.
struct CandleEvent {
    var series: Int
    var interval: CandleInterval
    var candle: Candle
}

/// What became of a trade.
enum FoldOutcome: Equatable {
    case counted
    /// Its identity was counted before.
    case duplicate
    /// Windows of these intervals are closed and forgotten: the trade is missing there.
    case tooLate([CandleInterval])
    /// A sum would need more than 38 digits in these intervals.
    case overflow([CandleInterval])
}

/// Folds trades into candles of several intervals at once. Pure: time is the trades' own.
///
/// Each series has a watermark, its newest event time less `lateness`. A window is final when the
/// watermark reaches its end. A trade for a final window re-issues it with the next revision, as long
/// as the window is held: for `keep` behind the watermark, and the last two of each interval anyway.
/// The events do not depend on how the input is cut, only on its order.
struct CandleFold {
    let intervals: [CandleInterval]
    let lateness: Int64
    let keep: Int64
    let emitsUpdates: Bool
    var series: [Series] = []
    /// Candles to print, in order; the caller removes them.
    var events: [CandleEvent] = []
    private var due: [CandleEvent] = []

    /// Longer spans than this change nothing: it is more than the years 1 to 9999.
    private static let maxSpan: Int64 = 400_000_000_000_000_000

    /// Windows of an interval that are always held.
    static let alwaysHeld = 2

    init(intervals: [CandleInterval], lateness: Int64, keep: Int64, emitsUpdates: Bool) {
        self.intervals = intervals.sorted { $0.width < $1.width }
        self.lateness = min(lateness, Self.maxSpan)
        self.keep = min(keep, Self.maxSpan)
        self.emitsUpdates = emitsUpdates
    }

    /// Adds a trade to series `index`. The caller has checked that it is valid.
    mutating func add(_ trade: CandleTrade, to index: Int) -> FoldOutcome {
        if let sequence = trade.sequence, !series[index].seen.insert(sequence) { return .duplicate }
        var missed: [CandleInterval] = []
        var overflowed: [CandleInterval] = []
        for position in intervals.indices {
            switch addToWindow(trade, index, position) {
            case .counted, .duplicate: break
            case .tooLate: missed.append(intervals[position])
            case .overflow: overflowed.append(intervals[position])
            }
        }
        if trade.time > series[index].newest {
            series[index].newest = trade.time
            if trade.time.microseconds - lateness >= series[index].nextEnd.microseconds { closeDue(index) }
        }
        if !overflowed.isEmpty { return .overflow(overflowed) }
        return missed.isEmpty ? .counted : .tooLate(missed)
    }

    private mutating func addToWindow(_ trade: CandleTrade, _ index: Int, _ position: Int) -> FoldOutcome {
        let interval = intervals[position]
        let start = trade.time.floor(to: interval.width)
        let end = Timestamp(microseconds: start.microseconds + interval.width)
        let last = series[index].windows[position].candles.count - 1
        if last >= 0, series[index].windows[position].candles[last].windowStart == start,
            !series[index].windows[position].candles[last].isFinal
        {
            // Nearly every trade belongs to the newest window.
            guard series[index].windows[position].candles[last].add(trade) else { return .overflow([interval]) }
            if emitsUpdates { emitUpdate(index, position, last) }
            return .counted
        }
        if start < series[index].windows[position].forgottenBefore { return .tooLate([interval]) }
        let (place, found) = series[index].windows[position].position(of: start)
        if found {
            guard series[index].windows[position].candles[place].add(trade) else { return .overflow([interval]) }
        } else {
            series[index].windows[position].candles.insert(Candle(windowStart: start, trade: trade), at: place)
        }
        let isClosed = found
            ? series[index].windows[position].candles[place].isFinal
            : isPast(end, series[index].newest)
        if isClosed {
            reissue(index, position, place, isNew: !found)
            // A watermark that stands far ahead, perhaps by a wrong time, must not let windows pile up.
            if !found { forget(index, position) }
        } else {
            series[index].nextEnd = min(series[index].nextEnd, end)
            if emitsUpdates { emitUpdate(index, position, place) }
        }
        return .counted
    }

    private func isPast(_ end: Timestamp, _ newest: Timestamp) -> Bool {
        newest.microseconds != .min && newest.microseconds - lateness >= end.microseconds
    }

    /// Prints a final window again after a late trade or a change of its gaps.
    private mutating func reissue(_ index: Int, _ position: Int, _ place: Int, isNew: Bool) {
        if isNew {
            series[index].windows[position].candles[place].isFinal = true
        } else {
            series[index].windows[position].candles[place].revision += 1
        }
        markGap(index, position, place)
        emit(index, position, place)
    }

    private mutating func emitUpdate(_ index: Int, _ position: Int, _ place: Int) {
        markGap(index, position, place)
        emit(index, position, place)
    }

    private mutating func emit(_ index: Int, _ position: Int, _ place: Int) {
        events.append(
            CandleEvent(
                series: index, interval: intervals[position],
                candle: series[index].windows[position].candles[place]))
    }

    private mutating func markGap(_ index: Int, _ position: Int, _ place: Int) {
        let candle = series[index].windows[position].candles[place]
        series[index].windows[position].candles[place].hasGap = hasGap(candle, index, position)
    }

    private func hasGap(_ candle: Candle, _ index: Int, _ position: Int) -> Bool {
        if series[index].gaps.isEmpty { return false }
        let end = series[index].windows[position].end(of: candle)
        return series[index].gaps.contains { $0.touches(candle.windowStart, end) }
    }

    /// Closes the windows that the watermark of a series has reached, by their end, short ones first.
    private mutating func closeDue(_ index: Int) {
        due.removeAll(keepingCapacity: true)
        var next = Timestamp(microseconds: .max)
        for position in intervals.indices {
            for place in series[index].windows[position].candles.indices {
                let candle = series[index].windows[position].candles[place]
                if candle.isFinal { continue }
                let end = series[index].windows[position].end(of: candle)
                if isPast(end, series[index].newest) {
                    finish(index, position, place)
                } else {
                    next = min(next, end)
                }
            }
            forget(index, position)
        }
        series[index].nextEnd = next
        flushDue()
    }

    private mutating func finish(_ index: Int, _ position: Int, _ place: Int) {
        series[index].windows[position].candles[place].isFinal = true
        markGap(index, position, place)
        due.append(
            CandleEvent(
                series: index, interval: intervals[position],
                candle: series[index].windows[position].candles[place]))
    }

    private mutating func flushDue() {
        due.sort {
            let a = ($0.candle.windowStart.microseconds + $0.interval.width, $0.interval.width, $0.series)
            return a < ($1.candle.windowStart.microseconds + $1.interval.width, $1.interval.width, $1.series)
        }
        events.append(contentsOf: due)
        due.removeAll(keepingCapacity: true)
    }

    /// Drops final windows that are older than is kept.
    private mutating func forget(_ index: Int, _ position: Int) {
        let horizon = series[index].newest.microseconds - lateness - keep
        let dropped = series[index].windows[position].countForgettable(horizon, atLeastHeld: Self.alwaysHeld)
        if dropped == 0 { return }
        series[index].windows[position].removeFirst(dropped)
        let oldest = series[index].oldestHeld
        series[index].gaps.removeAll { $0.beforeTime < oldest }
    }

    /// Makes all open windows final: no more input will come.
    mutating func closeAll() {
        for index in series.indices {
            for position in intervals.indices {
                for place in series[index].windows[position].candles.indices
                where !series[index].windows[position].candles[place].isFinal {
                    finish(index, position, place)
                }
            }
            series[index].nextEnd = Timestamp(microseconds: .max)
        }
        flushDue()
    }

    /// Notes a hole in the ids; final windows that it touches are printed again. Ids that were filled
    /// before stay so: input may be replayed.
    mutating func openGap(_ gap: KnownGap, in index: Int) {
        if gap.beforeTime < series[index].oldestHeld { return }
        let parts = gap.parts(outside: series[index].closedGaps)
        for part in parts where !series[index].gaps.contains(where: { $0.covers(part) }) {
            series[index].gaps.append(part)
        }
        series[index].joinOldestGaps()
        refreshGaps(index, touchedBy: parts)
    }

    /// Takes filled or provably empty ids out of the known holes.
    mutating func closeGap(_ ids: ClosedRange<UInt64>, in index: Int) {
        series[index].closedGaps.insert(contentsOf: ids)
        let touched = series[index].gaps.filter { $0.ids.overlaps(ids) }
        if touched.isEmpty { return }
        let filled = SequenceSet(ranges: [ids])
        series[index].gaps = series[index].gaps.flatMap { $0.parts(outside: filled) }
        series[index].joinOldestGaps()
        refreshGaps(index, touchedBy: touched)
    }

    private mutating func refreshGaps(_ index: Int, touchedBy gaps: [KnownGap]) {
        for position in intervals.indices {
            for place in series[index].windows[position].candles.indices {
                let candle = series[index].windows[position].candles[place]
                let end = series[index].windows[position].end(of: candle)
                guard candle.isFinal, gaps.contains(where: { $0.touches(candle.windowStart, end) }),
                    candle.hasGap != hasGap(candle, index, position) else { continue }
                reissue(index, position, place, isNew: false)
            }
        }
    }
}
