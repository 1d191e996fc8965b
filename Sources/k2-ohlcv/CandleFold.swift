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

    /// Windows of an interval that are always held.
    static let alwaysHeld = 2

    init(intervals: [CandleInterval], lateness: Int64, keep: Int64, emitsUpdates: Bool) {
        self.intervals = intervals.sorted { $0.width < $1.width }
        self.lateness = lateness
        self.keep = keep
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
        let windows = series[index].windows[position]
        var dropped = 0
        while windows.candles.count - dropped > Self.alwaysHeld,
            windows.candles[dropped].isFinal,
            windows.end(of: windows.candles[dropped]).microseconds <= horizon
        {
            dropped += 1
        }
        if dropped == 0 { return }
        series[index].windows[position].forgottenBefore = windows.end(of: windows.candles[dropped - 1])
        series[index].windows[position].candles.removeFirst(dropped)
        let oldest = series[index].windows.map { $0.candles.first?.windowStart ?? $0.forgottenBefore }.min()!
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

    /// Notes a hole in the ids; final windows that it touches are printed again.
    mutating func openGap(_ gap: KnownGap, in index: Int) {
        if series[index].gaps.contains(where: { $0.first == gap.first && $0.last == gap.last }) { return }
        series[index].gaps.append(gap)
        if series[index].gaps.count > Series.maxGaps { series[index].gaps.removeFirst() }
        refreshGaps(index, touchedBy: [gap])
    }

    /// Takes filled or provably empty ids out of the known holes.
    mutating func closeGap(_ first: UInt64, _ last: UInt64, in index: Int) {
        let touched = series[index].gaps.filter { first <= $0.last && last >= $0.first }
        series[index].gaps = series[index].gaps.flatMap { gap -> [KnownGap] in
            guard first <= gap.last, last >= gap.first else { return [gap] }
            var parts: [KnownGap] = []
            if gap.first < first {
                parts.append(KnownGap(first: gap.first, last: first - 1, afterTime: gap.afterTime, beforeTime: gap.beforeTime))
            }
            if gap.last > last {
                parts.append(KnownGap(first: last + 1, last: gap.last, afterTime: gap.afterTime, beforeTime: gap.beforeTime))
            }
            return parts
        }
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
