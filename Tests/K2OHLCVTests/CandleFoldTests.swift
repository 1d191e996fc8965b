import K2Domain
import Testing

@testable import K2OHLCV

@Suite struct CandleFoldTests {
    @Test func windowIsFinalWhenTheWatermarkReachesItsEnd() {
        var fold = CandleFold([.oneMinute])
        _ = fold.add(trade(dayStart, 1), to: 0)
        _ = fold.add(trade(dayStart + 70 * second - 1, 2), to: 0)
        #expect(fold.takeEvents().isEmpty)
        _ = fold.add(trade(dayStart + 70 * second, 3), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r0"])
    }

    @Test func withoutLatenessTheFirstTradeOfTheNextWindowCloses() {
        var fold = CandleFold([.oneMinute], lateness: 0)
        _ = fold.add(trade(dayStart + minute - 1, 1), to: 0)
        #expect(fold.events.isEmpty)
        _ = fold.add(trade(dayStart + minute, 2), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r0"])
    }

    @Test(arguments: [dayStart, 0, -3 * 365 * 24 * hour, -62_135_596_800 * second, 253_402_300_799 * second - 24 * hour])
    func edgesBelongToTheLaterWindow(_ near: Int64) {
        for interval in CandleInterval.allCases {
            let start = Oracle.start(near, interval.width) + interval.width
            var fold = CandleFold([interval], lateness: 0)
            for (index, time) in [start - 1, start, start + interval.width - 1].enumerated() {
                _ = fold.add(trade(time, UInt64(index)), to: 0)
            }
            fold.closeAll()
            #expect(fold.events.map(\.candle.windowStart.microseconds) == [start - interval.width, start])
            #expect(fold.events.map(\.candle.tradeCount) == [1, 2])
        }
    }

    @Test func openAndCloseGoByTimeThenSequence() {
        var fold = CandleFold([.oneMinute])
        let prices = [(5, 12, "5"), (1, 11, "2"), (1, 10, "1"), (9, 13, "8"), (9, 14, "9"), (3, 99, "3")]
        for (at, id, price) in prices { _ = fold.add(trade(dayStart + Int64(at) * second, UInt64(id), price: price), to: 0) }
        fold.closeAll()
        let candle = fold.events[0].candle
        #expect(candle.openPrice.description == "1")
        #expect(candle.closePrice.description == "9")
        #expect(candle.firstSequence == 10)
        #expect(candle.lastSequence == 99)
    }

    @Test func watermarkIsThatOfTheSymbol() {
        var fold = CandleFold([.oneMinute], series: 2)
        _ = fold.add(trade(dayStart, 1), to: 0)
        _ = fold.add(trade(dayStart + hour, 1), to: 1)
        #expect(fold.events.isEmpty)
        _ = fold.add(trade(dayStart + 30 * second, 2), to: 0)
        _ = fold.add(trade(dayStart + 2 * minute, 3), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n2 r0"])
    }

    @Test func lateTradeIssuesTheCandleAgain() {
        var fold = CandleFold([.oneMinute, .fiveMinutes])
        _ = fold.add(trade(dayStart, 1, price: "10"), to: 0)
        _ = fold.add(trade(dayStart + 3 * minute, 3), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r0"])
        #expect(fold.add(trade(dayStart + second, 2, price: "11"), to: 0) == .counted)
        let events = fold.takeEvents()
        #expect(events.map(\.short) == ["1m@0 n2 r1"])
        #expect(events[0].candle.closePrice.description == "11")
        #expect(fold.add(trade(dayStart + 2 * second, 4), to: 0) == .counted)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n3 r2"])
    }

    @Test func lateTradeOfAWindowWithoutTradesIsItsFirstRevision() {
        var fold = CandleFold([.oneMinute])
        _ = fold.add(trade(dayStart, 1), to: 0)
        _ = fold.add(trade(dayStart + 10 * minute, 3), to: 0)
        fold.events.removeAll()
        _ = fold.add(trade(dayStart + 5 * minute, 2), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@300 n1 r0"])
    }

    @Test func forgottenWindowsTakeNoTrades() {
        var fold = CandleFold([.oneMinute, .oneHour], lateness: 10 * second, keep: minute)
        for number in 0..<6 { _ = fold.add(trade(dayStart + Int64(number) * minute, UInt64(number)), to: 0) }
        fold.events.removeAll()
        #expect(fold.series[0].windows[0].forgottenBefore.microseconds == dayStart + 3 * minute)
        #expect(fold.add(trade(dayStart + 1, 100), to: 0) == .tooLate([.oneMinute]))
        #expect(fold.add(trade(dayStart + 3 * minute - 1, 101), to: 0) == .tooLate([.oneMinute]))
        #expect(fold.takeEvents().isEmpty)
        #expect(fold.add(trade(dayStart + 3 * minute, 102), to: 0) == .counted)
        #expect(fold.takeEvents().map(\.short) == ["1m@180 n2 r1"])
        fold.closeAll()
        // The hour has all of them.
        #expect(fold.takeEvents().last?.short == "1h@0 n9 r0")
    }

    @Test func lastTwoWindowsAreHeldHoweverOld() {
        var fold = CandleFold([.oneMinute], keep: 0)
        for day in [0, 1, 2] as [Int64] { _ = fold.add(trade(dayStart + day * 24 * hour, UInt64(day)), to: 0) }
        fold.events.removeAll()
        #expect(fold.add(trade(dayStart + 24 * hour + 1, 10), to: 0) == .counted)
        #expect(fold.takeEvents().map(\.short) == ["1m@86400 n2 r1"])
        #expect(fold.add(trade(dayStart + 1, 11), to: 0) == .tooLate([.oneMinute]))
    }

    @Test func duplicatesAreNotCounted() {
        var fold = CandleFold()
        #expect(fold.add(trade(dayStart, 7), to: 0) == .counted)
        #expect(fold.add(trade(dayStart, 7), to: 0) == .duplicate)
        #expect(fold.add(trade(dayStart + 10 * hour, 8), to: 0) == .counted)
        fold.events.removeAll()
        #expect(fold.add(trade(dayStart, 7), to: 0) == .duplicate)
        #expect(fold.events.isEmpty)
    }

    @Test func sameIdsOfTwoSymbolsAreTwoTrades() {
        var fold = CandleFold(series: 2)
        #expect(fold.add(trade(dayStart, 7), to: 0) == .counted)
        #expect(fold.add(trade(dayStart, 7), to: 1) == .counted)
    }

    @Test func updatesPrintTheRunningCandle() {
        var fold = CandleFold([.oneMinute, .fiveMinutes], emitsUpdates: true)
        _ = fold.add(trade(dayStart, 1), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n1 r0~", "5m@0 n1 r0~"])
        _ = fold.add(trade(dayStart + 1, 1), to: 0)
        #expect(fold.takeEvents().isEmpty)
        _ = fold.add(trade(dayStart + 2 * minute, 2), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@120 n1 r0~", "5m@0 n2 r0~", "1m@0 n1 r0"])
        _ = fold.add(trade(dayStart + 1, 3), to: 0)
        #expect(fold.takeEvents().map(\.short) == ["1m@0 n2 r1", "5m@0 n3 r0~"])
    }

    @Test func windowsCloseByTheirEndShortOnesFirst() {
        var fold = CandleFold(lateness: hour)
        for number in 0..<4 { _ = fold.add(trade(dayStart + 50 * minute + Int64(number) * 4 * minute, UInt64(number)), to: 0) }
        fold.events.removeAll()
        _ = fold.add(trade(dayStart + 25 * hour, 10), to: 0)
        #expect(
            fold.takeEvents().map(\.short) == [
                "1m@3000 n1 r0", "1m@3240 n1 r0", "5m@3000 n2 r0", "1m@3480 n1 r0", "5m@3300 n1 r0", "15m@2700 n3 r0", "30m@1800 n3 r0", "1h@0 n3 r0",
                "1m@3720 n1 r0", "5m@3600 n1 r0", "15m@3600 n1 r0", "30m@3600 n1 r0", "1h@3600 n1 r0", "1d@0 n4 r0",
            ])
    }

    @Test func closeAllClosesOnce() {
        var fold = CandleFold(series: 2)
        _ = fold.add(trade(dayStart, 1), to: 0)
        _ = fold.add(trade(dayStart, 1), to: 1)
        fold.closeAll()
        #expect(fold.takeEvents().count == 12)
        fold.closeAll()
        #expect(fold.takeEvents().isEmpty)
        #expect(fold.add(trade(dayStart, 2), to: 0) == .counted)
        #expect(fold.takeEvents().map(\.candle.revision) == [1, 1, 1, 1, 1, 1])
    }

    @Test func volumesKeepEveryDigit() {
        var fold = CandleFold([.oneMinute])
        for (id, quantity) in ["0.1", "0.00000000000000000002", "100000000000000000", "7"].enumerated() {
            _ = fold.add(trade(dayStart, UInt64(id), price: "1", quantity: quantity, isBuy: id != 3), to: 0)
        }
        fold.closeAll()
        #expect(fold.events[0].candle.volume.description == "100000000000000007.10000000000000000002")
        #expect(fold.events[0].candle.buyVolume.description == "100000000000000000.10000000000000000002")
        #expect(fold.events[0].candle.quoteVolume.description == "100000000000000007.10000000000000000002")
    }

    @Test func sumOfMoreThan38DigitsIsRefusedAndChangesNothing() {
        var fold = CandleFold([.oneMinute, .oneHour])
        let nines = String(repeating: "9", count: 38)
        #expect(fold.add(trade(dayStart, 1, price: "1", quantity: nines), to: 0) == .counted)
        let before = CandleText(fold.series[0].windows[0].candles[0])
        #expect(fold.add(trade(dayStart + 1, 2, price: "2"), to: 0) == .overflow([.oneMinute, .oneHour]))
        #expect(fold.add(trade(dayStart + 1, 3, price: "1", quantity: "0.1"), to: 0) == .overflow([.oneMinute, .oneHour]))
        #expect(CandleText(fold.series[0].windows[0].candles[0]) == before)
        // The next minute has room, the hour has not.
        #expect(fold.add(trade(dayStart + minute, 4, price: "1"), to: 0) == .overflow([.oneHour]))
        #expect(fold.series[0].windows[0].candles[1].volume.description == "1")
    }

    @Test func equalPricesAreWrittenWithTheMostDecimals() {
        for order in [["1.0", "1.000", "1.00"], ["1.000", "1.00", "1.0"], ["1.00", "1.0", "1.000"]] {
            var fold = CandleFold([.oneMinute])
            for (id, price) in order.enumerated() { _ = fold.add(trade(dayStart, UInt64(id), price: price), to: 0) }
            #expect(fold.series[0].windows[0].candles[0].highPrice.description == "1.000")
            #expect(fold.series[0].windows[0].candles[0].lowPrice.description == "1.000")
        }
    }

    @Test func extremeSpansDoNotTrap() {
        for (lateness, keep) in [(Int64.max, Int64.max), (0, .max), (.max, 0)] as [(Int64, Int64)] {
            var fold = CandleFold(lateness: lateness, keep: keep)
            for (id, time) in [-62_135_596_800 * second, 0, 253_402_300_799 * second].enumerated() {
                #expect(fold.add(trade(time, UInt64(id)), to: 0) == .counted)
            }
            fold.closeAll()
            #expect(fold.events.count == 18)
        }
    }

    @Test func heldWindowsAreBounded() {
        var fold = CandleFold([.oneMinute, .oneHour], keep: hour, series: 20)
        var most = 0
        for step in 0..<(4 * 60) {
            // Two trades a minute in each of the symbols, and a late one now and then.
            for series in 0..<20 {
                let time = dayStart + Int64(step) * minute
                _ = fold.add(trade(time, UInt64(step) * 3), to: series)
                if step % 20 == series { _ = fold.add(trade(time - 50 * minute, UInt64(step) * 3 + 1), to: series) }
            }
            fold.events.removeAll(keepingCapacity: true)
            if step % 60 == 59 { most = max(most, fold.series.map { $0.windows.map(\.candles.count).max()! }.max()!) }
        }
        // An hour, the open windows and the lateness.
        #expect(most <= 63)
        #expect(fold.series.allSatisfy { $0.seen.ranges.count <= Series.maxSeenRanges })
    }

    @Test func aTimeFarAheadDoesNotHoldWindowsForEver() {
        var fold = CandleFold()
        _ = fold.add(trade(dayStart, 0), to: 0)
        _ = fold.add(trade(253_402_300_799 * second, 1), to: 0)
        var printed = Printed()
        for number in 0..<1_000 {
            #expect(fold.add(trade(dayStart + Int64(number) * 30 * second, UInt64(number + 2)), to: 0) == .counted)
            fold.takeEvents().forEach { printed.take($0) }
        }
        #expect(fold.series[0].windows.allSatisfy { $0.candles.count <= 3 })
        #expect(printed.fault == nil)
        #expect(printed.last[WindowKey(series: 0, interval: .oneMinute, start: dayStart + hour)]?.tradeCount == 2)
    }

    @Test func tradesWithoutSequenceDoNotDependOnTheirOrder() {
        let trades = (0..<5).map { trade(dayStart, nil, price: "\($0 + 1)", tieBreak: UInt64([30, 10, 50, 20, 40][$0])) }
        for shift in 0..<5 {
            var fold = CandleFold([.oneMinute])
            for index in 0..<5 { _ = fold.add(trades[(index * 2 + shift) % 5], to: 0) }
            fold.closeAll()
            #expect(fold.events[0].candle.openPrice.description == "2")
            #expect(fold.events[0].candle.closePrice.description == "3")
            #expect(fold.events[0].candle.tradeCount == 5)
            #expect(fold.events[0].candle.firstSequence == nil)
        }
    }
}

/// All fields of a candle as text.
private struct CandleText: Equatable {
    var text: String
    init(_ candle: Candle) { text = "\(candle)" }
}
