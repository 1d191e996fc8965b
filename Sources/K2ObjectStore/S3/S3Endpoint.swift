import K2HTTP

/// Where the requests go, and how a bucket is named in them.
struct S3Endpoint: Equatable, Sendable {
    /// `http` or `https`.
    let scheme: String
    /// With the port, unless it is the scheme's own.
    let host: String
    /// Percent-encoded, without a slash at its end; mostly empty.
    let path: String
    let usesPathStyle: Bool

    /// - Throws: `invalidLocation` when the endpoint is no URL of a server.
    init(_ options: S3Options) throws(StoreError) {
        let text = options.endpoint ?? "https://s3.\(options.region).\(Self.domain(options.region))"
        func invalid(_ reason: String) -> StoreError { StoreError(.invalidLocation, at: HTTPLocation.safe(text), "S3 endpoint: \(reason)") }
        guard let mark = text.firstRange(of: "://") else { throw invalid("expected http://host:port or https://host") }
        scheme = text[..<mark.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { throw invalid("expected http or https, found \"\(scheme)\"") }
        let rest = text[mark.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // Keys belong where no log shows them.
        guard !authority.contains("@") else { throw invalid("user and password are not allowed in it") }
        let tail = rest.dropFirst(authority.count)
        guard !tail.contains("?"), !tail.contains("#") else { throw invalid("a query or fragment is not allowed in it") }
        host = Self.withoutOwnPort(authority.lowercased(), scheme)
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw invalid("no host in it") }
        var end = tail
        while end.hasSuffix("/") { end = end.dropLast() }
        path = String(end)
        usesPathStyle = options.usesPathStyle
    }

    /// Host and encoded path of a bucket's key; of the bucket itself when the key is empty.
    func target(_ place: S3Location) -> (host: String, path: String) {
        let key = PercentText.path(place.key)
        // The wildcard of a certificate stands for one label only.
        if usesPathStyle || scheme == "https" && place.bucket.contains(".") {
            return (host, "\(path)/\(place.bucket)\(key.isEmpty ? "" : "/")\(key)")
        }
        return ("\(place.bucket).\(host)", "\(path)/\(key)")
    }

    private static func domain(_ region: String) -> String { region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com" }

    /// The form in which clients send it in the `Host` header.
    private static func withoutOwnPort(_ authority: String, _ scheme: String) -> String {
        let port = scheme == "https" ? ":443" : ":80"
        return authority.hasSuffix(port) ? String(authority.dropLast(port.count)) : authority
    }
}

/// URLs in messages.
enum HTTPLocation {
    /// Without user, password, query and fragment.
    static func safe(_ url: String) -> String {
        let path = url.prefix { $0 != "?" && $0 != "#" }
        guard let mark = path.firstRange(of: "://") else { return String(path) }
        let authority = path[mark.upperBound...].prefix { $0 != "/" }
        guard let user = authority.lastIndex(of: "@") else { return String(path) }
        return String(path[..<mark.upperBound] + path[path.index(after: user)...])
    }
}
