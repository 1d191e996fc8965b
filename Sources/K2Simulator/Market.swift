import K2Domain

/// One trade as the simulated matching engine made it, before any exchange's formatting.
struct SimulatedTrade {
    /// Index into the plan's instruments.
    var symbol: Int
    var id: Int64
    /// In ticks of the instrument.
    var price: Int64
    /// In units of the instrument's smallest quantity, at least 1.
    var quantity: Int64
    /// µs since 1970.
    var time: Int64
    /// The same for all trades of one taker order.
    var order: UInt64
    var takerBuys: Bool
    /// A market order, else a limit order.
    var isMarketOrder: Bool
}

/// Ids of one symbol that are never sent.
struct SimulatedHole {
    var symbol: Int
    var first: Int64
    var last: Int64
}

/// The matching engine: taker orders arrive at random, each filled by one or more trades of one symbol at the same
/// time and side; the price of a symbol walks in ticks and stays within half and twice its start.
///
/// The trades depend on the seed, symbols, rate and start only: the same for every format of an exchange.
struct Market {
    private struct Book {
        var price: Int64
        let lowest: Int64
        let highest: Int64
        /// What about 100 units of quote currency buy.
        let typicalQuantity: Int64
        var nextID: Int64
        var lastTime: Int64
        var hasTraded = false
        /// Ids to leave out before the next trade.
        var skipped: Int64 = 0
    }

    /// Mean fills of an order as `remainingFills` draws them: 31/16.
    private static let meanFills: (over: Int64, under: Int64) = (31, 16)

    private var random: RandomSource
    private var gapRandom: RandomSource
    private let makesHoles: Bool
    /// Kraken v1 shows each fill at its own time: without ids it is all that tells them apart.
    private let spreadsFillTimes: Bool
    private var books: [Book]
    /// Symbol by eight random bits, in proportion to the weights.
    private let choice: [UInt8]
    private let start: Int64
    private let meanOrderGap: Int64
    /// ns since `start`.
    private var elapsed: Int64 = 0
    private var current: SimulatedTrade
    private var remainingFills = 0
    /// The hole in front of the trade that `next` returned last.
    private(set) var hole: SimulatedHole?

    init(_ plan: RecordingPlan) {
        self.init(
            plan.instruments, seed: plan.seed, start: plan.start.microseconds, rate: plan.rate, firstID: plan.firstID,
            makesHoles: plan.faults.contains(.gap), spreadsFillTimes: plan.format == .krakenV1)
    }

    /// - Parameters:
    ///   - start: µs since 1970.
    ///   - rate: trades a second of the market's time, 1 to 1000000.
    init(
        _ instruments: [SimulatedInstrument], seed: UInt64, start: Int64, rate: Int, firstID: Int64?, makesHoles: Bool = false,
        spreadsFillTimes: Bool = false
    ) {
        random = RandomSource(seed: seed, stream: 1)
        gapRandom = RandomSource(seed: seed, stream: 2)
        self.makesHoles = makesHoles
        self.spreadsFillTimes = spreadsFillTimes
        self.start = start
        meanOrderGap = 1_000_000_000 * Self.meanFills.over / Self.meanFills.under / Int64(rate)
        books = instruments.map { instrument in
            let units = 100 * Self.powerOfTen(instrument.priceDecimals + instrument.quantityDecimals)
            return Book(
                price: instrument.price, lowest: max(instrument.price / 2, 2), highest: instrument.price * 2,
                typicalQuantity: max(units / instrument.price, 1), nextID: firstID ?? instrument.firstID, lastTime: start - 1)
        }
        choice = Self.choices(instruments.map(\.weight))
        current = SimulatedTrade(
            symbol: 0, id: 0, price: 0, quantity: 0, time: start, order: 0, takerBuys: false, isMarketOrder: false)
    }

    /// Leaves out the next `count` ids of `symbol`: no trade ever has them.
    mutating func skip(_ count: Int64, symbol: Int) { books[symbol].skipped += count }

