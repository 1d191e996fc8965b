import K2Bytes
import K2Domain
import K2Exchanges
import K2TestSupport
import Testing

/// The history of one symbol behind an exchange's REST interface.
private struct History {
    struct Trade {
        var id: UInt64
        /// ns since 1970.
        var time: UInt64
    }

    var exchange: Exchange
    /// By rising id and time.
    var trades: [Trade]
    /// Kraken: whether the trades at `since` itself are in a page. Documents disagree.
    var isSinceIncluded = false

    static let symbol = "XBTUSD"

    func number(_ name: String, _ target: String) -> UInt64? {
        for part in target.split(separator: "?").last?.split(separator: "&") ?? [] where part.hasPrefix(name + "=") {
            return UInt64(part.dropFirst(name.count + 1))
        }
        return nil
    }

    /// The page of a request; nil when it is not one that the exchange understands.
    func page(_ request: RESTRequest) -> RefillPage? {
        let target = request.target
        switch exchange {
        case .binance:
            guard target.hasPrefix("/api/v3/historicalTrades?symbol=XBTUSD&"), let limit = number("limit", target), limit <= 1_000 else { return nil }
            let from = number("fromId", target)
            let found = from.map { from in Array(trades.drop { $0.id < from }.prefix(Int(limit))) } ?? Array(trades.suffix(Int(limit)))
            return RefillPage(ids: found.map(\.id), rows: found.count)
        case .kraken:
            guard target.hasPrefix("/0/public/Trades?pair=XBTUSD&"), let count = number("count", target), count <= 1_000 else { return nil }
            let since = number("since", target)
            let found =
                since.map { since in Array(trades.drop { isSinceIncluded ? $0.time < since : $0.time <= since }.prefix(Int(count))) }
                ?? Array(trades.suffix(Int(count)))
            return RefillPage(ids: found.map(\.id), rows: found.count, cursor: found.last?.time ?? since ?? 0)
        case .coinbase:
            guard target.hasPrefix("/products/XBTUSD/trades?"), let limit = number("limit", target), limit <= 1_000 else { return nil }
            let after = number("after", target) ?? .max
            // Newest first on the wire; `Capture` sorts.
            let found = trades.prefix { $0.id < after }.suffix(Int(limit))
            return RefillPage(ids: found.map(\.id), rows: found.count)
        }
    }

    func micros(_ id: UInt64) -> Timestamp? { trades.first { $0.id == id }.map { Timestamp(microseconds: Int64($0.time / 1_000)) } }

    func hole(_ range: ClosedRange<UInt64>, after: Timestamp?) -> RefillHole {
        RefillHole(symbol: Self.symbol, first: range.lowerBound, last: range.upperBound, afterTime: after)
    }
}

private struct Walk {
    var ids: Set<UInt64> = []
    var evidence = RefillEvidence()
    var pages: [RefillPage] = []
    /// The pager wanted more than so many pages, or said what the exchange does not understand.
    var isEndless = false

    /// The ids of `range` that no page brought.
    func missing(_ range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
        var set = SequenceSet()
        for id in ids { _ = set.insert(id) }
        return set.absent(from: range)
    }
}

private func walk(_ hole: RefillHole, _ history: History, limit: Int = 3_000) -> Walk {
    var pager = ExchangeRegistry.feed(for: history.exchange).refill(hole)
    var walk = Walk()
    while let request = pager.next {
        guard walk.pages.count < limit, let page = history.page(request) else {
            walk.isEndless = true
            return walk
        }
        walk.pages.append(page)
        walk.ids.formUnion(page.ids)
        walk.evidence.add(page, within: hole.first...hole.last)
        pager.advance(page)
    }
    return walk
}

