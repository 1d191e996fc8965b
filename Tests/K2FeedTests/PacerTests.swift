import K2Domain
import Testing

@testable import K2Feed

@Suite struct PacerTests {
    @Test(arguments: [("max", ReplaySpeed.max), ("1", .factor(1)), ("0.5", .factor(0.5)), ("1000000", .factor(1_000_000))])
    func readsSpeeds(_ text: String, _ speed: ReplaySpeed) {
        #expect(ReplaySpeed(text) == speed)
    }

    @Test(arguments: ["", "0", "-1", "nan", "inf", "1000001", "fast", "1x"])
    func refusesSpeeds(_ text: String) {
        #expect(ReplaySpeed(text) == nil)
    }

    @Test func keepsTheRecordedSpacing() {
        var pacer = Pacer(speed: .factor(1))
        #expect(pacer.due(Timestamp(microseconds: 5_000_000), now: 100) == 100)
        #expect(pacer.due(Timestamp(microseconds: 5_000_300), now: 110) == 400)
        // A slow reader does not shift the records after it.
        #expect(pacer.due(Timestamp(microseconds: 5_001_000), now: 90_000) == 1_100)
    }

    @Test func scalesIt() {
        var pacer = Pacer(speed: .factor(10))
        #expect(pacer.due(Timestamp(microseconds: 0), now: 0) == 0)
        #expect(pacer.due(Timestamp(microseconds: 1_000_000), now: 0) == 100_000)
        var slow = Pacer(speed: .factor(0.5))
        #expect(slow.due(Timestamp(microseconds: 0), now: 0) == 0)
        #expect(slow.due(Timestamp(microseconds: 1_000_000), now: 0) == 2_000_000)
    }

    @Test func startsAnewWhereTimeGoesBack() {
        var pacer = Pacer(speed: .factor(1))
        #expect(pacer.due(Timestamp(microseconds: 9_000_000), now: 0) == 0)
        #expect(pacer.due(Timestamp(microseconds: 1_000_000), now: 50) == 50)
        #expect(pacer.due(Timestamp(microseconds: 1_000_100), now: 60) == 150)
    }

    @Test func manyCenturiesDoNotOverflow() {
        var pacer = Pacer(speed: .factor(0.000_001))
        #expect(pacer.due(Timestamp(microseconds: 0), now: 0) == 0)
        #expect(pacer.due(Timestamp(microseconds: 253_402_300_799_999_999), now: 0) > 1_000_000_000_000_000)
    }

    @Test func maxIsAlwaysNow() {
        var pacer = Pacer(speed: .max)
        #expect(!pacer.needsTimes)
        #expect(pacer.due(Timestamp(microseconds: 9_000_000), now: 7) == 7)
    }
}
