import Foundation
import Glibc
import K2TestSupport
import Testing

/// The capture itself is killed, stopped and started again: nothing is lost without a word.
@Suite struct ProcessDrills {
    @Test(arguments: FaultDrills.exchanges) func `killed at random moments`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            var random = Seeded.start("killed at random moments \(exchange)")
            let plan = LiveDrill.Plan(exchange: exchange, rate: "4000", trades: 48_000, faults: ["gap", "drop"], faultEvery: "1500ms", seed: random.seed)
            let drill = try await LiveDrill(plan)
            try drill.start()
            try await drill.waitForState()
            for _ in 0..<5 {
                try await Task.sleep(for: .milliseconds(random.int(100...2_500)))
                #expect(try await drill.stop(SIGKILL) == 137, "seed \(random.seed)")
                try drill.cutTornLine()
                if random.once(in: 2) { try await Task.sleep(for: .milliseconds(random.int(0...800))) }
                try drill.start()
            }
            try await drill.settle()
            try await drill.finish()
        }
    }

    /// The spool has what the reader did not take when the feed is killed.
    @Test(arguments: ["binance", "kraken"]) func `killed while the reader stands still`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            var random = Seeded.start("killed while the reader stands still \(exchange)")
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, rate: "5000", trades: 50_000, seed: random.seed))
            let reader = try await DrillReader(drill)
            try drill.start(output: ">pipe")
            try await drill.waitForTrades(5_000)
            reader.process.send(SIGSTOP)
            for _ in 0..<4 {
                try await Task.sleep(for: .milliseconds(random.int(1_200...2_500)))
                #expect(try await drill.stop(SIGKILL) == 137)
                // What is in the pipe stays there: the reader has it open, and so have we.
                try drill.start(output: ">pipe")
            }
            reader.process.send(SIGCONT)
            try await drill.settle()
            try await drill.stop()
            try await reader.end()
            try await drill.finish()
        }
    }

    @Test(arguments: [(SIGTERM, Int32(143)), (SIGINT, Int32(130))]) func `asked to stop and started again`(_ signal: Int32, _ status: Int32) async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "kraken", rate: "4000", trades: 32_000))
            try drill.start()
            try await drill.waitForTrades(5_000)
            for _ in 0..<3 {
                #expect(try await drill.stop(signal) == status, "\(drill.errors)")
                try await Task.sleep(for: .milliseconds(500))
                try drill.start()
                try await Task.sleep(for: .milliseconds(1_000))
            }
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    @Test func `a second signal ends it at once`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "binance", rate: "8000", trades: 60_000))
            let reader = try await DrillReader(drill)
            try drill.start(output: ">pipe")
            try await drill.waitForTrades(4_000)
            reader.process.send(SIGSTOP)
            try await Task.sleep(for: .milliseconds(2_000))
            drill.feed?.send(SIGTERM)
            try await Task.sleep(for: .milliseconds(100))
            let before = ContinuousClock.now
            #expect(try await drill.stop(SIGTERM) == 143)
            #expect(ContinuousClock.now - before < .seconds(1.5), "the first signal waits two seconds for the reader")
            try drill.start(output: ">pipe")
            reader.process.send(SIGCONT)
            try await drill.settle()
            try await drill.stop()
            try await reader.end()
            try await drill.finish()
        }
    }

    @Test(arguments: ["binance", "coinbase"]) func `stopped for half a minute`(_ exchange: String) async throws {
        let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, rate: "4000", trades: 40_000, faults: ["drop"], faultEvery: "2s"))
        try drill.start()
        try await drill.waitForTrades(8_000)
        drill.feed?.send(SIGSTOP)
        try await Task.sleep(for: .seconds(30))
        drill.feed?.send(SIGCONT)
        try await drill.settle()
        try await drill.finish()
    }

    @Test func `the reader stops for half a minute`() async throws {
        let drill = try await LiveDrill(LiveDrill.Plan(exchange: "binance", rate: "2000", trades: 70_000))
        let reader = try await DrillReader(drill)
        try drill.start(output: ">pipe")
        try await drill.waitForTrades(4_000)
        reader.process.send(SIGSTOP)
        try await Task.sleep(for: .seconds(30))
        #expect(drill.spooledFiles > 0, "the spool takes what the reader does not")
        reader.process.send(SIGCONT)
        try await drill.settle()
        try await drill.stop()
        try await reader.end()
        let comparison = try await drill.finish()
        #expect(comparison.lost == 0)
        #expect(try drill.isInOrder("raw"), "records are delivered in the order of their receipt")
    }

    @Test func `k2-normalize as the reader stops`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "coinbase", rate: "5000", trades: 60_000))
            let reader = try await DrillReader(drill, tool: "k2-normalize", to: "normalized")
            try drill.start(output: ">pipe")
            try await drill.waitForTrades(5_000)
            reader.process.send(SIGSTOP)
            try await Task.sleep(for: .seconds(6))
            reader.process.send(SIGCONT)
            try await drill.settle()
            try await drill.stop()
            try await reader.end()
            let comparison = try await drill.finish("normalized", isNormalized: true)
            #expect(comparison.lost == 0)
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `the reader is killed`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, rate: "4000", trades: 30_000))
            for _ in 0..<2 {
                let reader = try await DrillReader(drill)
                try drill.start(output: ">pipe")
                try await drill.waitForTrades(try drill.stats().trades + 5_000)
                reader.process.send(SIGKILL)
                #expect(try await drill.ended() == 0, "a reader that leaves is no failure: \(drill.errors)")
                try await reader.end()
                try drill.cutTornLine()
            }
            try drill.start()
            try await drill.settle()
            try await drill.finish()
        }
    }

    /// Without state it begins anew: only what it printed counts.
    @Test func `stdout is closed at the start`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "kraken", rate: "3000", trades: 12_000))
            try drill.start(output: ">&-")
            try await drill.waitForTrades(6_000)
            #expect(try await drill.stop() == 143, "\(drill.errors)")
            #expect(drill.errors.contains("stdout: cannot write"), "\(drill.errors)")
            try drill.start()
            try await drill.settle()
            try await drill.finish()
        }
    }
}
