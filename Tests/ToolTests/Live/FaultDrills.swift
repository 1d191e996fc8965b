import K2TestSupport
import Testing

/// Each thing that an exchange can do wrong, alone: the trades are all there, once, or a gap record says which are not.
@Suite struct FaultDrills {
    struct Case: Sendable, CustomTestStringConvertible {
        var exchange: String
        var faults: [String]
        var every: String
        var more: [String] = []

        var testDescription: String { "\(exchange) \(faults.joined(separator: ","))" }
    }

    static let exchanges = ["binance", "kraken", "coinbase"]

    private static func cases(_ faults: [String], every: String, more: [String] = []) -> [Case] {
        exchanges.map { Case(exchange: $0, faults: faults, every: every, more: more) }
    }

    static let connectionFaults =
        cases(["drop"], every: "900ms") + cases(["freeze"], every: "1500ms") + cases(["half-open"], every: "1500ms")
        + cases(["slow=1s"], every: "700ms") + cases(["shutdown=500ms"], every: "900ms") + cases(["error-frame"], every: "200ms")
        + cases(["garbage"], every: "200ms") + cases(["bad-frame"], every: "900ms") + cases(["huge"], every: "900ms")
        + cases(["fragments"], every: "100ms")

    static let marketFaults =
        cases(["skip"], every: "200ms") + cases(["gap"], every: "200ms") + cases(["lost"], every: "500ms")
        + cases(["duplicates"], every: "50ms") + cases(["reorder"], every: "50ms") + cases(["late=2s"], every: "100ms")

    /// A history that is asked for nothing shows no fault: trades are withheld beside it. The pauses after refusals double, so these are few:
    /// a name that stands there several times is drawn more often.
    private static func history(_ fault: String) -> [Case] { cases([fault, "gap", "gap", "gap", "gap"], every: "300ms") }

    static let historyFaults =
        history("http-429=300ms") + history("http-418=500ms") + history("http-5xx") + history("http-drop")
        + history("http-slow=400ms") + cases(["gap", "rest-lag=2s"], every: "150ms")
        + cases(["gap", "lost", "skip"], every: "300ms")

    static let sessionFaults =
        cases(["drop", "late-ack=1500ms"], every: "1500ms") + cases(["age=2s"], every: "1s")
        + cases(["drop", "refuse-connect=700ms"], every: "900ms")

    private func run(_ one: Case) async throws {
        try await DrillSlots.shared.run {
            let plan = LiveDrill.Plan(exchange: one.exchange, faults: one.faults, faultEvery: one.every, sim: ["--no-rest-limits"] + one.more)
            let drill = try await LiveDrill(plan)
            try drill.start()
            try await drill.settle()
            try await drill.finish()
        }
    }

    @Test(arguments: connectionFaults) func `a connection goes wrong`(_ one: Case) async throws { try await run(one) }
    @Test(arguments: historyFaults) func `the history goes wrong`(_ one: Case) async throws { try await run(one) }
    @Test(arguments: sessionFaults) func `connecting goes wrong`(_ one: Case) async throws { try await run(one) }
    @Test(arguments: marketFaults) func `the stream goes wrong`(_ one: Case) async throws { try await run(one) }
}
