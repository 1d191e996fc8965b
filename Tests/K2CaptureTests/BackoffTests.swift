import K2Capture
import K2Retry
import K2TestSupport
import Testing

@Suite struct BackoffTests {
    @Test func delaysDoubleUpToTheGreatest() {
        var low = Backoff(500_000...60_000_000)
        var high = low
        for ceiling in [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000, 60_000_000, 60_000_000] as [Int64] {
            #expect(low.fail(random: 0) == ceiling / 2)
            #expect(high.fail(random: UInt64(ceiling / 2 - 1)) == ceiling - 1)
        }
        #expect(low.failures == 9)
        low.succeed()
        #expect(low.failures == 0)
        #expect(low.fail(random: 0) == 250_000)
    }

    @Test func delaysStayInsideForEver() {
        var random = Seeded.start()
        for range in [0...0, 0...1, 1...1, 1...(.max), 1_000...1_000, 1 << 50...1 << 60, (.max)...(.max)] as [ClosedRange<Int64>] {
            var backoff = Backoff(range)
            var delays: [Int64] = []
            for _ in 0..<200 { delays.append(backoff.fail(random: random.next())) }
            #expect(delays.allSatisfy { $0 >= range.lowerBound / 2 && $0 <= range.upperBound }, "\(range), seed \(random.seed)")
        }
    }
}

@Suite struct AttemptBudgetTests {
    @Test func soManyInSoLong() {
        var budget = AttemptBudget(attempts: 3, window: 100)
        for time in [0, 10, 20] as [Int64] {
            #expect(budget.allowed(from: time) == time)
            budget.use(at: time)
        }
        #expect(budget.allowed(from: 21) == 100)
        #expect(budget.allowed(from: 100) == 100)
        #expect(budget.allowed(from: 500) == 500)
        budget.use(at: 100)
        #expect(budget.allowed(from: 100) == 110)
    }

    @Test func neverMoreThanAllowedInAnyWindow() {
        var random = Seeded.start()
        for _ in 0..<50 {
            let attempts = random.int(1...10)
            let window = Int64(random.int(1...1_000))
            var budget = AttemptBudget(attempts: attempts, window: window)
            var now: Int64 = 0
            var used: [Int64] = []
            for _ in 0..<300 {
                now = budget.allowed(from: now + Int64(random.once(in: 3) ? random.int(0...200) : 0))
                budget.use(at: now)
                used.append(now)
            }
            let close = zip(used, used.dropFirst(attempts)).filter { $1 - $0 < window }
            #expect(close.isEmpty, "seed \(random.seed)")
        }
    }
}

@Suite struct RequestBudgetTests {
    @Test func aBurstThenOneEveryInterval() {
        var budget = RequestBudget(burst: 3, interval: 10)
        var times: [Int64] = []
        var now: Int64 = 1_000
        for _ in 0..<6 {
            now = budget.allowed(from: now)
            budget.use(at: now)
            times.append(now)
        }
        #expect(times == [1_000, 1_000, 1_000, 1_010, 1_020, 1_030])
        // A long rest fills it again, and not beyond the burst.
        now = 5_000
        times = []
        for _ in 0..<4 {
            now = budget.allowed(from: now)
            budget.use(at: now)
            times.append(now)
        }
        #expect(times == [5_000, 5_000, 5_000, 5_010])
    }

    @Test func aPauseIsKept() {
        var budget = RequestBudget(burst: 3, interval: 10)
        budget.pause(until: 500)
        #expect(budget.allowed(from: 0) == 500)
        budget.use(at: 500)
        #expect(budget.allowed(from: 500) == 510)
        budget.pause(until: 400)
        #expect(budget.allowed(from: 500) == 510)
        var single = RequestBudget(burst: 1, interval: 10)
        #expect(single.allowed(from: -5) == -5)
        single.use(at: -5)
        #expect(single.allowed(from: -5) == 5)
        single.pause(until: 100)
        #expect(single.allowed(from: 5) == 100)
    }

    @Test func neverMoreThanAllowedInAnyTime() {
        var random = Seeded.start()
        for _ in 0..<50 {
            let burst = random.int(1...8)
            let interval = Int64(random.int(1...50))
            var budget = RequestBudget(burst: burst, interval: interval)
            var now: Int64 = 0
            var used: [Int64] = []
            for _ in 0..<200 {
                now = budget.allowed(from: now + Int64(random.once(in: 4) ? random.int(0...300) : 0))
                budget.use(at: now)
                used.append(now)
            }
            for count in [burst, burst + 1, burst + 5, burst + 20] {
                // `count + 1` requests span at least so many intervals.
                let least = Int64(count + 1 - burst) * interval
                #expect(zip(used, used.dropFirst(count)).allSatisfy { $1 - $0 >= least }, "seed \(random.seed)")
            }
        }
    }
}
