import Testing

@testable import K2ClickHouse

@Suite struct ClickHouseAddressTests {
    @Test func oneHost() throws {
        let address = try ClickHouseAddress("http://127.0.0.1:8123")
        #expect(address.hosts == ["http://127.0.0.1:8123"] && address.user == nil && address.password == nil && address.database == "k2")
        #expect(try ClickHouseAddress("ch").hosts == ["http://ch:8123"])
        #expect(try ClickHouseAddress("https://ch/market").hosts == ["https://ch:8443"])
        #expect(try ClickHouseAddress("https://ch/market").database == "market")
        #expect(try ClickHouseAddress("http://[::1]:9000/").hosts == ["http://[::1]:9000"])
        #expect(try ClickHouseAddress("http://[::1]").hosts == ["http://[::1]:8123"])
    }

    @Test func userAndPassword() throws {
        let address = try ClickHouseAddress("https://loader:p%40ss%2Fw%3Ard@ch:8443/k2")
        #expect(address.user == "loader" && address.password == "p@ss/w:rd" && address.hosts == ["https://ch:8443"])
        #expect(try ClickHouseAddress("http://loader@ch").password == nil)
        #expect(try ClickHouseAddress("http://a:100%@ch").password == "100%")
    }

    @Test func severalHosts() throws {
        let address = try ClickHouseAddress("https://u:p@ch1,ch2:9443, ch3/market")
        #expect(address.hosts == ["https://ch1:8443", "https://ch2:9443", "https://ch3:8443"])
        #expect(address.user == "u" && address.database == "market")
    }

    @Test(arguments: ["", "ftp://ch", "http://", "http://ch:0", "http://ch:99999", "http://ch:x", "http://a,,b", "http://ch/a-b", "http://ch/a,ch2/b", "http://a:1@x,b:2@y"])
    func malformed(_ text: String) { #expect(throws: ClickHouseAddress.Malformed.self) { try ClickHouseAddress(text) } }

    @Test func errorsDoNotShowPasswords() {
        for text in ["http://u:secret@ch:x", "http://u:secret@", "http://u:secret@ch,v:secret@d", "ftp://u:secret@ch", "http://u:12/secret@h/k2", "http://u:se/secret9@h", "http://u:12#secret@h/k2", "http://u:1?secret@h", "u:secret://h"] {
            do { _ = try ClickHouseAddress(text) } catch { #expect(!"\(error)".contains("secret"), "\(text)") }
        }
    }
}
