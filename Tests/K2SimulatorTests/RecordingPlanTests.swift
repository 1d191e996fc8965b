import K2Domain
import K2Simulator
import Testing

@Suite struct RecordingPlanTests {
    private func error(_ make: () throws -> RecordingPlan) -> String {
        do {
            _ = try make()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func refusesWhatIsOutOfRange() {
        #expect(error { try RecordingPlan(format: .krakenV2, trades: 0) } == "--trades: expected 1 to 1000000000, found 0")
        #expect(error { try RecordingPlan(format: .krakenV2, trades: -5) } == "--trades: expected 1 to 1000000000, found -5")
        #expect(
            error { try RecordingPlan(format: .krakenV2, trades: 1, rate: 0) } == "--rate: expected 1 to 1000000 trades a second, found 0")
        #expect(
            error { try RecordingPlan(format: .krakenV2, trades: 1, firstID: 0) } == "--first-id: expected 1 to 4611686018427387904, found 0")
        #expect(
            error { try RecordingPlan(format: .krakenV2, trades: 1, start: Timestamp(microseconds: -1)) }
                == "--start: expected a time in the years 1970 to 9899, found 1969-12-31T23:59:59.999999Z")
        #expect(
            error { try RecordingPlan(format: .krakenV2, trades: 1, symbols: ["BTC/USD", "BNB/USD"]) }
                == "--symbols: expected some of BTCUSD, ETHUSD, SOLUSD, XRPUSD, ADAUSD, DOTUSD, LINKUSD, DOGEUSD, LTCUSD, AVAXUSD, "
                + "ATOMUSD, found \"BNB/USD\"")
        #expect(error { try RecordingPlan(format: .krakenV2, trades: 1, symbols: []) } == "--symbols: expected at least one symbol, found none")
    }

    @Test func takesSymbolsInAllTheirSpellings() throws {
        for name in ["BTC/USD", "XBT/USD", "btcusd", "BTC-USD"] {
            let plan = try RecordingPlan(format: .krakenV2, trades: 50, symbols: [name], wantsTruth: true)
            #expect(Set(try ReadRecording(plan).sent.map(\.symbol)) == ["BTCUSD"])
        }
        let plan = try RecordingPlan(format: .krakenV1, trades: 200, symbols: ["DOGE/USD", "XDG/USD", "ETH/USD"], wantsTruth: true)
        #expect(Set(try ReadRecording(plan).sent.map(\.symbol)) == ["DOGEUSD", "ETHUSD"])
    }

    @Test func coversTheSymbolsOfTheOldPlatform() throws {
        let bases: Set = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LINK", "DOGE", "LTC", "AVAX", "ATOM"]
        let binance = try ReadRecording(try RecordingPlan(format: .binanceCombined, trades: 5_000, wantsTruth: true))
        #expect(Set(binance.sent.map(\.symbol)) == Set(bases.union(["BNB"]).map { $0 + "USDT" }))
        for format in [WireFormat.krakenV2, .coinbaseAdvanced] {
            let recording = try ReadRecording(try RecordingPlan(format: format, trades: 5_000, wantsTruth: true))
            #expect(Set(recording.sent.map(\.symbol)) == Set(bases.map { $0 + "USD" }))
        }
    }

    @Test func readsFaultLists() throws {
        #expect(try Faults(list: "gap") == .gap)
        #expect(try Faults(list: "duplicates,reorder,gap,late") == [.duplicates, .reorder, .gap, .late])
        for wrong in ["", "gap,", "gaps", "gap, late"] {
            #expect(throws: SimulationError.self) { try Faults(list: wrong) }
        }
    }

    @Test func formatNamesAreUniqueWithinAnExchange() {
        for exchange in Exchange.allCases {
            let names = WireFormat.formats(of: exchange).map(\.name)
            #expect(Set(names).count == names.count && names.contains("rest"))
        }
    }
}
