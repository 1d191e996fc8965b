import Foundation
import K2Iceberg
import Testing

struct CatalogAddressTests {
    private func refused(_ url: String, _ environment: [String: String] = [:]) -> String? {
        #expect(throws: IcebergError.self) { try CatalogAddress(url: url) { environment[$0] } }.map { "\($0.code): \($0)" }
    }

    @Test(arguments: ["http://h:1/p", "http://h:1/p/", "http://h:1/p/v1", "http://h:1/p/v1/"]) func `the protocol's version is ours to add`(_ url: String) throws {
        #expect(try CatalogAddress(uri: url).uri == "http://h:1/p")
    }

    @Test func `everything comes from the environment`() throws {
        let environment = [
            "K2_CATALOG_WAREHOUSE": "w", "K2_CATALOG_TOKEN": "t", "K2_CATALOG_CREDENTIAL": "id:se:cret", "K2_CATALOG_SCOPE": "PRINCIPAL_ROLE:ALL",
            "K2_CATALOG_OAUTH2_URI": "https://login/token?x=1", "K2_CATALOG_ACCESS_DELEGATION": "vended-credentials",
        ]
        #expect(refused("https://c", environment) == "invalid: K2_CATALOG_OAUTH2_URI: expected neither user nor query in the url")
        let address = try CatalogAddress(url: "https://c") { $0.hasSuffix("OAUTH2_URI") ? "https://login/token" : environment[$0] }
        #expect(address.warehouse == "w" && address.token == "t" && address.scope == "PRINCIPAL_ROLE:ALL" && address.oauth2ServerURI == "https://login/token")
        #expect(address.credential?.id == "id" && address.credential?.secret == "se:cret" && address.accessDelegation == "vended-credentials")
        let plain = try CatalogAddress(url: "https://c") { $0 == "K2_CATALOG_CREDENTIAL" ? "alone" : "" }
        #expect(plain.warehouse == nil && plain.token == nil && plain.scope == "catalog" && plain.credential?.id == nil && plain.credential?.secret == "alone")
    }

    @Test func `secrets come from files as well, and are not printed`() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("k2-secret-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data("id:hush-hush\n".utf8).write(to: URL(fileURLWithPath: file))
        let address = try CatalogAddress(url: "https://c") { $0 == "K2_CATALOG_CREDENTIAL_FILE" ? file : nil }
        #expect(address.credential == CatalogAddress.Credential("id:hush-hush"))
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!"\(address) \(String(reflecting: address)) \(dumped) \(address.credential!)".contains("hush"))
        #expect(refused("https://c", ["K2_CATALOG_TOKEN": "a", "K2_CATALOG_TOKEN_FILE": file])
            == "invalid: K2_CATALOG_TOKEN and K2_CATALOG_TOKEN_FILE: expected one of the two")
        #expect(refused("https://c", ["K2_CATALOG_TOKEN_FILE": "/no/such"]) == "invalid: K2_CATALOG_TOKEN_FILE: /no/such: open: no such file or directory")
        try Data("two\nlines\n".utf8).write(to: URL(fileURLWithPath: file))
        #expect(refused("https://c", ["K2_CATALOG_TOKEN_FILE": file]) == "invalid: K2_CATALOG_TOKEN_FILE: \(file): expected one line")
    }

    @Test func `what is no address is refused without repeating it`() {
        #expect(refused("ftp://hush") == "invalid: catalog: expected http:// or https://")
        #expect(refused("http://") == "invalid: catalog: expected a host")
        #expect(refused("http://user:hush@h/") == "invalid: catalog: expected neither user nor query in the url")
        #expect(refused("http://h/?token=hush") == "invalid: catalog: expected neither user nor query in the url")
        #expect(refused("http://h/ hush") == "invalid: catalog: expected a host")
    }
}