    /// Lets the market rest until `time`, µs since 1970, unless it is there already.
    mutating func rest(until time: Int64) { elapsed = max(elapsed, (time - start) * 1_000) }

    private static func powerOfTen(_ exponent: Int) -> Int64 {
        (0..<exponent).reduce(1) { value, _ in value * 10 }
    }

    /// 256 entries, each symbol with at least one of them and else its share.
    private static func choices(_ weights: [Int64]) -> [UInt8] {
        let total = weights.reduce(0, +)
        var table: [UInt8] = []
        var sum: Int64 = 0
        for (index, weight) in weights.enumerated() {
            sum += weight
            while Int64(table.count) < 256 * sum / total { table.append(UInt8(index)) }
        }
        return table
    }

    /// The next trade of the market.
    mutating func next() -> SimulatedTrade {
        if remainingFills == 0 {
            let bits = random.next()
            startOrder(symbol: Int(choice[Int(bits & 255)]), bits: bits >> 8)
        }
        return fill()
    }

    /// A trade of `symbol`, as an order of its own.
    mutating func next(symbol: Int) -> SimulatedTrade {
        startOrder(symbol: symbol, bits: random.next() >> 8)
        remainingFills = 1
        return fill()
    }

    private mutating func startOrder(symbol: Int, bits: UInt64) {
        elapsed += random.exponential(mean: meanOrderGap)
        current.symbol = symbol
        current.takerBuys = bits & 1 == 0
        current.isMarketOrder = bits & 6 == 0
        current.order &+= 1
        switch (bits >> 3) & 7 {
        case 0...4: remainingFills = 1
        case 5: remainingFills = 2
        case 6: remainingFills = 3
        default: remainingFills = 4 + Int((bits >> 6) & 3)
        }
        var book = books[symbol]
        current.time = max(start + elapsed / 1_000, book.lastTime + 1)
        let width = max(book.price >> 15, 1)
        book.price += random.below(2 * width + 1) - width
        if book.price < book.lowest { book.price = 2 * book.lowest - book.price }
        if book.price > book.highest { book.price = 2 * book.highest - book.price }
        // Half a spread of one to two ticks: buyers take the ask, sellers the bid.
        current.price = current.takerBuys ? book.price + 1 : book.price - 1
        books[symbol] = book
    }

    private mutating func fill() -> SimulatedTrade {
        let bits = random.next()
        var book = books[current.symbol]
        hole = nil
        if makesHoles, book.hasTraded, gapRandom.once(in: 200) {
            let count = gapRandom.below(5) + 1
            hole = SimulatedHole(symbol: current.symbol, first: book.nextID, last: book.nextID + count - 1)
            book.nextID += count
        }
        if book.skipped > 0 {
            hole = SimulatedHole(symbol: current.symbol, first: hole?.first ?? book.nextID, last: book.nextID + book.skipped - 1)
            book.nextID += book.skipped
            book.skipped = 0
        }
        var trade = current
        trade.id = book.nextID
        trade.quantity = Self.quantity(bits, typical: book.typicalQuantity)
        book.nextID += 1
        book.lastTime = trade.time
        book.hasTraded = true
        books[current.symbol] = book
        remainingFills -= 1
        // The order eats into the book: the next fill is up to two ticks worse.
        let step = Int64(bits >> 62)
        current.price = current.takerBuys ? current.price + min(step, 2) : max(current.price - min(step, 2), 1)
        if spreadsFillTimes { current.time += 1 + Int64((bits >> 48) & 1023) }
        return trade
    }

    /// 1/128 to 128 times the typical quantity, even over the powers of two; one in eight is cut to one digit.
    private static func quantity(_ bits: UInt64, typical: Int64) -> Int64 {
        let mantissa = Int64(65_536 + (bits & 0xffff))
        let power = (Int64((bits >> 16) & 0xff) * 15) >> 8
        var quantity = max((typical * ((mantissa << power) >> 7)) >> 16, 1)
        if (bits >> 24) & 7 == 0 {
            var unit: Int64 = 1
            while unit * 10 <= quantity { unit *= 10 }
            quantity -= quantity % unit
        }
        return quantity
    }
}
