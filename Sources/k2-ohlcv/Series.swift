import K2Domain

/// The windows of one interval that are still held, oldest first.
struct WindowList {
    let interval: CandleInterval
    var candles: [Candle] = []
    /// Windows that start before this were held once and are forgotten.
    var forgottenBefore = Timestamp(microseconds: .min)

    init(_ interval: CandleInterval) { self.interval = interval }

    /// Index of the window that starts at `start`, or where it would stand.
    func position(of start: Timestamp) -> (index: Int, found: Bool) {
        var index = candles.count
        while index > 0, candles[index - 1].windowStart > start { index -= 1 }
        if index > 0, candles[index - 1].windowStart == start { return (index - 1, true) }
        return (index, false)
    }

    func end(of candle: Candle) -> Timestamp {
        Timestamp(microseconds: candle.windowStart.microseconds + interval.width)
    }

    /// How many of the oldest windows are final and end at `horizon` or before; the newest `held` stay.
    func countForgettable(_ horizon: Int64, atLeastHeld held: Int) -> Int {
        var count = 0
        while candles.count - count > held, candles[count].isFinal, end(of: candles[count]).microseconds <= horizon {
            count += 1
        }
        return count
    }

    /// Forgets the oldest windows, at least one.
    mutating func removeFirst(_ count: Int) {
        forgottenBefore = end(of: candles[count - 1])
        candles.removeFirst(count)
    }
}

/// A hole in the ids of a series that is known and not filled.
struct KnownGap: Equatable {
    var ids: ClosedRange<UInt64>
    var afterTime: Timestamp
    var beforeTime: Timestamp

    /// Whether trades of the window `start ..< end` may be among the missing ones.
    func touches(_ start: Timestamp, _ end: Timestamp) -> Bool { start <= beforeTime && end > afterTime }

    /// Whether `other` says nothing new.
    func covers(_ other: KnownGap) -> Bool {
        ids.lowerBound <= other.ids.lowerBound && ids.upperBound >= other.ids.upperBound && afterTime <= other.afterTime
            && beforeTime >= other.beforeTime
    }

    /// What is left of the hole without `closed`. The times stay: it is not known where in it the others stood.
    func parts(outside closed: SequenceSet) -> [KnownGap] {
        closed.absent(from: ids).map { KnownGap(ids: $0, afterTime: afterTime, beforeTime: beforeTime) }
    }

    /// One hole that contains both.
    func joined(with other: KnownGap) -> KnownGap {
        KnownGap(
            ids: min(ids.lowerBound, other.ids.lowerBound)...max(ids.upperBound, other.ids.upperBound),
            afterTime: min(afterTime, other.afterTime), beforeTime: max(beforeTime, other.beforeTime))
    }
}

/// All that is known of one (exchange, canonical symbol).
struct Series {
    let exchange: Exchange
    let canonicalSymbol: [UInt8]
    let symbol: [UInt8]
    /// Highest event time seen; the watermark is this less the lateness.
    var newest = Timestamp(microseconds: .min)
    /// No open window ends before this.
    var nextEnd = Timestamp(microseconds: .max)
    var windows: [WindowList]
    var seen = SequenceSet(maxRanges: Series.maxSeenRanges)
    /// Of trades without a sequence up to this time it is no longer known whether they were counted.
    var unsureUntil = Timestamp(microseconds: .min)
    var gaps: [KnownGap] = []
    /// Ids of holes that were filled or proved to be empty.
    var closedGaps = SequenceSet(maxRanges: Series.maxSeenRanges)

    /// Ranges of counted ids, and of closed holes, held for one series.
    static let maxSeenRanges = 4096

    /// Gaps followed for one series; beyond it the two oldest are joined, so that no candle loses its mark.
    static let maxGaps = 1024

    init(exchange: Exchange, canonicalSymbol: [UInt8], symbol: [UInt8], intervals: [CandleInterval]) {
        self.exchange = exchange
        self.canonicalSymbol = canonicalSymbol
        self.symbol = symbol
        windows = intervals.map(WindowList.init)
    }

    /// No window that starts before this can be printed any more.
    var oldestHeld: Timestamp { windows.map(\.forgottenBefore).min() ?? Timestamp(microseconds: .min) }

    mutating func joinOldestGaps() {
        while gaps.count > Self.maxGaps { gaps.replaceSubrange(0...1, with: [gaps[0].joined(with: gaps[1])]) }
    }
}
