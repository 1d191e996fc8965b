import Testing

@testable import K2WebSocket

@Suite struct UpgradeHandshakeTests {
    @Test func provesTheKeyAsInTheRFC() {
        #expect(UpgradeHandshake.accept(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    ])
    func digestsAsInTheRFC(text: String, hex: String) {
        let digits = SHA1.digest(of: Array(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(digits == hex)
    }

    @Test func keysAreSixteenBytesAndNew() {
        let keys = (0..<8).map { _ in UpgradeHandshake.randomKey() }
        #expect(keys.allSatisfy { $0.count == 24 && $0.hasSuffix("==") })
        #expect(Set(keys).count == 8)
    }

    @Test func asksAsTheRFCSays() throws {
        let request = UpgradeHandshake.request(for: try WebSocketEndpoint("wss://[::1]:444/x?y"), key: "KEY", userAgent: "k2\r\nX: y")
        #expect(
            request == "GET /x?y HTTP/1.1\r\nHost: [::1]:444\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\nUser-Agent: k2X: y\r\n\r\n")
        #expect(UpgradeHandshake.request(for: try WebSocketEndpoint("ws://h"), key: "", userAgent: "").contains("Host: h\r\n"))
    }

    private func refusal(_ status: String, _ headers: String) -> WebSocketEnd? {
        var reader = HeadReader()
        let text = Array("HTTP/1.1 \(status)\r\n\(headers)\r\n".utf8)
        return text.withUnsafeBytes { bytes in
            var input = bytes
            guard case .head(let head) = reader.read(&input) else { return .protocolError("no head") }
            return UpgradeHandshake.refusal(head, key: "dGhlIHNhbXBsZSBub25jZQ==", now: 0)
        }
    }

    @Test func judgesTheAnswer() {
        let good = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        #expect(refusal("101 Switching Protocols", good) == nil)
        #expect(refusal("101", good) == nil)
        #expect(refusal("101 x", good + "Sec-WebSocket-Extensions: permessage-deflate\r\n") != nil)
        #expect(refusal("101 x", good + "Sec-WebSocket-Protocol: v1\r\n") != nil)
        #expect(refusal("101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\n") != nil)
        #expect(refusal("101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n") != nil)
        #expect(refusal("101 x", "") == .protocolError("status 101 without the headers of a WebSocket upgrade"))
        #expect(refusal("429 Too Many", "Retry-After:  7 \r\n") == .refused(status: 429, retryAfter: 7_000_000))
        #expect(refusal("302 Found", "Location: /\r\n") == .refused(status: 302, retryAfter: nil))
    }
}
