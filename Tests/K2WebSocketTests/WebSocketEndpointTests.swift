import K2WebSocket
import Testing

@Suite struct WebSocketEndpointTests {
    @Test(arguments: [
        ("ws://example.com", false, "example.com", 80, "/"),
        ("wss://example.com", true, "example.com", 443, "/"),
        ("WSS://Example.COM:9443/ws/btcusdt@trade?x=1&y=%20", true, "example.com", 9443, "/ws/btcusdt@trade?x=1&y=%20"),
        ("ws://127.0.0.1:1?a=/b", false, "127.0.0.1", 1, "/?a=/b"),
        ("ws://[::1]:65535/", false, "::1", 65_535, "/"),
        ("wss://[2001:db8::1]/x", true, "2001:db8::1", 443, "/x"),
    ] as [(String, Bool, String, Int, String)])
    func readsAddresses(url: String, isSecure: Bool, host: String, port: Int, target: String) throws {
        let endpoint = try WebSocketEndpoint(url)
        #expect(endpoint.isSecure == isSecure)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.target == target)
    }

    @Test(arguments: [
        "", "ws", "ws:", "ws://", "ws:///x", "http://example.com", "example.com", "ws:/example.com", "ws://:80/", "ws://h:/", "ws://h:0/",
        "ws://h:65536/", "ws://h:+1/", "ws://h:8a/", "ws://a b/", "ws://h/a b", "ws://h/\r\nX: y",
        "ws://žluť/", "ws://[::1/", "ws://[]/", "ws://[::1]x/",
        "ws://u@h/", "ws://u:p@h/", "ws://h/#x", "ws://h#x", "ws://h:1:2/", "ws://<h>/",
    ])
    func refusesOthers(url: String) { #expect(throws: EndpointError.self) { try WebSocketEndpoint(url) } }

    @Test func saysWhatWasExpected() {
        #expect { try WebSocketEndpoint("http://example.com/") } throws: { "\($0)" == "expected ws://… or wss://…, found http://example.com/" }
        #expect { try WebSocketEndpoint("ws://me:secret@example.com/") } throws: {
            "\($0)" == "expected ws://… or wss://… without a user, found ws://…@example.com/"
        }
    }
}
