import K2Domain
import K2TestSupport

@testable import K2OHLCV

let second: Int64 = 1_000_000
let minute: Int64 = 60 * second
let hour: Int64 = 60 * minute

/// 2026-02-18T00:00:00Z, a multiple of every interval.
let dayStart: Int64 = 1_771_372_800 * second

func decimal(_ text: String) -> FixedDecimal { FixedDecimal(text)! }

func trade(
    _ time: Int64, _ sequence: UInt64?, price: String = "100", quantity: String = "1", isBuy: Bool = true, tieBreak: UInt64 = 0
) -> CandleTrade {
    let price = decimal(price)
    let quantity = decimal(quantity)
    return CandleTrade(
        time: Timestamp(microseconds: time), sequence: sequence, tieBreak: tieBreak, price: price, quantity: quantity,
        quoteVolume: FixedDecimal(mantissa: price.mantissa * quantity.mantissa, scale: price.scale + quantity.scale), isBuy: isBuy)
}

extension CandleFold {
    /// A fold with `count` series.
    init(
        _ intervals: [CandleInterval] = CandleInterval.allCases, lateness: Int64 = 10 * second, keep: Int64 = 2 * hour,
        emitsUpdates: Bool = false, series count: Int = 1
    ) {
        self.init(intervals: intervals, lateness: lateness, keep: keep, emitsUpdates: emitsUpdates)
        for number in 0..<count {
            let name = Array("S\(number)".utf8)
            series.append(Series(exchange: .binance, canonicalSymbol: name + Array("/USD".utf8), symbol: name, intervals: self.intervals))
        }
    }

    /// Takes what there is to print.
    mutating func takeEvents() -> [CandleEvent] {
        defer { events.removeAll() }
        return events
    }
}

extension CandleEvent {
    /// Short form: interval, start in seconds after `dayStart`, trades, revision, with `~` when it is running and `!` when it has a gap.
    var short: String {
        let start = (candle.windowStart.microseconds - dayStart) / second
        return "\(interval.rawValue)@\(start) n\(candle.tradeCount) r\(candle.revision)" + (candle.isFinal ? "" : "~") + (candle.hasGap ? "!" : "")
    }
}

extension Seeded {
    /// A trade with a price and quantity of mixed scales.
    mutating func trade(_ time: Int64, _ sequence: UInt64?) -> CandleTrade {
        let price = FixedDecimal(mantissa: Int128(int(1...9_999_999)), scale: UInt8(int(0...6)))
        let quantity = FixedDecimal(mantissa: Int128(int(1...99_999_999)), scale: UInt8(int(0...8)))
        return CandleTrade(
            time: Timestamp(microseconds: time), sequence: sequence, tieBreak: sequence == nil ? next() : 0, price: price,
            quantity: quantity,
            quoteVolume: FixedDecimal(mantissa: price.mantissa * quantity.mantissa, scale: price.scale + quantity.scale), isBuy: once(in: 2))
    }

    /// Trades of one series in the order of time; gaps between them from nothing to hours.
    mutating func trades(_ count: Int, from start: Int64, firstID: UInt64 = 1_000) -> [CandleTrade] {
        var time = start
        return (0..<count).map { index in
            switch int(0...19) {
            case 0: time += Int64(int(0...7_200)) * second
            case 1: time = (time / minute + 1) * minute
            case 2: break
            default: time += Int64(int(0...20_000_000))
            }
            return trade(time, firstID + UInt64(index))
        }
    }
}
