import Foundation
import Glibc
import K2TestSupport
import Testing

/// What happened while nobody captured, and the other verbs: `fill`, `instruments`, `replay`.
@Suite struct RestartDrills {
    /// The market ends during the pause: nothing on the stream shows that trades are missing.
    @Test(arguments: FaultDrills.exchanges) func `a pause is filled, also of symbols that fell silent`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, rate: "2000", trades: 10_000))
            try drill.start()
            try await drill.waitForState()
            try await drill.waitForTrades(5_000)
            try await drill.stop()
            try await Poll.until("the market has ended", within: 30) { try drill.stats().finished }
            try drill.start()
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `a symbol left out for one run is filled when it is asked for again`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let names = exchange == "binance" ? ["BTCUSDT", "ETHUSDT"] : ["BTCUSD", "ETHUSD"]
            var plan = LiveDrill.Plan(exchange: exchange, rate: "2000", trades: 16_000)
            plan.sim += ["--symbols", names.joined(separator: ",")]
            let drill = try await LiveDrill(plan)
            try drill.start(["--symbols", names.joined(separator: ",")])
            try await drill.waitForTrades(3_000)
            try await drill.stop()
            let before = try drill.captured(names[1])
            try drill.start(["--symbols", names[0]])
            try await drill.waitForTrades(6_000)
            try await drill.stop()
            #expect(try drill.captured(names[1]) == before)
            try drill.start(["--symbols", names.joined(separator: ",")])
            try await drill.settle()
            let comparison = try await drill.finish()
            #expect(comparison.lost == 0)
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `a recording has the same trades, also after kill -9`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, rate: "3000", trades: 18_000, faults: ["gap"], faultEvery: "500ms"))
            try drill.start(["--record", "recording"])
            try await drill.waitForState()
            try await drill.waitForTrades(6_000)
            try await drill.stop(SIGKILL)
            try drill.cutTornLine()
            try drill.start(["--record", "recording"])
            try await drill.settle()
            try await drill.finish()
            let replay = try ToolProcess.shell(
                "k2-feed replay $(ls recording/\(exchange)/*.gz) > replayed", environment: drill.environment, directory: drill.folder.path)
            #expect(replay.status == 0, "\(replay.stderr)")
            // The last second before a kill is in the output and not in the recording.
            let (all, recorded) = (try drill.lines("raw"), try drill.lines("replayed"))
            #expect(recorded.isSubset(of: all), "what is recorded was printed")
            #expect(all.count - recorded.count < all.count / 3, "\(recorded.count) of \(all.count)")
        }
    }

    // MARK: fill

    private func history(_ exchange: String, faults: [String] = []) async throws -> LiveDrill {
        var plan = LiveDrill.Plan(exchange: exchange, rate: "20000", trades: 4_000, faults: faults, faultEvery: "50ms")
        plan.sim += ["--history", "3000"]
        let drill = try await LiveDrill(plan)
        _ = try drill.control("open")
        try await Poll.until("the market has ended", within: 30) { try drill.stats().finished }
        return drill
    }

    private func fill(_ drill: LiveDrill, _ arguments: [String]) throws -> ToolResult {
        let result = try ToolProcess.run(
            "k2-feed", ["fill", drill.plan.exchange, "--rest-endpoint", "http://127.0.0.1:\(drill.port)", "--rest-interval", "5ms"] + arguments,
            environment: drill.environment, directory: drill.folder.path, seconds: 60)
        _ = try drill.folder.file("raw", result.stdout)
        return result
    }

    @Test(arguments: FaultDrills.exchanges) func `fill fetches a range`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await history(exchange)
            let truth = try DrillTruth(drill.folder.path + "/truth")
            let symbol = exchange == "binance" ? "BTCUSDT" : "BTCUSD"
            let ids = try #require(truth.trades[symbol]).keys.sorted()
            let (first, last) = (ids[100], ids[ids.count - 100])
            let time = try #require(truth.trades[symbol]?[ids[90]]).trade.time
            let result = try fill(
                drill,
                ["--symbol", symbol, "--from-id", "\(first)", "--to-id", "\(last)"]
                    + (exchange == "kraken" ? ["--after", String(decoding: time, as: UTF8.self)] : []))
            #expect(result.status == 0, "\(result.stderr)")
            let comparison = DrillComparison(
                truth, raw: result.stdout, trades: try drill.normalize(), symbols: [symbol], partly: [symbol])
            #expect(comparison.problems == [])
            #expect(comparison.captured >= Int(last - first + 1))
            #expect(comparison.ledger.state(symbol, first) == .filled && comparison.ledger.state(symbol, last) == .filled)
        }
    }

    @Test(arguments: FaultDrills.exchanges) func `fill reads a ledger, and says what is lost`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await history(exchange, faults: ["lost"])
            let truth = try DrillTruth(drill.folder.path + "/truth")
            let (symbol, trades) = try #require(truth.trades.first { $0.value.contains { $0.value.kind == .lost } })
            let all = trades.keys.sorted()
            let gone = try #require(trades.filter { $0.value.kind == .lost }.keys.max())
            // From a little before the last lost trade to the end but one: the rest can be had.
            let place = try #require(all.firstIndex(of: gone))
            let (first, last) = (all[max(place - 3, 1)], all[all.count - 2])
            guard first < last else { return }
            let after = String(decoding: try #require(trades[all[max(place - 4, 0)]]).trade.time, as: UTF8.self)
            let record =
                "{\"kind\":\"gap\",\"exchange\":\"\(exchange)\",\"symbol\":\"\(symbol)\",\"first_missing\":\(first),\"last_missing\":\(last),"
                + "\"after_time\":\"\(after)\",\"state\":\"open\",\"cause\":\"stream\",\"detected_at\":\"2026-02-18T00:00:00.000000Z\"}\n"
            _ = try drill.folder.file("gaps.ndjson", Array(record.utf8))
            let result = try fill(drill, ["--ledger", "gaps.ndjson", "--refill-patience", "2s"])
            #expect(result.status == 3, "\(result.stderr)")
            #expect(result.stderr.contains("are lost"), "\(result.stderr)")
            let comparison = DrillComparison(truth, raw: result.stdout, trades: try drill.normalize(), symbols: [symbol], partly: [symbol])
            #expect(comparison.problems == [])
            #expect(comparison.ledger.state(symbol, gone) == .lost)
        }
    }

    // MARK: Names

    @Test(arguments: FaultDrills.exchanges) func `instruments can be read back`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, trades: 100))
            let listed = try ToolProcess.run(
                "k2-feed", ["instruments", exchange, "--rest-endpoint", "http://127.0.0.1:\(drill.port)"], environment: drill.environment)
            #expect(listed.status == 0 && listed.lines.count >= 11, "\(listed.stderr)")
            #expect(listed.lines.allSatisfy { $0.hasPrefix("{\"kind\":\"instrument\",\"exchange\":\"\(exchange)\",\"base\":\"") })
            let path = try drill.folder.file("instruments.ndjson", listed.stdout)
            try drill.start(environment: ["K2_INSTRUMENTS": path])
            try await drill.settle()
            try await drill.finish()
        }
    }

    @Test(arguments: [("binance", "BTCUSDX", "BTCUSDT"), ("kraken", "ETH/USX", "ETH/USD"), ("coinbase", "DOG-USD", "DOGE-USD")])
    func `a wrong name is told of with its neighbours`(_ exchange: String, _ wrong: String, _ right: String) async throws {
        let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, trades: 100))
        try drill.start(["--symbols", wrong])
        #expect(try await drill.ended() == 64)
        #expect(drill.errors.contains("no such instrument: \"\(wrong)\"") && drill.errors.contains(right), "\(drill.errors)")
    }

    /// Kraken and Coinbase say no, Binance takes any name and then sends nothing.
    @Test(arguments: FaultDrills.exchanges) func `a symbol is refused`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            var plan = LiveDrill.Plan(exchange: exchange, faults: ["refuse=DOGE" + (exchange == "binance" ? "USDT" : "USD"), "drop"], faultEvery: "2s")
            plan.without = [exchange == "binance" ? "DOGEUSDT" : "DOGEUSD"]
            let drill = try await LiveDrill(plan)
            try drill.start()
            try await drill.settle()
            if exchange != "binance" { #expect(drill.errors.contains("DOGE"), "\(drill.errors)") }
            try await drill.finish()
        }
    }
}
