import K2Domain

@testable import K2OHLCV

/// What a candle says, sums as whole numbers at scale 18: computed here apart from the code under test.
struct CandleSummary: Equatable, CustomStringConvertible {
    var openTime: Int64
    var closeTime: Int64
    var open: String
    var high: String
    var low: String
    var close: String
    var volume: Int128
    var quoteVolume: Int128
    var buyVolume: Int128
    var count: UInt64
    var first: UInt64?
    var last: UInt64?

    init(_ candle: Candle) {
        openTime = candle.openAt.time.microseconds
        closeTime = candle.closeAt.time.microseconds
        open = candle.openPrice.description
        high = candle.highPrice.description
        low = candle.lowPrice.description
        close = candle.closePrice.description
        volume = Oracle.at18(candle.volume)
        quoteVolume = Oracle.at18(candle.quoteVolume)
        buyVolume = Oracle.at18(candle.buyVolume)
        count = candle.tradeCount
        first = candle.firstSequence
        last = candle.lastSequence
    }

    /// From all trades of one window.
    init(_ trades: [CandleTrade]) {
        let byTime = trades.sorted { ($0.time.microseconds, $0.sequence ?? 0, $0.tieBreak) < ($1.time.microseconds, $1.sequence ?? 0, $1.tieBreak) }
        let byPrice = trades.map(\.price).sorted { (Oracle.at18($0), $0.scale) < (Oracle.at18($1), $1.scale) }
        let lowest = Oracle.at18(byPrice[0])
        openTime = byTime[0].time.microseconds
        closeTime = byTime[byTime.count - 1].time.microseconds
        open = byTime[0].price.description
        close = byTime[byTime.count - 1].price.description
        high = byPrice[byPrice.count - 1].description
        low = byPrice.last { Oracle.at18($0) == lowest }!.description
        volume = trades.reduce(0) { $0 + Oracle.at18($1.quantity) }
        quoteVolume = trades.reduce(0) { $0 + Oracle.at18($1.quoteVolume) }
        buyVolume = trades.reduce(0) { $0 + ($1.isBuy ? Oracle.at18($1.quantity) : 0) }
        count = UInt64(trades.count)
        first = trades.compactMap(\.sequence).min()
        last = trades.compactMap(\.sequence).max()
    }

    var description: String {
        "\(Timestamp(microseconds: openTime))…\(Timestamp(microseconds: closeTime)) \(open) \(high) \(low) \(close) v\(volume) q\(quoteVolume) b\(buyVolume) n\(count)"
    }
}

/// A window of one series.
struct WindowKey: Hashable {
    var series: Int
    var interval: CandleInterval
    var start: Int64
}

enum Oracle {
    static func at18(_ value: FixedDecimal) -> Int128 {
        (0..<(18 - Int(value.scale))).reduce(value.mantissa) { sum, _ in sum * 10 }
    }

    static func start(_ time: Int64, _ width: Int64) -> Int64 {
        let quotient = time / width
        return (time % width < 0 ? quotient - 1 : quotient) * width
    }

    /// The candle of every window, by brute force.
    static func candles(_ trades: [(series: Int, trade: CandleTrade)], _ intervals: [CandleInterval]) -> [WindowKey: CandleSummary] {
        var groups: [WindowKey: [CandleTrade]] = [:]
        for (series, trade) in trades {
            for interval in intervals {
                let start = start(trade.time.microseconds, interval.width)
                groups[WindowKey(series: series, interval: interval, start: start), default: []].append(trade)
            }
        }
        return groups.mapValues { CandleSummary($0) }
    }
}

/// What a fold printed, checked as a stream of revisions.
struct Printed {
    /// The last final candle of each window.
    private(set) var last: [WindowKey: Candle] = [:]
    private(set) var finals = 0
    private(set) var updates = 0
    /// What is wrong with the stream itself; nil when nothing is.
    private(set) var fault: String?

    mutating func take(_ event: CandleEvent) {
        let key = WindowKey(series: event.series, interval: event.interval, start: event.candle.windowStart.microseconds)
        guard event.candle.isFinal else {
            updates += 1
            if last[key] != nil { fault = fault ?? "\(key) is running again after it was final" }
            return
        }
        finals += 1
        let expected = last[key].map { $0.revision + 1 } ?? 0
        if event.candle.revision != expected { fault = fault ?? "\(key): revision \(event.candle.revision), expected \(expected)" }
        last[key] = event.candle
    }

    var summaries: [WindowKey: CandleSummary] { last.mapValues { CandleSummary($0) } }
}
