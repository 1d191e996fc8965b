import K2CLI
import Testing

@Suite struct DurationArgumentTests {
    @Test(arguments: [
        ("0s", 0), ("1ms", 1_000), ("250ms", 250_000), ("2s", 2_000_000), ("10m", 600_000_000), ("1h", 3_600_000_000), ("7d", 604_800_000_000),
        ("007s", 7_000_000), ("36500d", 3_153_600_000_000_000),
    ] as [(String, Int64)])
    func readsNumberAndUnit(text: String, microseconds: Int64) throws {
        let duration = try #require(DurationArgument(argument: text))
        #expect(duration.microseconds == microseconds)
        #expect(duration.description == text)
    }

    @Test(arguments: [
        "", "s", "10", "1.5s", "-1s", "+1s", " 1s", "1 s", "1s ", "1S", "1w", "ms", "1us", "0x1s", "999999999999s", "99999999999999999999s", "36501d",
        "106751991d", "１s",
    ])
    func refusesOtherTexts(text: String) { #expect(DurationArgument(argument: text) == nil, "\(text)") }
}
