import K2HTTP
import K2JSON

/// The bearer token of a catalog's requests: a given one, or one that client credentials fetch (RFC 6749, section 4.4),
/// kept until shortly before it expires.
struct RESTToken {
    private let address: CatalogAddress
    private var fetched: (token: String, endsMS: Int64)?
    private var isGivenRefused = false

    init(_ address: CatalogAddress) { self.address = address }

    /// The token to send now; nil when there is none or it has to be fetched first.
    func current(nowMS: Int64) -> String? {
        if let fetched { return nowMS < fetched.endsMS ? fetched.token : nil }
        return isGivenRefused ? nil : address.token
    }

    /// What must not stand in a message.
    var secrets: [String] { address.secrets + (fetched.map { [$0.token] } ?? []) }

    /// The server does not take the token (any more). True when another one can be had.
    mutating func refuse() -> Bool {
        fetched = nil
        isGivenRefused = address.credential != nil
        return isGivenRefused
    }

    /// The request that fetches a token; nil without credentials.
    var request: HTTPRequest? {
        guard let credential = address.credential else { return nil }
        var form = [("grant_type", "client_credentials"), ("client_secret", credential.secret), ("scope", address.scope)]
        if let id = credential.id { form.insert(("client_id", id), at: 1) }
        let body = form.map { "\($0.0)=\(PercentText.encode($0.1))" }.joined(separator: "&")
        return HTTPRequest(
            "POST", address.oauth2ServerURI ?? address.uri + "/v1/oauth/tokens",
            headers: [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")], body: Array(body.utf8))
    }

    /// Takes the answer to `request`. Without a term in it, the token is kept until the server refuses it.
    mutating func take(_ body: [UInt8], nowMS: Int64) throws(RESTFailure) {
        guard let json = try? JSONValue(parsing: body), let token = json["access_token"]?.stringValue, !token.isEmpty else {
            throw RESTFailure(unreadable: "expected an access token")
        }
        guard let seconds = json["expires_in"]?.int64Value, seconds < 1 << 40 else {
            fetched = (token, .max)
            return
        }
        // What is on its way when the term ends would be refused.
        let early = min(seconds / 10, 60)
        fetched = (token, nowMS + max(seconds - early, 0) * 1_000)
    }
}
