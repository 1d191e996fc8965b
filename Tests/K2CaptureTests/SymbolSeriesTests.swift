import K2Domain
import K2Exchanges
import K2TestSupport
import Testing

@testable import K2Capture

func micros(_ value: Int64) -> Timestamp { Timestamp(microseconds: value) }

private func series() -> SymbolSeries { SymbolSeries(name: "BTC/USD", symbol: "BTCUSD", restName: "XBTUSD") }

extension SymbolSeries {
    /// Trade `id` at µs `id`, received a second later.
    @discardableResult
    fileprivate mutating func take(_ id: UInt64) -> Bool {
        observe(id, time: micros(Int64(id)), receivedAt: micros(Int64(id) + 1_000_000), cause: "stream")
    }

    fileprivate mutating func take(_ ids: [UInt64]) { for id in ids { take(id) } }

    /// The reports as `open 3-5`.
    fileprivate mutating func say(seenBefore time: Int64 = .max) -> [String] {
        report(seenBefore: micros(time)).map { "\($0.state.name) \($0.hole.first)-\($0.hole.last)" }
    }
}

@Suite struct SymbolSeriesTests {
    @Test func contiguousIdsLeaveNothingToSay() {
        var series = series()
        for id in 1_000...2_000 as ClosedRange<UInt64> { #expect(series.take(id) == true) }
        for id in [1_000, 1_500, 2_000] as [UInt64] { #expect(series.take(id) == false) }
        #expect(series.settled.ranges == [1_000...2_000])
        #expect(series.highest == RefillAnchor(id: 2_000, time: micros(2_000)))
        #expect(series.holes.isEmpty)
        #expect(series.say() == [])
    }

    @Test func whatCameBeforeTheFirstTradeIsNoHole() {
        var series = series()
        series.take([100, 50, 10])
        #expect(series.holes.isEmpty)
        #expect(series.settled.ranges == [10...10, 50...50, 100...100])
    }

    @Test func aStepIsAHoleWithItsNeighbours() throws {
        var series = series()
        series.take([10, 20])
        let hole = try #require(series.holes.first)
        #expect(hole.range == 11...19)
        #expect(hole.afterTime == micros(10) && hole.beforeTime == micros(20))
        #expect(hole.detectedAt == micros(1_000_020))
        #expect(hole.cause == "stream")
        #expect(!hole.isAnnounced && !series.isSettled(hole))
        // Not before its time.
        #expect(series.say(seenBefore: 1_000_020) == [])
        #expect(series.say(seenBefore: 1_000_021) == ["open 11-19"])
        #expect(series.say() == [])
        series.take((11...19).map { $0 })
        #expect(series.say() == ["filled 11-19"])
        #expect(series.holes.isEmpty)
        #expect(series.say() == [])
    }

    @Test func messagesThatOvertakeEachOtherAreNoHole() {
        var series = series()
        series.take([1, 3, 2, 6, 4, 5])
        #expect(series.say() == [])
        #expect(series.holes.isEmpty)
        #expect(series.settled.ranges == [1...6])
    }

    @Test func onlyWhatIsMissingIsAnnounced() {
        var series = series()
        series.take([1, 10, 4, 5])
        #expect(series.say() == ["open 2-3", "open 6-9"])
        series.take([2, 3, 7])
        #expect(series.say() == ["filled 2-3"])
        series.take([6, 8, 9])
        #expect(series.say() == ["filled 6-9"])
    }

    @Test func theOutcomeIsSaidInParts() {
        var series = series()
        series.take([1, 21])
        #expect(series.say() == ["open 2-20"])
        series.take([2, 3, 10, 20])
        series.settle(5...6, as: .empty, cause: "none there")
        series.settle(4...15, as: .lost, cause: "gone")
        #expect(series.settled.absent(from: 1...21) == [16...19])
        series.take([16, 17, 18, 19])
        let reports = series.report(seenBefore: micros(.max))
        #expect(
            reports.map { "\($0.state.name) \($0.hole.first)-\($0.hole.last) \($0.cause)" } == [
                "filled 2-3 stream", "lost 4-4 gone", "empty 5-6 none there", "lost 7-9 gone", "filled 10-10 stream", "lost 11-15 gone",
                "filled 16-20 stream",
            ])
        #expect(reports.allSatisfy { $0.hole.afterTime == micros(1) && $0.hole.beforeTime == micros(21) })
        #expect(series.holes.isEmpty)
    }

    @Test func aVerdictBeforeTheAnnouncementIsSaid() {
        var series = series()
        series.take([1, 11])
        series.settle(3...4, as: .empty, cause: "x")
        series.take(2)
        #expect(series.say() == ["open 5-10", "empty 3-4"])
        series.take([5, 6, 7, 8, 9, 10])
        #expect(series.say() == ["filled 5-10"])
        // All of it decided before it was announced: what was lost is said, what came is not.
        series.take(15)
        series.take(13)
        series.settle(12...14, as: .lost, cause: "x")
        #expect(series.say(seenBefore: 0) == ["lost 12-12", "lost 14-14"])
        #expect(series.holes.isEmpty)
    }

    @Test func verdictsDoNotTouchWhatCame() {
        var series = series()
        series.take([1, 5])
        series.take(3)
        series.settle(1...5, as: .lost, cause: "x")
        #expect(series.say() == ["lost 2-2", "lost 4-4"])
        series.settle(1...5, as: .empty, cause: "again")
        #expect(series.say() == [])
        // A trade that comes after all is new, once, and the record is taken back.
        #expect(series.take(2) == true)
        #expect(series.take(2) == false)
        #expect(series.say() == ["filled 2-2"])
        #expect(series.say() == [])
    }

    @Test func aVerdictThatWasNotSaidIsTakenBackWithoutAWord() {
        var series = series()
        series.take([1, 9])
        #expect(series.say() == ["open 2-8"])
        series.settle(2...4, as: .lost, cause: "x")
        #expect(series.take(3) == true)
        #expect(series.say() == [])
        series.take([5, 6, 7, 8])
        #expect(series.say() == ["lost 2-2", "filled 3-3", "lost 4-4", "filled 5-8"])
    }

    @Test func aVerdictMayCoverSeveralHoles() {
        var series = series()
        series.take([1, 3, 5, 7])
        #expect(series.say() == ["open 2-2", "open 4-4", "open 6-6"])
        series.settle(1...7, as: .lost, cause: "x")
        #expect(series.say() == ["lost 2-2", "lost 4-4", "lost 6-6"])
        #expect(series.settled.ranges == [1...7])
    }

    @Test func aLeapIsANewSeries() {
        var series = series()
        series.take(5)
        let far = 5 + SymbolSeries.greatestStep + 1
        series.take(far)
        #expect(series.say(seenBefore: 0) == ["lost 6-\(far - 1)"])
        #expect(series.settled.ranges == [5...far])
        var near = SymbolSeries(name: "N", symbol: "N", restName: "N")
        near.take([5, 5 + SymbolSeries.greatestStep])
        #expect(near.say() == ["open 6-\(4 + SymbolSeries.greatestStep)"])
    }

    @Test func theEndsOfTheNumbersAreOrdinary() {
        var series = series()
        series.take(0)
        #expect(series.observe(.max, time: micros(1), receivedAt: micros(1), cause: "stream") == true)
        #expect(series.observe(.max, time: micros(1), receivedAt: micros(1), cause: "stream") == false)
        #expect(series.take(0) == false)
        #expect(series.say() == ["lost 1-\(UInt64.max - 1)"])
        #expect(series.settled.ranges == [0...(.max)])
        var low = SymbolSeries(name: "L", symbol: "L", restName: "L")
        low.take([0, 2])
        #expect(low.say() == ["open 1-1"])
        low.settle(0...2, as: .empty, cause: "x")
        #expect(low.say() == ["empty 1-1"])
    }

    /// More holes than memory is meant for: the oldest are given up, also when nobody asks for reports meanwhile.
    @Test func tooManyHolesAreGivenUpOldestFirst() {
        var series = series()
        let surplus = 10
        for index in 0..<(SymbolSeries.maxHoles + surplus + 1) { series.take(UInt64(index) * 2) }
        #expect(series.holes.count == SymbolSeries.maxHoles + surplus)
        #expect(series.holes.filter { !series.isSettled($0) }.count == SymbolSeries.maxHoles)
        let said = series.say(seenBefore: 0)
        #expect(said == (0..<surplus).map { "lost \($0 * 2 + 1)-\($0 * 2 + 1)" })
        #expect(series.holes.count == SymbolSeries.maxHoles)
    }

    // MARK: A model

    /// Everything said about ids, id by id.
    private struct Ledger {
        var states: [UInt64: GapState] = [:]

        mutating func note(_ reports: [HoleReport], _ came: Set<UInt64>, _ decided: [UInt64: GapState], late: Set<UInt64>, seed: UInt64) {
            for report in reports {
                for id in report.hole.first...report.hole.last {
                    switch report.state {
                    case .open:
                        #expect(states[id] == nil, "\(id) opened twice, seed \(seed)")
                        #expect(!came.contains(id) && decided[id] == nil, "\(id) is not missing, seed \(seed)")
                    case .filled:
                        #expect(states[id] == .open || late.contains(id), "\(id) filled without having been open, seed \(seed)")
                        #expect(came.contains(id) || late.contains(id), "\(id) did not come, seed \(seed)")
                    case .empty, .lost:
                        #expect(states[id] == nil || states[id] == .open, "\(id) closed twice, seed \(seed)")
                        #expect(decided[id] == report.state, "\(id) was not decided so, seed \(seed)")
                    }
                    states[id] = report.state
                }
            }
        }
    }

    @Test func behavesLikeAListOfIds() {
        var random = Seeded.start()
        for _ in 0..<200 {
            var series = series()
            var came: Set<UInt64> = []
            var decided: [UInt64: GapState] = [:]
            // Given up since the last restart; came after having been given up.
            var abandoned: Set<UInt64> = []
            var late: Set<UInt64> = []
            var forgotten: Set<UInt64> = []
            var ledger = Ledger()
            var first: UInt64?
            let start = UInt64(random.int(0...1_000))
            let span = random.int(1...120)
            for step in 0..<random.int(1...200) {
                switch random.int(0...9) {
                case 0:
                    let low = start + UInt64(random.int(0...span))
                    let range = low...(low + UInt64(random.int(0...20)))
                    // Only ids of holes are ever decided about.
                    guard let top = came.max(), range.upperBound <= top, let first, range.lowerBound >= first else { continue }
                    let state: GapState = random.once(in: 2) ? .empty : .lost
                    for id in range where !came.contains(id) && decided[id] == nil {
                        decided[id] = state
                        abandoned.insert(id)
                    }
                    series.settle(range, as: state, cause: "test")
                case 1: ledger.note(series.report(seenBefore: micros(Int64(random.int(0...400)))), came, decided, late: late, seed: random.seed)
                case 2:
                    // A restart, after everything was said.
                    guard random.once(in: 4), let newest = series.highest else { continue }
                    let state = CaptureState(exchange: .kraken, symbols: [CaptureState.Symbol(of: series, newest: newest)])
                    guard let read = try? CaptureState(parsing: state.bytes, exchange: .kraken) else {
                        Issue.record("seed \(random.seed)")
                        continue
                    }
                    #expect(read == state, "seed \(random.seed)")
                    series = SymbolSeries(name: "BTC/USD", symbol: "BTCUSD", restName: "XBTUSD", resuming: read.symbols[0])
                    abandoned = []
                    // What was not said yet of trades that came after all is not kept: they stay lost in the ledger.
                    forgotten.formUnion(late)
                default:
                    // What came before the start is no hole and cannot be one.
                    let id = first == nil ? start : start + UInt64(random.int(0...span))
                    first = first ?? id
                    let isNew = series.observe(id, time: micros(Int64(id)), receivedAt: micros(Int64(step)), cause: "stream")
                    let isLate = abandoned.contains(id) && !late.contains(id)
                    #expect(isNew == (!came.contains(id) && decided[id] == nil || isLate), "\(id), seed \(random.seed)")
                    if isLate { late.insert(id) }
                    if decided[id] == nil { came.insert(id) }
                }
                #expect(series.highest?.id == came.max(), "seed \(random.seed)")
            }
            guard let top = came.max(), let first else { continue }
            let settled = Set((first...top).filter { series.settled.contains($0) })
            #expect(settled == came.union(decided.keys), "seed \(random.seed)")
            ledger.note(series.report(seenBefore: micros(.max)), came, decided, late: late, seed: random.seed)
            for id in first...top {
                let isMissing = !came.contains(id) && decided[id] == nil
                if isMissing { #expect(ledger.states[id] == .open, "\(id) is missing without a word, seed \(random.seed)") }
                if !isMissing { #expect(ledger.states[id] != .open || series.holes.contains { $0.range.contains(id) }, "\(id) stays open, seed \(random.seed)") }
            }
            series.settle(first...top, as: .lost, cause: "end")
            for id in first...top where !came.contains(id) && decided[id] == nil { decided[id] = .lost }
            ledger.note(series.report(seenBefore: micros(.max)), came, decided, late: late, seed: random.seed)
            #expect(series.holes.isEmpty)
            for id in first...top {
                let state = ledger.states[id]
                if forgotten.contains(id) { continue }
                let isThere = came.contains(id) || late.contains(id)
                #expect(isThere ? state == nil || state == .filled : state == decided[id], "\(id), seed \(random.seed)")
            }
        }
    }

    // MARK: Resuming

    private func resumed(_ newest: UInt64, _ holes: [ClosedRange<UInt64>]) -> SymbolSeries {
        let state = CaptureState.Symbol(
            name: "N", newest: RefillAnchor(id: newest, time: micros(Int64(newest))),
            holes: holes.map {
                Hole(first: $0.lowerBound, last: $0.upperBound, afterTime: nil, beforeTime: nil, detectedAt: micros(0), cause: "stream", isAnnounced: true)
            })
        return SymbolSeries(name: "N", symbol: "N", restName: "N", resuming: state)
    }

    @Test func goesOnWithTheHolesOfAnEarlierRun() {
        #expect(resumed(100, []).settled.ranges == [100...100])
        #expect(resumed(100, [40...50]).settled.ranges == [51...100])
        #expect(resumed(100, [40...50, 60...60, 62...99]).settled.ranges == [51...59, 61...61, 100...100])
        #expect(resumed(100, [0...50]).settled.ranges == [51...100])
        var series = resumed(100, [40...50, 60...60])
        #expect(series.say() == [])
        series.take((40...50).map { $0 })
        series.take(103)
        #expect(series.say() == ["filled 40-50", "open 101-102"])
        series.settle(60...60, as: .empty, cause: "x")
        #expect(series.say() == ["empty 60-60"])
        #expect(series.holes.map(\.range) == [101...102])
    }
}

@Suite struct ResumedSeriesTests {
    /// A run that is killed may have said that a hole is open after its state was saved: the next one must not fill it without a word.
    @Test func aHoleOfAnEarlierRunIsAnnouncedAtOnce() throws {
        var series = series()
        series.take([1, 5])
        let newest = try #require(series.highest)
        var next = SymbolSeries(name: "N", symbol: "N", restName: "N", resuming: .init(of: series, newest: newest))
        #expect(next.say(seenBefore: 0) == ["open 2-4"])
        next.take([2, 3, 4])
        #expect(next.say(seenBefore: 0) == ["filled 2-4"])
    }

    /// A hole of which a part was decided, and the rest not: the decision is said by the next run.
    @Test func whatWasDecidedIsSaidByTheNextRun() throws {
        var series = series()
        series.take([1, 10])
        #expect(series.say() == ["open 2-9"])
        series.take([2, 3])
        series.settle(5...6, as: .empty, cause: "none there")
        let state = CaptureState(exchange: .kraken, symbols: [.init(of: series, newest: try #require(series.highest))])
        let read = try CaptureState(parsing: state.bytes, exchange: .kraken)
        #expect(read == state)
        var next = SymbolSeries(name: "N", symbol: "N", restName: "N", resuming: read.symbols[0])
        #expect(next.settled.absent(from: 1...10) == [4...4, 7...9])
        #expect(next.take(2) == false)
        #expect(next.say() == [])
        next.take([4, 7, 8, 9])
        #expect(next.say() == ["filled 2-4", "empty 5-6", "filled 7-9"])
        // One that was settled as a whole, and not yet said.
        series.settle(1...10, as: .lost, cause: "x")
        var last = SymbolSeries(name: "N", symbol: "N", restName: "N", resuming: .init(of: series, newest: try #require(series.highest)))
        #expect(last.say() == ["filled 2-3", "lost 4-4", "empty 5-6", "lost 7-9"])
    }
}

@Suite struct SymbolActivityTests {
    @Test func silenceIsJudgedByTheMarketsOwnPace() {
        var series = series()
        let second: Int64 = 1_000_000
        // Nothing ever came: looked at after a minute, then every quarter of an hour.
        #expect(!series.activity.isDue(at: micros(60 * second), since: micros(0)))
        #expect(series.activity.isDue(at: micros(60 * second + 1), since: micros(0)))
        var silent = series
        silent.noteLook(at: micros(61 * second))
        #expect(!silent.activity.isDue(at: micros(961 * second), since: micros(0)))
        #expect(silent.activity.isDue(at: micros(961 * second + 1), since: micros(0)))
        // It traded meanwhile: looked at every half minute, until the stream brings something.
        silent.noteMissed(at: micros(61 * second))
        #expect(silent.activity.isDue(at: micros(91 * second + 1), since: micros(0)))
        silent.noteStream(at: micros(92 * second))
        #expect(!silent.activity.isDue(at: micros(900 * second), since: micros(0)))
        // A message a second: quiet after 30 s at the earliest.
        for time in 0...100 as ClosedRange<Int64> { series.noteStream(at: micros(time * second)) }
        #expect(series.activity.meanInterval == second)
        #expect(!series.activity.isDue(at: micros(130 * second), since: micros(0)))
        #expect(series.activity.isDue(at: micros(130 * second + 1), since: micros(0)))
        series.noteLook(at: micros(130 * second))
        #expect(!series.activity.isDue(at: micros(160 * second), since: micros(0)))
        // One every 10 s: after 200 s.
        var slow = SymbolSeries(name: "S", symbol: "S", restName: "S")
        for time in 0...100 as ClosedRange<Int64> { slow.noteStream(at: micros(time * 10 * second)) }
        #expect(!slow.activity.isDue(at: micros(1_200 * second), since: micros(0)))
        #expect(slow.activity.isDue(at: micros(1_200 * second + 1), since: micros(0)))
        // A clock that is set back.
        slow.noteStream(at: micros(0))
        #expect(slow.activity.meanInterval! >= 0)
    }
}
