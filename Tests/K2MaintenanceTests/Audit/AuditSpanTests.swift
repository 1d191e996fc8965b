import K2Domain
import Testing

@testable import K2Maintenance

struct AuditSpanTests {
    private func time(_ text: String) -> Timestamp {
        let bytes = Array(text.utf8)
        return try! Timestamp(rfc3339: bytes.span)
    }

    private func span(days: Int? = nil, full: Bool = false, _ from: String? = nil, _ to: String? = nil) -> String {
        let found = AuditSpan.choose(days: days, full: full, from: from.map(time), to: to.map(time), now: time("2026-02-18T02:00:00.000001Z"))
        return "\(found.lowerBound.description.prefix(13)) \(found.upperBound.description.prefix(13))"
    }

    @Test func `the last 24 hours touch two days`() {
        #expect(span() == "2026-02-17T00 2026-02-19T00")
        #expect(span(days: 7) == "2026-02-11T00 2026-02-19T00")
    }

    @Test func `times become whole hours`() {
        #expect(span("2026-02-17T01:00:00.000000Z", "2026-02-17T02:00:00.000000Z") == "2026-02-17T01 2026-02-17T02")
        #expect(span("2026-02-17T01:59:00.000000Z", "2026-02-17T02:00:00.000001Z") == "2026-02-17T01 2026-02-17T03")
    }

    @Test func `everything`() {
        #expect(AuditSpan.choose(days: nil, full: true, from: nil, to: nil, now: time("2026-02-18T02:00:00.000000Z")) == AuditOptions.everything)
    }

    @Test(arguments: [
        (60, 0, 0), (60, 1, 60), (60, 59, 60), (60, 60, 60), (60, 61, 120), (86_400, 3_600, 86_400), (60, 999_999, 200_000),
    ])
    func `windows begin behind what may have left`(width: Int64, cutoff: Int64, first: Int64) {
        let range = Timestamp(microseconds: 0)..<Timestamp(microseconds: 200_000)
        #expect(CandleAudit.windows(range, width, after: Timestamp(microseconds: cutoff)).lowerBound.microseconds == first)
        #expect(CandleAudit.windows(range, width, after: Timestamp(microseconds: cutoff)).upperBound == range.upperBound)
    }
}
