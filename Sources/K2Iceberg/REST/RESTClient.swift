import K2HTTP
import K2JSON
import K2Retry

/// Asks a REST catalog: sends tokens, fetches new ones, repeats what may be repeated. Knows no tables.
final class RESTClient {
    let address: CatalogAddress
    /// For what may be repeated: curl itself sends a request again when a connection that it kept has ended.
    private let http: HTTPClient
    private let environment: CommitEnvironment
    private var token: RESTToken
    /// Headers that the server's configuration wants.
    var extraHeaders: [(String, String)] = []

    init(_ address: CatalogAddress, options: HTTPOptions, environment: CommitEnvironment) {
        self.address = address
        http = HTTPClient(options: options)
        self.environment = environment
        token = RESTToken(address)
    }

    /// Asks for something that changes nothing, again for a while when the server or the way to it is in trouble.
    func read(_ method: String = "GET", _ path: String, body: JSONValue? = nil) throws(RESTFailure) -> JSONValue {
        var patience = Patience(environment)
        while true {
            do throws(RESTFailure) { return try send(method, path, body: body, by: http) } catch {
                guard error.isPassing, patience.wait(atLeast: error.retryAfter) else { throw error }
            }
        }
    }

    /// Asks once for something that changes nothing.
    func look(_ path: String) throws(RESTFailure) -> JSONValue { try send("GET", path, body: nil, by: http) }

    /// Sends a change once, over a connection of its own. An empty answer is null.
    func change(_ method: String, _ path: String, body: JSONValue? = nil) throws(RESTFailure) -> JSONValue {
        try send(method, path, body: body, by: HTTPClient(options: http.options))
    }

    /// Twice if only the token was too old.
    private func send(_ method: String, _ path: String, body: JSONValue?, by http: HTTPClient) throws(RESTFailure) -> JSONValue {
        var response = try perform(try request(method, path, body), by: http)
        if response.status == 401 || response.status == 419, token.refuse() {
            // Refused for certain, so nothing is done twice.
            response = try perform(try request(method, path, body), by: http)
        }
        guard (200..<300).contains(response.status) else { throw failure(response) }
        if response.body.isEmpty { return .null }
        do throws(JSONValueError) { return try JSONValue(parsing: response.body) } catch { throw RESTFailure(unreadable: error.description) }
    }

    private func request(_ method: String, _ path: String, _ body: JSONValue?) throws(RESTFailure) -> HTTPRequest {
        var headers = [("Accept", "application/json")] + extraHeaders
        if let token = try bearer() { headers.append(("Authorization", "Bearer \(token)")) }
        if body != nil { headers.append(("Content-Type", "application/json")) }
        if let delegation = address.accessDelegation { headers.append(("X-Iceberg-Access-Delegation", delegation)) }
        return HTTPRequest(method, address.uri + path, headers: headers, body: body?.bytes)
    }

    private func perform(_ request: HTTPRequest, by http: HTTPClient) throws(RESTFailure) -> HTTPResponse {
        do throws(HTTPError) { return try http.perform(request) } catch { throw RESTFailure(error) }
    }

    private func failure(_ response: HTTPResponse) -> RESTFailure {
        RESTFailure(response, now: Int(environment.nowMS() / 1_000), hiding: token.secrets)
    }

    /// The token to send; nil when there is none and no credentials.
    private func bearer() throws(RESTFailure) -> String? {
        if let current = token.current(nowMS: environment.nowMS()) { return current }
        guard let request = token.request else { return nil }
        var patience = Patience(environment)
        while true {
            do throws(RESTFailure) {
                let response = try perform(request, by: http)
                guard response.status == 200 else { throw failure(response) }
                try token.take(response.body, nowMS: environment.nowMS())
                return token.current(nowMS: environment.nowMS())
            } catch {
                guard error.isPassing, patience.wait(atLeast: error.retryAfter) else { throw error.whileFetchingToken }
            }
        }
    }
}

extension RESTFailure {
    /// Nothing was asked of the catalog yet. Refused credentials are like a refused token, whatever the status.
    fileprivate var whileFetchingToken: RESTFailure {
        var failure = self
        failure.effect = .none
        failure.text = "token: \(text)"
        if (400..<500).contains(status), status != 429 { failure.status = 401 }
        return failure
    }
}

/// Waiting between tries, within bounds.
struct Patience {
    private let environment: CommitEnvironment
    private var backoff = Backoff(100_000...5_000_000)
    private var waitedMS: Int64 = 0
    static let maxTries = 6
    static let maxWaitMS: Int64 = 60_000

    init(_ environment: CommitEnvironment) { self.environment = environment }

    /// Waits before another try; false, at once, when there should be none.
    /// - Parameter seconds: what the server asked for.
    mutating func wait(atLeast seconds: Int?) -> Bool {
        guard backoff.failures + 1 < Self.maxTries else { return false }
        let random = environment.random16().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let delay = max(backoff.fail(random: random) / 1_000, Int64(min(seconds ?? 0, 1 << 30)) * 1_000)
        guard waitedMS + delay <= Self.maxWaitMS else { return false }
        environment.sleepMS(delay)
        waitedMS += delay
        return true
    }
}