extension Seeded {
    /// Trades with ids from `first` on, of which every `missing`th does not exist.
    fileprivate mutating func history(_ exchange: Exchange, first: UInt64, count: Int, missing: Int) -> History {
        var trades: [History.Trade] = []
        var time: UInt64 = 1_762_795_433_000_000_000 + next() % 1_000_000_000
        var id = first
        for _ in 0..<count {
            if missing > 0, once(in: missing) { id += UInt64(int(1...40)) }
            // Rows of one taker order share their instant.
            if !once(in: 2) { time += UInt64(int(1...3_000_000)) }
            trades.append(History.Trade(id: id, time: time))
            id += 1
        }
        return History(exchange: exchange, trades: trades, isSinceIncluded: once(in: 2))
    }
}

@Suite struct RefillTests {
    private static let start: UInt64 = 1_762_795_433_000_000_000

    private func plain(_ exchange: Exchange, _ ids: ClosedRange<UInt64>, without: Set<UInt64> = []) -> History {
        History(
            exchange: exchange,
            trades: ids.filter { !without.contains($0) }.map { History.Trade(id: $0, time: Self.start + $0 * 1_000_000) })
    }

    @Test(arguments: Exchange.allCases)
    func everyWalkCoversItsHoleAndProvesWhatIsNotThere(exchange: Exchange) {
        var random = Seeded.start("\(exchange) everyWalk")
        for _ in 0..<40 {
            let history = random.history(
                exchange, first: random.pick([0, 1, 2, 999, 61_044_952, UInt64(Int64.max) - 9_000]), count: random.int(2...4_000),
                missing: random.pick([0, 2, 20, 500]))
            let (before, after) = (random.int(0...(history.trades.count - 2)), history.trades.count - 1)
            let (first, last) = (history.trades[before], history.trades[random.int((before + 1)...after)])
            guard last.id > first.id + 1 else { continue }
            let range = (first.id + 1)...(last.id - 1)
            let hole = history.hole(range, after: Timestamp(microseconds: Int64(first.time / 1_000)))
            let done = walk(hole, history)
            #expect(!done.isEndless, "seed \(random.seed)")
            var empty = SequenceSet()
            for (one, next) in zip(history.trades, history.trades.dropFirst()) where next.id > one.id + 1 && one.id >= first.id && next.id <= last.id {
                empty.insert(contentsOf: (one.id + 1)...(next.id - 1))
            }
            #expect(done.missing(range) == empty.ranges, "seed \(random.seed): \(range)")
            #expect(done.evidence.empty == empty, "seed \(random.seed): \(range)")
            #expect(done.evidence.highest ?? 0 > range.upperBound, "seed \(random.seed): \(range)")
            // No page more than the hole has, but for the ends and the shared trades.
            let width = Int(history.trades.filter { $0.id >= first.id && $0.id <= last.id }.count)
            if exchange != .kraken { #expect(done.pages.count <= width / 999 + 2, "seed \(random.seed): \(width) ids in \(done.pages.count) pages") }
        }
    }

    @Test(arguments: Exchange.allCases, [1, 2, 997, 998, 999, 1_000, 1_001, 1_997, 1_998, 1_999, 2_000, 2_001])
    func pagesMayEndAnywhere(exchange: Exchange, width: Int) {
        let history = plain(exchange, 5...6_000, without: [1_500, 2_001, 2_999])
        let range = 1_000...UInt64(999 + width)
        let done = walk(history.hole(range, after: history.micros(999)), history)
        #expect(!done.isEndless)
        #expect(done.missing(range) == [1_500, 2_001, 2_999].filter { range.contains($0) }.map { $0...$0 })
        #expect(done.evidence.empty.ranges == [1_500, 2_001, 2_999].filter { range.contains($0) }.map { $0...$0 })
    }

    @Test(arguments: Exchange.allCases)
    func aHistoryThatLagsProvesNothingBeyondItsEnd(exchange: Exchange) {
        // Nothing yet, the trade before the hole, a part of the hole, all but the last.
        for end in [99, 100, 150, 199] as [UInt64] {
            let history = plain(exchange, 1...end, without: [120])
            let done = walk(history.hole(101...200, after: Timestamp(microseconds: Int64((Self.start + 100_000_000) / 1_000))), history)
            #expect(!done.isEndless)
            #expect(done.evidence.empty.ranges == (end > 120 ? [120...120] : []), "end \(end)")
            #expect(done.evidence.highest ?? 0 <= 200, "end \(end)")
        }
        let empty = walk(plain(exchange, 1...1).hole(101...200, after: nil), History(exchange: exchange, trades: []))
        #expect(!empty.isEndless && empty.evidence.empty.ranges.isEmpty && empty.evidence.highest == nil)
    }

    @Test(arguments: Exchange.allCases)
    func aPrunedHistoryProvesNothingBeforeItsStart(exchange: Exchange) {
        for start in [150, 200, 201, 202] as [UInt64] {
            let history = plain(exchange, start...5_000, without: [160])
            let done = walk(history.hole(101...200, after: Timestamp(microseconds: Int64((Self.start + 100_000_000) / 1_000))), history)
            #expect(!done.isEndless)
            #expect(done.evidence.empty.ranges == (start < 160 ? [160...160] : []), "start \(start)")
            #expect(done.missing(min(start, 200)...201).allSatisfy { $0.upperBound < start || $0 == 160...160 }, "start \(start)")
        }
    }

    /// A taker order that sweeps the book leaves more rows in one instant than a page holds: what stands behind them is reached all the same.
    @Test(arguments: [true, false], [998, 999, 1_000, 1_001, 1_500, 2_500])
    func oneInstantMayFillAPage(isSinceIncluded: Bool, rows: Int) {
        var history = plain(.kraken, 1...5_000)
        let swept = 201...UInt64(200 + rows)
        for id in swept { history.trades[Int(id - 1)].time = history.trades[Int(swept.lowerBound - 1)].time }
        history.isSinceIncluded = isSinceIncluded
        let done = walk(history.hole(101...4_000, after: history.micros(100)), history)
        #expect(!done.isEndless)
        #expect(done.missing(101...199) == [])
        #expect(done.missing((swept.upperBound + 1)...4_001) == [], "rows \(rows)")
        #expect(done.evidence.empty.ranges.isEmpty)
        if rows < 999 { #expect(done.missing(101...4_001) == []) }
    }

    @Test func krakenBeginsBeforeTheTradeBeforeTheHole() {
        // The stream gives µs, REST asks for ns: the trade itself may lie up to 1 µs later than its text says.
        for nanos in [0, 1, 500, 999] as [UInt64] {
            let history = History(
                exchange: .kraken,
                trades: (1...10).map { History.Trade(id: $0, time: Self.start + $0 * 1_000 + nanos) })
            let done = walk(history.hole(4...8, after: history.micros(3)), history)
            #expect(done.missing(3...9) == [], "ns \(nanos)")
        }
        let feed = KrakenFeed()
        let hole = RefillHole(symbol: "XBTUSD", first: 4, last: 8, afterTime: nil)
        #expect(feed.refill(hole).next?.target == "/0/public/Trades?pair=XBTUSD&since=0&count=25")
        let early = RefillHole(symbol: "XBTUSD", first: 4, last: 8, afterTime: Timestamp(microseconds: -62_135_596_800_000_000))
        #expect(feed.refill(early).next?.target == "/0/public/Trades?pair=XBTUSD&since=0&count=25")
        // A time that cannot be true: ns end in 2262.
        let late = RefillHole(symbol: "XBTUSD", first: 4, last: 8, afterTime: Timestamp(microseconds: 253_402_300_799_999_999))
        #expect(feed.refill(late).next?.target == "/0/public/Trades?pair=XBTUSD&since=9223372036854775000&count=25")
    }

    @Test(arguments: Exchange.allCases)
    func holesAtTheEndsOfTheNumbers(exchange: Exchange) {
        let history = plain(exchange, 2...10)
        let first = walk(history.hole(0...1, after: nil), history)
        #expect(!first.isEndless && first.evidence.empty.ranges.isEmpty && first.evidence.highest ?? 0 >= 2)
        let highest = UInt64(Int64.max)
        let late = History(exchange: exchange, trades: [highest - 10, highest].enumerated().map { History.Trade(id: $1, time: Self.start + UInt64($0)) })
        let last = walk(late.hole((highest - 9)...(highest - 1), after: Timestamp(microseconds: Int64(Self.start / 1_000))), late)
        #expect(last.evidence.empty.ranges == [(highest - 9)...(highest - 1)])
    }

    /// An exchange that repeats a page for ever is left.
    @Test(arguments: Exchange.allCases)
    func anAnswerThatDoesNotGoOnEndsTheWalk(exchange: Exchange) {
        var random = Seeded.start()
        for _ in 0..<200 {
            let base = UInt64(random.int(0...5_000))
            let page = RefillPage(ids: (base..<(base + 1_000)).map { $0 }, rows: 1_000, cursor: random.anyWidth())
            var pager = ExchangeRegistry.feed(for: exchange).refill(
                RefillHole(symbol: "XBTUSD", first: 1_000, last: 100_000, afterTime: Timestamp(microseconds: Int64(random.int(0...1_000_000_000)))))
            var count = 0
            while pager.next != nil, count < 100 {
                pager.advance(page)
                count += 1
            }
            #expect(count < 10, "\(count) pages, seed \(random.seed)")
        }
    }

    @Test func targetsAreThoseOfTheExchanges() {
        let hole = RefillHole(symbol: "S", first: 101, last: 200, afterTime: Timestamp(microseconds: 1_762_795_433_971_744))
        #expect(BinanceFeed().refill(hole).next?.target == "/api/v3/historicalTrades?symbol=S&fromId=100&limit=102")
        #expect(KrakenFeed().refill(hole).next?.target == "/0/public/Trades?pair=S&since=1762795433971743000&count=120")
        #expect(CoinbaseFeed().refill(hole).next?.target == "/products/S/trades?limit=102&after=202")
    }
}

@Suite struct RefillEvidenceTests {
    private func proven(_ pages: [[UInt64]], _ hole: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
        var evidence = RefillEvidence()
        for page in pages { evidence.add(RefillPage(ids: page, rows: page.count), within: hole) }
        return evidence.empty.ranges
    }

    @Test func neighboursProveOnlyWhatLiesBetweenThem() {
        #expect(proven([[9, 21]], 10...20) == [10...20])
        #expect(proven([[1, 100]], 10...20) == [10...20])
        #expect(proven([[9, 15, 21]], 10...20) == [10...14, 16...20])
        #expect(proven([[9, 15], [16, 21]], 10...20) == [10...14, 17...20])
        #expect(proven([[9, 12], [15, 21]], 10...20) == [10...11, 16...20])
        #expect(proven([[15]], 10...20) == [])
        #expect(proven([[10, 20]], 10...20) == [11...19])
        #expect(proven([[1, 9], [21, 90]], 10...20) == [])
        #expect(proven([[1, 8, 9], [21, 23]], 10...20) == [])
        #expect(proven([[9, 9, 11, 11]], 10...20) == [10...10])
        #expect(proven([[]], 10...20) == [])
        #expect(proven([[0, .max]], 1...(.max - 1)) == [1...(.max - 1)])
        #expect(proven([[0, 2]], 0...0) == [])
        #expect(proven([[0, 2]], 0...1) == [1...1])
    }

    @Test func aPageWithAnUnreadableRowProvesNothing() {
        var evidence = RefillEvidence()
        evidence.add(RefillPage(ids: [9, 15, 21], rows: 4), within: 10...20)
        #expect(evidence.empty.ranges.isEmpty && evidence.lowest == 9 && evidence.highest == 21)
    }

    @Test func edgesAreThoseOfAllPages() {
        var evidence = RefillEvidence()
        #expect(evidence.lowest == nil && evidence.highest == nil)
        evidence.add(RefillPage(ids: [5, 6], rows: 2), within: 1...9)
        evidence.add(RefillPage(ids: [], rows: 0), within: 1...9)
        evidence.add(RefillPage(ids: [2, 3], rows: 2), within: 1...9)
        #expect(evidence.lowest == 2 && evidence.highest == 6)
    }
}
