import Testing

@testable import K2WebSocket

@Suite struct HTTPDateTests {
    /// 2026-11-26T09:00:00Z
    private let now: Int64 = 1_795_683_600_000_000

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 23:59:60 GMT", 951_868_800), ("Thu, 26 Nov 2026 09:00:00 GMT", 1_795_683_600),
        ("Wednesday, 01-Jan-76 00:00:00 GMT", 3_345_062_400),
    ] as [(String, Int64)])
    func readsTheThreeForms(text: String, seconds: Int64) { #expect(HTTPDate.parse(text, now: now) == seconds * 1_000_000) }

    @Test(arguments: [
        "", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 199 08:49:37 GMT", "-1",
    ])
    func refusesOthers(text: String) { #expect(HTTPDate.parse(text, now: now) == nil) }

    @Test func retryAfterIsATimeToWait() {
        #expect(RetryAfter.parse("120", now: now) == 120_000_000)
        #expect(RetryAfter.parse("0", now: now) == 0)
        #expect(RetryAfter.parse("9999999999999999", now: now) == Int64.max)
        #expect(RetryAfter.parse("Thu, 26 Nov 2026 09:01:30 GMT", now: now) == 90_000_000)
        #expect(RetryAfter.parse("Thu, 26 Nov 2026 08:01:30 GMT", now: now) == 0)
        #expect(RetryAfter.parse("-5", now: now) == nil)
        #expect(RetryAfter.parse("", now: now) == nil)
    }
}
