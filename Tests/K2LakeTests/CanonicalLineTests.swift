import K2Bytes
import K2Exchanges
import Testing

@testable import K2Lake
@testable import K2Normalize

/// Trade lines in our own form take a short way; what comes out must not depend on it.
struct CanonicalLineTests {
    @Test func `the short way and the general one store the same`() throws {
        var random = LakeRandom.start()
        var normalizer = Normalizer(catalog: InstrumentCatalog.bundled(), writesBronze: false, gapPatience: .max / 4)
        var output = ByteWriter(capacity: 1 << 16)
        for id in 0..<600 { normalizer.process(Array(random.wireTrade(id).raw.utf8).span, into: &output) }
        let lines = output.bytes.text.split(separator: "\n").map(String.init)
        #expect(lines.count > 100)
        // Members that a canonical line may have with values that the column refuses.
        let spoiled = lines.flatMap { line -> [String] in
            let (from, to) = random.pick([
                ("\"price\":\"", "\"price\":\"x"), ("\"price\":\"", "\"price\":\"9999999999999999999999999999999"), ("\"timestamp\":\"", "\"timestamp\":\"9"),
                ("\"message_id\":\"", "\"message_id\":\"-"), ("\"source_sequence\":", "\"source_sequence\":99999999999999999999"), ("\"exchange\":\"", "\"exchange\":\"x"),
            ])
            guard random.chance(30), let place = line.firstRange(of: from) else { return [line] }
            return [line.replacingCharacters(in: place, with: to), line]
        }
        let short = try LakeFixture()
        let general = try LakeFixture()
        let one = try short.load(spoiled, commitEvery: 97)
        let two = try general.load(spoiled.map { "{ " + $0.dropFirst() }, commitEvery: 97)
        #expect(one.stats == two.stats && one.refused.map(\.line) == two.refused.map(\.line), "seed \(random.seed)")
        #expect(one.refused.map(\.reason) == two.refused.map(\.reason), "seed \(random.seed)")
        #expect(one.reports.map(\.batchID) == two.reports.map(\.batchID) && one.stats.rejected > 10, "seed \(random.seed)")
        #expect(try short.rows("silver_trades") == general.rows("silver_trades"), "seed \(random.seed)")
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
