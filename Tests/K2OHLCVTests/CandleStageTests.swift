import K2Domain
import K2TestSupport
import Testing

@testable import K2OHLCV

@Suite struct CandleStageTests {
    /// The revisions and gap marks of candle lines.
    private func marks(_ lines: [String]) -> [String] {
        lines.map { line in
            let fields = line.split(separator: ",").filter { $0.hasPrefix("\"revision\"") || $0.hasPrefix("\"has_gap\"") || $0.hasPrefix("\"trade_count\"") }
            return fields.map { String($0.split(separator: ":").last ?? "") }.joined(separator: " ").replacing("}", with: "")
        }
    }

    @Test func otherKindsAreSkipped() {
        var stage = CandleStage()
        let printed = stage.candles([#"{"kind":"raw"}"#, #"{"kind":"candle"}"#, #"{"kind":"bronze","x":[1]}"#, #"{"kind":"not known yet"}"#])
        #expect(printed.isEmpty)
        #expect(stage.stats.skipped == 4)
        #expect(stage.stats.rejected == 0)
    }

    @Test func unknownMembersAndOtherOrderAreRead() {
        var stage = CandleStage([.oneMinute])
        let line =
            #"{"new":{"a":[1]},"is_valid":true,"source_sequence":"9007199254740993","timestamp":"2026-02-18T01:00:00.5+01:00","side":"BUY","#
            + #""quote_volume":"6","quantity":"3","price":"2","canonical_symbol":"BTC/USDT","symbol":"BTCUSDT","exchange":"kraken","trade_id":"x","kind":"trade"}"#
        #expect(stage.refusal(of: line) == nil)
        stage.fold.closeAll()
        #expect(
            stage.takeLines() == [
                #"{"kind":"candle","exchange":"kraken","canonical_symbol":"BTC/USDT","interval":"1m","window_start":"2026-02-18T00:00:00.000000Z","#
                    + #""open_time":"2026-02-18T00:00:00.500000Z","open_price":"2","high_price":"2","low_price":"2","close_time":"2026-02-18T00:00:00.500000Z","#
                    + #""close_price":"2","volume":"3","quote_volume":"6","trade_count":1,"buy_volume":"3","first_sequence":"9007199254740993","#
                    + #""last_sequence":"9007199254740993","revision":0,"is_final":true,"has_gap":false}"#
            ])
    }

    @Test func seriesAreExchangeAndCanonicalSymbol() {
        var stage = CandleStage([.oneDay])
        _ = stage.candles([
            tradeLine(dayStart, id: 1), tradeLine(dayStart, id: 1, exchange: "kraken"), tradeLine(dayStart, id: 2, symbol: "OTHER"),
            tradeLine(dayStart, id: 1, canonical: "BTC/USD"),
        ])
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["2 0 false", "1 0 false", "1 0 false"])
    }

    @Test func invalidTradesAreLeftOut() {
        var stage = CandleStage()
        let printed = stage.candles([
            tradeLine(dayStart, id: 1, valid: false), tradeLine(dayStart, id: 2, price: "0"), tradeLine(dayStart, id: 3, quantity: "-1"),
        ])
        stage.fold.closeAll()
        #expect(printed.isEmpty && stage.takeLines().isEmpty)
        #expect(stage.stats.invalid == 3)
        // Its id was not taken: a corrected trade counts.
        _ = stage.candles([tradeLine(dayStart, id: 2, price: "1")])
        #expect(stage.stats.trades == 1)
    }

