import K2HTTP

/// A request about an object or a bucket, before it is signed.
struct S3Request {
    var method: String
    var place: S3Location
    /// Before percent-encoding, in any order.
    var query: [(String, String)] = []
    var headers: [(String, String)] = []
    /// nil sends none.
    var body: [UInt8]?
    /// How long the answer may take.
    var patience = Patience.short
    /// The most bytes of an answer.
    var maxAnswerBytes = 16 << 20

    enum Patience {
        /// A small answer to a small question.
        case short
        /// As long as bytes move.
        case bytes
        /// The server works for minutes before it says a word.
        case long
    }

    init(_ method: String, _ place: S3Location, query: [(String, String)] = [], headers: [(String, String)] = [], body: [UInt8]? = nil) {
        self.method = method
        self.place = place
        self.query = query
        self.headers = headers
        self.body = body
        if body != nil { patience = .bytes }
    }

    /// What goes to the server at a given time, seconds since 1970.
    func signed(_ options: S3Options, _ endpoint: S3Endpoint, at seconds: Int64) -> HTTPRequest {
        let target = endpoint.target(place)
        let hash = payloadHash(options, endpoint)
        var all = headers + [("host", target.host), ("x-amz-content-sha256", hash)]
        // Without it curl would call the body a form.
        if body != nil, !headers.contains(where: { $0.0 == "content-type" }) { all.append(("content-type", "application/octet-stream")) }
        let signature = AWSSignature(credentials: options.credentials, region: options.region)
        let proven = signature.sign(method, path: target.path, query: query, headers: all, payloadHash: hash, at: seconds)
        let text = PercentText.query(query)
        let url = "\(endpoint.scheme)://\(target.host)\(target.path)\(text.isEmpty ? "" : "?")\(text)"
        // curl sets the host from the URL.
        return HTTPRequest(method, url, headers: proven.filter { $0.0 != "host" }, body: body)
    }

    private func payloadHash(_ options: S3Options, _ endpoint: S3Endpoint) -> String {
        guard let body else { return Self.emptyHash }
        // In the clear, the signature is all that tells a body that somebody changed.
        if !options.signsPayload, endpoint.scheme == "https" { return "UNSIGNED-PAYLOAD" }
        return DigestText.hex(SHA256.digest(body.span))
    }

    private static let emptyHash = DigestText.hex(SHA256.digest([UInt8]().span))
}
