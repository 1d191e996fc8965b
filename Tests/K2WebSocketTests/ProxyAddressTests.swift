import K2WebSocket
import Testing

@Suite struct ProxyAddressTests {
    @Test func readsAddresses() throws {
        let plain = try ProxyAddress("http://proxy.example:3128")
        #expect(plain.host == "proxy.example" && plain.port == 3128)
        #expect(try ProxyAddress("HTTP://[::1]/").port == 80)
        let named = try ProxyAddress("http://me:s%3Acret@proxy:8080/")
        #expect(named.host == "proxy" && named.port == 8080)
        #expect("\(named)" == "http://proxy:8080")
        #expect(named != (try ProxyAddress("http://me:other@proxy:8080/")))
    }

    @Test(arguments: [
        "", "proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://", "http://proxy:x",
        "http://proxy/path", "http://%zz@proxy",
    ])
    func refusesOthers(url: String) { #expect(throws: EndpointError.self) { try ProxyAddress(url) } }

    @Test func neverShowsThePassword() {
        #expect { try ProxyAddress("https://me:secret@proxy:1") } throws: {
            "\($0)" == "expected http://[user:password@]host:port as the proxy, found https://…@proxy:1"
        }
    }

    private func find(_ url: String, _ environment: [String: String]) throws -> String? {
        try ProxyAddress.find(for: WebSocketEndpoint(url)) { environment[$0] }.map { "\($0)" }
    }

    @Test func looksIntoTheEnvironment() throws {
        #expect(try find("wss://h", [:]) == nil)
        #expect(try find("wss://h", ["HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "http://b:2"]) == "http://a:1")
        #expect(try find("ws://h", ["HTTPS_PROXY": "http://a:1", "HTTP_PROXY": "http://b:2"]) == "http://b:2")
        #expect(try find("wss://h", ["https_proxy": "http://c:3", "HTTPS_PROXY": "http://a:1"]) == "http://c:3")
        #expect(try find("wss://h", ["HTTPS_PROXY": ""]) == nil)
        #expect { try find("wss://h", ["HTTPS_PROXY": "socks5://a:1"]) } throws: {
            "\($0)" == "HTTPS_PROXY: expected http://[user:password@]host:port as the proxy, found socks5://a:1"
        }
    }

    @Test(arguments: [
        ("wss://example.com", "example.com", true), ("wss://a.example.com", "example.com", true), ("wss://a.example.com", ".example.com", true),
        ("wss://example.com", ".example.com", true), ("wss://badexample.com", "example.com", false), ("wss://example.com", "*", true),
        ("wss://example.com", "other, EXAMPLE.com", true), ("wss://example.com", "example.com:443", true), 
        ("wss://example.com:1", "example.com:443", false),
        ("wss://127.0.0.1", "127.0.0.1", true), ("wss://[::1]", "::1", true), ("wss://[::1]:5", "[::1]:5", true), ("wss://[::1]:6", "[::1]:5", false),
        ("wss://example.com", "", false), ("wss://example.com", ",", false), ("wss://example.com", "com.", false),
    ])
    func honoursNoProxy(url: String, list: String, isDirect: Bool) throws {
        for name in ["NO_PROXY", "no_proxy"] {
            #expect(try find(url, ["HTTPS_PROXY": "http://a:1", name: list]) == (isDirect ? nil : "http://a:1"))
        }
    }
}
