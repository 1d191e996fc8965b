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
}

/// A hole in the ids of a series that is known and not filled.
struct KnownGap: Equatable {
    var first: UInt64
    var last: UInt64
    var afterTime: Timestamp
    var beforeTime: Timestamp

    /// Whether trades of the window `start ..< end` may be among the missing ones.
    func touches(_ start: Timestamp, _ end: Timestamp) -> Bool { start <= beforeTime && end > afterTime }
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
    var gaps: [KnownGap] = []

    /// Ranges of counted ids held for one series.
    static let maxSeenRanges = 4096

    /// Gaps followed for one series; beyond it the oldest is given up, its candles stay marked.
    static let maxGaps = 1024

    init(exchange: Exchange, canonicalSymbol: [UInt8], symbol: [UInt8], intervals: [CandleInterval]) {
        self.exchange = exchange
        self.canonicalSymbol = canonicalSymbol
        self.symbol = symbol
        windows = intervals.map(WindowList.init)
    }
}
