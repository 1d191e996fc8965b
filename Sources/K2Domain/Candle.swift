/// What a candle needs to know of a trade.
public struct CandleTrade: Sendable {
    public var time: Timestamp
    /// The exchange's numeric id; nil where it gives none.
    public var sequence: UInt64?
    /// Orders trades of one instant that have no sequence; the same for the same trade in every run.
    public var tieBreak: UInt64
    public var price: FixedDecimal
    public var quantity: FixedDecimal
    public var quoteVolume: FixedDecimal
    public var isBuy: Bool

    public init(
        time: Timestamp, sequence: UInt64?, tieBreak: UInt64, price: FixedDecimal, quantity: FixedDecimal,
        quoteVolume: FixedDecimal, isBuy: Bool
    ) {
        self.time = time
        self.sequence = sequence
        self.tieBreak = tieBreak
        self.price = price
        self.quantity = quantity
        self.quoteVolume = quoteVolume
        self.isBuy = isBuy
    }

    @inlinable var position: TradePosition { TradePosition(time: time, sequence: sequence ?? 0, tieBreak: tieBreak) }
}

/// Where a trade stands in its market's history: by time, then sequence.
public struct TradePosition: Equatable, Comparable, Sendable {
    public var time: Timestamp
    public var sequence: UInt64
    public var tieBreak: UInt64

    public init(time: Timestamp, sequence: UInt64, tieBreak: UInt64) {
        self.time = time
        self.sequence = sequence
        self.tieBreak = tieBreak
    }

    @inlinable public static func < (a: TradePosition, b: TradePosition) -> Bool {
        if a.time != b.time { return a.time < b.time }
        return a.sequence != b.sequence ? a.sequence < b.sequence : a.tieBreak < b.tieBreak
    }
}

/// Open, high, low, close and volumes of the trades of one half-open UTC window.
///
/// The result does not depend on the order in which the trades are added: open and close are those
/// with the lowest and highest (time, sequence), sums are exact.
public struct Candle: Sendable {
    public var windowStart: Timestamp
    public var openAt: TradePosition
    public var openPrice: FixedDecimal
    public var highPrice: FixedDecimal
    public var lowPrice: FixedDecimal
    public var closeAt: TradePosition
    public var closePrice: FixedDecimal
    public var volume: FixedDecimal
    public var quoteVolume: FixedDecimal
    public var buyVolume: FixedDecimal
    public var tradeCount: UInt64
    /// Lowest and highest sequence of its trades; nil when none had one.
    public var firstSequence: UInt64?
    public var lastSequence: UInt64?
    public var revision: UInt32
    /// The watermark has passed the end of the window.
    public var isFinal: Bool
    /// Trades of the window are known to be missing.
    public var hasGap: Bool

    /// A candle of one trade.
    public init(windowStart: Timestamp, trade: CandleTrade) {
        self.windowStart = windowStart
        openAt = trade.position
        closeAt = trade.position
        openPrice = trade.price
        highPrice = trade.price
        lowPrice = trade.price
        closePrice = trade.price
        volume = trade.quantity
        quoteVolume = trade.quoteVolume
        buyVolume = trade.isBuy ? trade.quantity : FixedDecimal(mantissa: 0, scale: trade.quantity.scale)
        tradeCount = 1
        firstSequence = trade.sequence
        lastSequence = trade.sequence
        revision = 0
        isFinal = false
        hasGap = false
    }

    /// Adds a trade of this window. Returns false, and changes nothing, when a sum would need more than 38 digits.
    public mutating func add(_ trade: CandleTrade) -> Bool {
        guard let volume = volume.adding(trade.quantity), let quoteVolume = quoteVolume.adding(trade.quoteVolume) else {
            return false
        }
        self.volume = volume
        self.quoteVolume = quoteVolume
        let bought = trade.isBuy ? trade.quantity : FixedDecimal(mantissa: 0, scale: trade.quantity.scale)
        // The volume bought is part of the volume, so it fits when that does.
        buyVolume = buyVolume.adding(bought) ?? buyVolume
        if trade.price > highPrice || Self.isWider(trade.price, highPrice) { highPrice = trade.price }
        if trade.price < lowPrice || Self.isWider(trade.price, lowPrice) { lowPrice = trade.price }
        let position = trade.position
        if position < openAt {
            openAt = position
            openPrice = trade.price
        }
        if closeAt < position {
            closeAt = position
            closePrice = trade.price
        }
        tradeCount += 1
        if let sequence = trade.sequence {
            firstSequence = min(firstSequence ?? sequence, sequence)
            lastSequence = max(lastSequence ?? sequence, sequence)
        }
        return true
    }

    /// Equal prices written with more decimals win, so that the text does not depend on arrival either.
    private static func isWider(_ a: FixedDecimal, _ b: FixedDecimal) -> Bool { a.scale > b.scale && a == b }
}
