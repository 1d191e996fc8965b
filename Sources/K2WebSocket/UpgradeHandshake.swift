import K2Bytes

/// The opening handshake (RFC 6455, section 4): what a client asks, and what it accepts as the answer.
enum UpgradeHandshake {
    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// 16 random bytes in Base64 (section 4.1, item 7).
    static func randomKey() -> String { Base64.text(of: (0..<16).map { _ in UInt8.random(in: 0...255) }) }

    /// The value of `Sec-WebSocket-Accept` for a key (section 4.2.2, item 5.4).
    static func accept(for key: String) -> String { Base64.text(of: SHA1.digest(of: Array((key + guid).utf8))) }

    static func request(for endpoint: WebSocketEndpoint, key: String, userAgent: String) -> String {
        "GET \(endpoint.target) HTTP/1.1\r\nHost: \(endpoint.authority)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n\(agentLine(userAgent))\r\n"
    }

    /// RFC 9110, section 9.3.6.
    static func connectRequest(for endpoint: WebSocketEndpoint, through proxy: ProxyAddress, userAgent: String) -> String {
        let authorization = proxy.authorization.map { "Proxy-Authorization: \($0)\r\n" } ?? ""
        return "CONNECT \(endpoint.hostAndPort) HTTP/1.1\r\nHost: \(endpoint.hostAndPort)\r\n\(authorization)\(agentLine(userAgent))\r\n"
    }

    /// nil when the answer opens the WebSocket; otherwise why it does not. `now`: microseconds since 1970.
    static func refusal(_ head: ResponseHead, key: String, now: Int64) -> WebSocketEnd? {
        guard head.status == 101 else {
            return .refused(status: head.status, retryAfter: head["retry-after"].flatMap { RetryAfter.parse($0, now: now) })
        }
        guard head["upgrade"]?.lowercased() == "websocket", head.lists("upgrade", in: "connection") else {
            return .protocolError("status 101 without the headers of a WebSocket upgrade")
        }
        guard head["sec-websocket-accept"] == accept(for: key) else {
            return .protocolError("Sec-WebSocket-Accept does not fit the key that was sent")
        }
        for name in ["sec-websocket-extensions", "sec-websocket-protocol"] where head[name]?.isEmpty == false {
            return .protocolError("the server chose what was not offered: \(name)")
        }
        return nil
    }

    private static func agentLine(_ agent: String) -> String {
        let safe = String(decoding: agent.utf8.filter { $0 >= 0x20 && $0 < 0x7f }, as: UTF8.self)
        return safe.isEmpty ? "" : "User-Agent: \(safe)\r\n"
    }
}
