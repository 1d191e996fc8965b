import K2CLI
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9100", "127.0.0.1", 9100), ("localhost:0", "localhost", 0), ("0.0.0.0:65535", "0.0.0.0", 65_535), ("[::1]:80", "::1", 80),
        ("[::]:9100", "::", 9100), ("[fe80::1%eth0]:1", "fe80::1%eth0", 1), ("a.b-c:080", "a.b-c", 80),
    ])
    func readsHostAndPort(_ text: String, _ host: String, _ port: Int) throws {
        let address = try ListenAddress.parse(text, flag: "--metrics-listen")
        #expect(address.host == host && address.port == port)
    }

    @Test(arguments: [
        "", ":", "9100", ":9100", "localhost", "localhost:", "localhost:65536", "localhost:-1", "localhost:+80", "localhost:80x", "localhost: 80",
        "::1", "::1:80", "[::1]", "[::1:80", "::1]:80", "[]:80", "[::1]80", "http://localhost:80", "localhost:99999999999999999999",
    ])
    func refusesOthers(_ text: String) {
        do throws(ToolFailure) {
            let address = try ListenAddress.parse(text, flag: "--metrics-listen")
            Issue.record("\(address)")
        } catch {
            #expect(error.status == .usage && error.message == "--metrics-listen: expected host:port, found \"\(text)\"")
        }
    }
}
