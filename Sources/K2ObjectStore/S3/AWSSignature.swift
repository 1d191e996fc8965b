import K2HTTP

/// Signs requests as AWS wants them signed: "Signature Version 4", in headers.
///
/// Pure: the time is an argument. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (2026-02).
public struct AWSSignature: Sendable {
    public var credentials: S3Credentials
    public var region: String
    /// `s3` for the object store.
    public var service: String

    public init(credentials: S3Credentials, region: String, service: String = "s3") {
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    /// `headers` and those that prove who sends them: `x-amz-date`, `x-amz-security-token` and `Authorization`.
    ///
    /// - Parameters:
    ///   - path: percent-encoded, as it is sent.
    ///   - query: names and values before percent-encoding, in any order.
    ///   - headers: all of them are signed; `host` must be one.
    ///   - payloadHash: SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`.
    ///   - seconds: the time, since 1970.
    public func sign(
        _ method: String, path: String, query: [(String, String)] = [], headers: [(String, String)], payloadHash: String, at seconds: Int64
    ) -> [(String, String)] {
        let moment = CivilTime(seconds).basic
        var all = headers + [("x-amz-date", moment)]
        if let token = credentials.sessionToken { all.append(("x-amz-security-token", token)) }
        let (names, lines) = Self.canonical(all)
        let request = [method, path, PercentText.query(query), lines, names, payloadHash].joined(separator: "\n")
        let scope = "\(moment.prefix(8))/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(moment)\n\(scope)\n\(DigestText.hex(SHA256.digest(Array(request.utf8).span)))"
        let credential = "Credential=\(credentials.accessKey)/\(scope), SignedHeaders=\(names), Signature=\(signature(of: text, scope))"
        return all + [("Authorization", "AWS4-HMAC-SHA256 \(credential)")]
    }

    /// Names in lower case, sorted, and the lines with their values; those of one name stand on one line.
    private static func canonical(_ headers: [(String, String)]) -> (names: String, lines: String) {
        var values: [String: [String]] = [:]
        for (name, value) in headers { values[name.lowercased(), default: []].append(trimmed(value)) }
        let names = values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return (names.joined(separator: ";"), names.map { "\($0):\(values[$0, default: []].joined(separator: ","))\n" }.joined())
    }

    /// Without space at the ends, and with single ones inside.
    private static func trimmed(_ value: String) -> String { value.split(whereSeparator: \.isWhitespace).joined(separator: " ") }

    /// Signs with a key that is good for one day, region and service only.
    private func signature(of text: String, _ scope: String) -> String {
        var key = Array("AWS4\(credentials.secretKey)".utf8)
        for part in scope.split(separator: "/") { key = HMAC.code(Array(part.utf8).span, key: key.span) }
        return DigestText.hex(HMAC.code(Array(text.utf8).span, key: key.span))
    }
}