    @Test func lateAndOverflowingTradesAreRefusedWithTheirIntervals() {
        var stage = CandleStage([.oneMinute, .fiveMinutes, .oneDay], lateness: 0, keep: 0)
        let nines = String(repeating: "9", count: 38)
        _ = stage.candles((0..<20).map { tradeLine(dayStart + $0 * minute, id: UInt64($0)) })
        #expect(
            stage.refusal(of: tradeLine(dayStart, id: 100))
                == "trade: too late for its 1m, 5m candle: that window is closed and no longer held")
        #expect(
            stage.refusal(of: tradeLine(dayStart + 19 * minute, id: 101, price: "1", quantity: nines))
                == "trade: the volume of its 1m, 5m, 1d candle would need more than 38 digits")
        #expect(stage.stats.tooLate == 1)
        #expect(stage.stats.rejected == 2)
    }

    // MARK: gaps of symbols that have had no trade

    @Test func earlyGapMarksTheFirstCandle() {
        var stage = CandleStage([.oneMinute])
        _ = stage.candles([gapLine(1...5, "open", after: dayStart, before: dayStart + second), tradeLine(dayStart + second, id: 6)])
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["1 0 true"])
        #expect(stage.earlyGaps.isEmpty)
    }

    @Test func earlyGapOfAnotherSymbolDoesNot() {
        var stage = CandleStage([.oneMinute])
        _ = stage.candles([
            gapLine(1...5, "open", after: dayStart, symbol: "ETHUSDT"), gapLine(1...5, "open", after: dayStart, exchange: "kraken"),
            tradeLine(dayStart + second, id: 6),
        ])
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["1 0 false"])
        #expect(stage.earlyGaps.count == 2)
    }

    @Test(arguments: [
        [1...5], [1...2, 3...5], [4...5, 1...3], [0...100], [2...3, 1...1, 5...5, 4...4],
    ] as [[ClosedRange<UInt64>]])
    func earlyGapFilledBeforeTheFirstTradeLeavesNoMark(_ parts: [ClosedRange<UInt64>]) {
        var stage = CandleStage([.oneMinute])
        _ = stage.candles([gapLine(1...5, "open", after: dayStart, before: dayStart + second)])
        for (index, part) in parts.enumerated() { _ = stage.candles([gapLine(part, index % 2 == 0 ? "filled" : "empty")]) }
        _ = stage.candles([tradeLine(dayStart + second, id: 6)])
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["1 0 false"])
    }

    @Test func earlyGapsAreBoundedAndNotKeptTwice() {
        var stage = CandleStage()
        for _ in 0..<3 { _ = stage.candles([gapLine(1...5, "open", after: dayStart)]) }
        #expect(stage.earlyGaps.count == 1)
        for number in 0..<400 { _ = stage.candles([gapLine(1...5, "open", after: dayStart, symbol: "S\(number)")]) }
        #expect(stage.earlyGaps.count == CandleStage.maxEarlyGaps)
    }

    @Test func gapWithoutTimesMarksNothing() {
        var stage = CandleStage([.oneMinute])
        _ = stage.candles([tradeLine(dayStart, id: 1), gapLine(2...3, "open")])
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["1 0 false"])
        #expect(stage.stats.gaps == 1)
    }

    @Test func gapOfOneTimeMarksItsWindow() {
        var stage = CandleStage([.oneMinute])
        _ = stage.candles([tradeLine(dayStart, id: 1), tradeLine(dayStart + minute, id: 9), gapLine(2...8, "lost", before: dayStart + minute)])
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["1 0 false", "1 0 true"])
    }

    // MARK: trades without ids

    @Test func tradesWithoutIdsCountOnce() {
        var stage = CandleStage([.oneMinute])
        let lines = (0..<3).map { tradeLine(dayStart, id: nil, text: "KRAKEN-V1-\($0)", exchange: "kraken") }
        _ = stage.candles(lines + lines.reversed())
        #expect(stage.stats.trades == 3)
        #expect(stage.stats.duplicates == 3)
    }

    @Test func tradesWithoutIdsThatAreForgottenNeverCountTwice() {
        var stage = CandleStage([.oneMinute, .oneDay])
        stage.unnumbered = UnnumberedTrades(capacity: 10)
        let lines = (0..<30).map { index in
            tradeLine(dayStart + Int64(index) * second, id: nil, text: "KRAKEN-V1-\(index)", exchange: "kraken")
        }
        // Of another symbol: its trades are older, and are not taken for those that were forgotten.
        let other = tradeLine(dayStart + second, id: nil, text: "KRAKEN-V1-x", exchange: "kraken", symbol: "ETHUSD", canonical: "ETH/USD")
        _ = stage.candles(lines + [other] + lines + lines.reversed())
        stage.fold.closeAll()
        #expect(marks(stage.takeLines()) == ["30 0 false", "1 0 false", "30 0 false", "1 0 false"])
        #expect(stage.stats.duplicates == 60)
    }

    // MARK: whatever comes

    @Test func foreignLinesNeverTrap() {
        var random = Seeded.start()
        var stage = CandleStage()
        let lines = random.stream(60)
        for _ in 0..<3_000 {
            var bytes = Array(random.pick(lines).utf8)
            for _ in 0..<random.int(1...3) where bytes.count > 1 {
                let place = random.int(0...(bytes.count - 1))
                switch random.int(0...3) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(random.pick(Array("0123456789\"{}[],:-eE.".utf8)), at: place)
                default: bytes = Array(bytes[..<max(place, 1)])
                }
            }
            stage.process(bytes.span)
            stage.fold.events.removeAll()
        }
        #expect(stage.stats.lines == 3_000)
        #expect(stage.stats.rejected > 500)
    }
}
