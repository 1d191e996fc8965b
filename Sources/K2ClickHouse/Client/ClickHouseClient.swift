import K2HTTP

/// Asks a ClickHouse service over HTTP, one query after the other on kept-alive connections.
///
/// Of several hosts one is asked until it does not answer; then the next. A query of unknown outcome may so be repeated on
/// another host: hosts are replicas of each other.
///
/// Source: ClickHouse's documentation, "HTTP interface".
public final class ClickHouseClient {
    public let address: ClickHouseAddress
    private let http: HTTPClient
    private var current = 0
    /// Whether a server has answered: what fails afterwards may be mended by itself.
    private var hasAnswered = false

    public init(_ address: ClickHouseAddress, options: HTTPOptions) {
        self.address = address
        http = HTTPClient(options: options)
    }

    /// The host that is asked next, without scheme.
    public var host: Substring { Self.name(address.hosts[current]) }

    private static func name(_ host: String) -> Substring { host.drop { $0 != "/" }.drop { $0 == "/" } }

    /// Sends a query and gives the body of the answer.
    /// - Parameters:
    ///   - settings: ClickHouse settings, and `param_` arguments.
    ///   - id: names the query in the server's log; it must not be in use.
    ///   - body: data of an INSERT.
    ///   - encoding: of the body, such as `zstd`.
    public func query(
        _ sql: String, settings: [(String, String)] = [], id: String? = nil, body: [UInt8]? = nil, encoding: String? = nil
    ) throws(ClickHouseError) -> [UInt8] {
        try onSomeHost { () throws(ClickHouseError) in
            try ask(request(sql, settings + [("wait_end_of_query", "1")], id, body, encoding), id)
        }
    }

    /// Sends a query and gives the body of the answer as it comes. Until the stream is closed, nothing else is asked.
    /// - Parameter compressed: whether the answer is to come compressed.
    public func stream(
        _ sql: String, settings: [(String, String)] = [], id: String? = nil, compressed: Bool
    ) throws(ClickHouseError) -> ClickHouseStream {
        let compression = [("enable_http_compression", "1"), ("http_zlib_compression_level", "1")]
        return try onSomeHost { () throws(ClickHouseError) in
            var request = request(sql, settings + (compressed ? compression : []), id, nil, nil)
            if compressed { request.headers.append(("Accept-Encoding", "zstd")) }
            return try open(request, id)
        }
    }

    /// Whether the host that is asked next is this machine, where compression costs more than it saves.
    public var isLocal: Bool { host.hasPrefix("127.") || host.hasPrefix("localhost:") || host.hasPrefix("[::1]") }

    private func onSomeHost<R>(_ body: () throws(ClickHouseError) -> R) throws(ClickHouseError) -> R {
        var failure: ClickHouseError?
        for _ in address.hosts {
            do throws(ClickHouseError) { return try body() } catch {
                // What ClickHouse itself refuses for good, the other hosts refuse too.
                if error.fault == .aborted || error.fault != .temporary && error.code != 0 { throw error }
                current = (current + 1) % address.hosts.count
                // As long as one host may come back, it is worth waiting.
                if failure?.fault != .temporary { failure = error }
            }
        }
        throw failure!
    }

    private func open(_ request: HTTPRequest, _ id: String?) throws(ClickHouseError) -> ClickHouseStream {
        let (stream, refusal) = try sending { () throws(HTTPError) in try answer(request) }
        if let refusal { _ = try read(refusal, id) }
        hasAnswered = true
        return try ClickHouseStream(stream, host: String(host), id: id)
    }

    /// The answer, and all of it when it is no result.
    private func answer(_ request: HTTPRequest) throws(HTTPError) -> (HTTPStream, refusal: HTTPResponse?) {
        let stream = try http.open(request)
        let head = HTTPResponse(status: stream.status, headers: stream.headers)
        if ClickHouseReply.exception(head) == nil { return (stream, nil) }
        var refusal = head
        while refusal.body.count < Self.maxErrorBytes, try stream.read(into: &refusal.body) {}
        stream.close()
        return (stream, refusal)
    }

    private static let maxErrorBytes = 1 << 20

    private func ask(_ request: HTTPRequest, _ id: String?) throws(ClickHouseError) -> [UInt8] {
        try read(try sending { () throws(HTTPError) in try http.perform(request) }, id)
    }

    private func sending<R>(_ body: () throws(HTTPError) -> R) throws(ClickHouseError) -> R {
        do throws(HTTPError) { return try body() } catch {
            if error.code == .aborted { throw ClickHouseError(.aborted, "aborted") }
            // What worked once may work again.
            let isPermanent = !hasAnswered && (error.code == .untrusted || error.code == .other)
            throw ClickHouseError(isPermanent ? .permanent : .temporary, "\(host): \(error.reason)")
        }
    }

    private func read(_ response: HTTPResponse, _ id: String?) throws(ClickHouseError) -> [UInt8] {
        guard let (exception, fault, text) = ClickHouseReply.exception(response) else {
            hasAnswered = true
            return response.body
        }
        // Something between us and a server that has answered, a balancer for instance, may pass.
        if exception == nil { throw ClickHouseError(hasAnswered ? .temporary : fault, "\(host): \(text)") }
        hasAnswered = true
        let code = exception.map { "code \($0.code): " } ?? ""
        let query = (response.header("X-ClickHouse-Query-Id") ?? id).map { " [query \($0)]" } ?? ""
        throw ClickHouseError(fault, code: exception?.code ?? 0, "\(host): \(code)\(text)\(query)")
    }

    private func request(
        _ sql: String, _ settings: [(String, String)], _ id: String?, _ body: [UInt8]?, _ encoding: String?
    ) -> HTTPRequest {
        var arguments = [("query", sql), ("database", address.database)] + settings
        if let id { arguments.append(("query_id", id)) }
        // Without a body the query itself is sent as one: it may be long.
        var payload = body
        if body == nil {
            arguments.removeFirst()
            payload = Array(sql.utf8)
        }
        var headers: [(String, String)] = []
        if let user = address.user { headers.append(("X-ClickHouse-User", user)) }
        if let password = address.password { headers.append(("X-ClickHouse-Key", password)) }
        if let encoding { headers.append(("Content-Encoding", encoding)) }
        headers.append(("Content-Type", "application/octet-stream"))
        let query = arguments.map { "\($0.0)=\(PercentText.encode($0.1))" }.joined(separator: "&")
        return HTTPRequest("POST", "\(address.hosts[current])/?\(query)", headers: headers, body: payload)
    }
}
