import K2HTTP
import Testing

@Suite struct HTTPResponseTests {
    private static func wait(_ value: String?) -> Int? {
        HTTPResponse(status: 429, headers: value.map { [("retry-After", $0)] } ?? []).retryAfter(now: 784_111_770)
    }

    @Test(arguments: [
        ("0", 0), ("120", 120), ("99999999999999999999999", Int.max),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 7), ("Sunday, 06-Nov-94 08:49:37 GMT", 7), ("Sun Nov  6 08:49:37 1994", 7),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
    ])
    func retryAfterIsSecondsOrADate(_ text: String, _ seconds: Int) { #expect(Self.wait(text) == seconds) }

    @Test func somethingElseSaysNothing() {
        for text in [nil, "", "soon", "-5", "1.5.5 s"] { #expect(Self.wait(text) == nil) }
    }
}
