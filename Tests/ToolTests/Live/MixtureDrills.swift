import Foundation
import K2TestSupport
import Testing

/// Many things going wrong at once, drawn at random: `K2_DRILL_SEEDS` names seeds, such as `17,18,19`, in place of new ones.
@Suite struct MixtureDrills {
    struct Mixture: Sendable, CustomTestStringConvertible {
        var exchange: String
        var seed: UInt64

        var testDescription: String { "\(exchange) seed \(seed)" }
    }

    static let mixtures: [Mixture] = {
        let asked = ProcessInfo.processInfo.environment["K2_DRILL_SEEDS"].map { $0.split(separator: ",").compactMap { UInt64($0) } }
        let seeds = asked ?? [UInt64.random(in: 1...999_999), UInt64.random(in: 1...999_999)]
        return seeds.flatMap { seed in FaultDrills.exchanges.map { Mixture(exchange: $0, seed: seed) } }
    }()

    /// Each costs a connection, and a longer pause before the next one than the one before: they are drawn rarely.
    private static let deadly = ["drop", "freeze", "half-open", "bad-frame", "shutdown=500ms"]
    /// The same for requests.
    private static let refusals = ["http-429=200ms", "http-418=300ms", "http-5xx", "http-drop", "http-slow=300ms"]
    private static let harmless = [
        "slow=1s", "error-frame", "garbage", "huge", "fragments", "skip", "gap", "lost", "duplicates", "reorder", "late=1s",
    ]
    private static let standing = ["late-ack=500ms", "rest-lag=1s"]

    @Test(arguments: mixtures) func `everything goes wrong`(_ mixture: Mixture) async throws {
        try await DrillSlots.shared.run {
            var random = Seeded(mixture.seed)
            var plan = LiveDrill.Plan(exchange: mixture.exchange, rate: "8000", trades: 80_000, seed: mixture.seed)
            let often = Self.harmless.shuffled(using: &random).prefix(random.int(5...8))
            plan.faults = [random.pick(Self.deadly), random.pick(Self.refusals)] + often + often
            plan.faults += random.once(in: 2) ? [random.pick(Self.standing)] : []
            plan.faultEvery = "\(random.int(250...400))ms"
            print("mixture: \(plan.description)")
            let drill = try await LiveDrill(plan)
            try drill.start()
            try await drill.settle(within: 120)
            try await drill.finish()
        }
    }
}
