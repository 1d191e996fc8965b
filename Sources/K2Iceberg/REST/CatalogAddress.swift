import K2ObjectStore

/// Where an Iceberg REST catalog is, and who asks. Printing one shows no secrets.
///
/// The names follow the properties of other clients: `uri`, `warehouse`, `token`, `credential`, `scope`, `oauth2-server-uri`.
public struct CatalogAddress: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    /// `https://host/path`, without the `/v1` of the protocol and without a slash at its end.
    public var uri: String
    /// What the server calls the warehouse; many serve several.
    public var warehouse: String?
    /// A bearer token that somebody else fetched.
    public var token: String?
    public var credential: Credential?
    public var scope: String
    /// Where tokens are fetched; nil: the catalog's own `v1/oauth/tokens`.
    public var oauth2ServerURI: String?
    /// Asks for credentials of the table's storage: `vended-credentials` or `remote-signing`; nil asks for none.
    public var accessDelegation: String?

    public static let defaultScope = "catalog"

    /// Client id and secret for OAuth2 client credentials; some servers know only a secret.
    public struct Credential: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
        public var id: String?
        public var secret: String

        /// Reads `ID:SECRET`, or a secret alone. Ids hold no colon.
        public init(_ text: String) {
            guard let colon = text.firstIndex(of: ":") else {
                secret = text
                return
            }
            id = String(text[..<colon])
            secret = String(text[text.index(after: colon)...])
        }

        public var description: String { id.map { "\($0):***" } ?? "***" }
        public var customMirror: Mirror { Mirror(self, children: ["id": id ?? ""]) }
    }

    /// - Throws: `invalid` when `uri` is no `http` or `https` URL, or holds a user, a query or a fragment.
    public init(uri: String) throws(IcebergError) {
        self.uri = try Self.base(uri, what: "catalog")
        scope = Self.defaultScope
    }

    private static func base(_ text: String, what: String) throws(IcebergError) -> String {
        // The text is not repeated: it may hold a password.
        guard let start = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else {
            throw IcebergError(.invalid, "\(what): expected http:// or https://")
        }
        let rest = text.dropFirst(start.count)
        let host = rest.prefix { $0 != "/" }
        guard !host.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw IcebergError(.invalid, "\(what): expected a host") }
        guard !host.contains("@"), !rest.contains("?"), !rest.contains("#") else {
            throw IcebergError(.invalid, "\(what): expected neither user nor query in the url")
        }
        var path = text
        while path.hasSuffix("/") { path.removeLast() }
        return path.hasSuffix("/v1") ? String(path.dropLast(3)) : path
    }

    public var description: String { warehouse.map { "\(uri) (\($0))" } ?? uri }
    public var customMirror: Mirror { Mirror(self, children: ["uri": uri, "warehouse": warehouse ?? ""]) }

    /// What must not stand in a message.
    var secrets: [String] { [token, credential?.secret].compactMap { $0 } }
}

extension CatalogAddress {
    /// The address that a URL and the environment name:
    ///
    /// - `K2_CATALOG_WAREHOUSE`, `K2_CATALOG_SCOPE` (`catalog`), `K2_CATALOG_OAUTH2_URI`, `K2_CATALOG_ACCESS_DELEGATION`
    /// - `K2_CATALOG_TOKEN`, or a file that holds it: `K2_CATALOG_TOKEN_FILE`
    /// - `K2_CATALOG_CREDENTIAL` (`ID:SECRET`), or a file that holds it: `K2_CATALOG_CREDENTIAL_FILE`
    ///
    /// - Parameter environment: the value of a variable; nil when it is not set. Empty counts as not set.
    /// - Throws: `invalid` when a part is no URL, a secret is given twice, or a file with one cannot be read.
    public init(url: String, environment: (String) -> String?) throws(IcebergError) {
        func value(_ name: String) -> String? { environment("K2_CATALOG_\(name)").flatMap { $0.isEmpty ? nil : $0 } }
        try self.init(uri: url)
        warehouse = value("WAREHOUSE")
        scope = value("SCOPE") ?? Self.defaultScope
        if let text = value("OAUTH2_URI") {
            _ = try Self.base(text, what: "K2_CATALOG_OAUTH2_URI")
            oauth2ServerURI = text
        }
        accessDelegation = value("ACCESS_DELEGATION")
        token = try Self.secret("TOKEN", value)
        credential = try Self.secret("CREDENTIAL", value).map { Credential($0) }
    }

    private static func secret(_ name: String, _ value: (String) -> String?) throws(IcebergError) -> String? {
        guard let path = value(name + "_FILE") else { return value(name) }
        guard value(name) == nil else { throw IcebergError(.invalid, "K2_CATALOG_\(name) and K2_CATALOG_\(name)_FILE: expected one of the two") }
        let bytes: [UInt8]
        do throws(StoreError) { bytes = try LocalStore().get(path) } catch {
            throw IcebergError(.invalid, "K2_CATALOG_\(name)_FILE: \(error)")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let line = text.prefix { !$0.isNewline }
        guard !line.isEmpty, text.dropFirst(line.count).allSatisfy({ $0.isNewline }) else {
            throw IcebergError(.invalid, "K2_CATALOG_\(name)_FILE: \(path): expected one line")
        }
        return String(line)
    }
}
