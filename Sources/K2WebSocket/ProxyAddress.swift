import K2Bytes

/// An HTTP proxy that opens tunnels with CONNECT: `http://[user:password@]host:port`.
public struct ProxyAddress: Sendable, Equatable, CustomStringConvertible {
    public var host: String
    public var port: Int
    /// `user:password`, decoded; nil: none is sent.
    private var credentials: String?

    /// Without a port it is 80, as in every `http://` address.
    /// - Throws: when `url` is something else.
    public init(_ url: String) throws(EndpointError) {
        guard let parts = URLParts(url), parts.scheme == "http", parts.rest.isEmpty || parts.rest == "/" else {
            throw EndpointError("expected http://[user:password@]host:port as the proxy, found \(URLParts.shown(url))")
        }
        host = parts.host
        port = parts.port ?? 80
        if let user = parts.user {
            guard let decoded = Self.percentDecoded(user) else {
                throw EndpointError("expected user:password percent-encoded, found \(URLParts.shown(url))")
            }
            credentials = decoded.utf8.contains(UInt8(ascii: ":")) ? decoded : decoded + ":"
        }
    }

    /// The proxy that the environment names for `endpoint`; nil: connect directly.
    ///
    /// `https_proxy` or `HTTPS_PROXY` counts for wss, `http_proxy` or `HTTP_PROXY` for ws; the lower-case name wins, as
    /// with curl. `no_proxy` or `NO_PROXY` lists, with commas, hosts to connect to directly: `example.com` and
    /// `.example.com` mean it and all below it, `:port` limits an entry to that port, `*` means every host.
    /// - Throws: when the variable does not hold the address of an HTTP proxy; the message names the variable.
    public static func find(
        for endpoint: WebSocketEndpoint, environment: (String) -> String?
    ) throws(EndpointError) -> ProxyAddress? {
        let names = endpoint.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"]
        guard let (name, url) = first(of: names, environment) else { return nil }
        if let (_, list) = first(of: ["no_proxy", "NO_PROXY"], environment), isListed(endpoint, in: list) { return nil }
        do throws(EndpointError) { return try ProxyAddress(url) } catch { throw EndpointError("\(name): \(error.description)") }
    }

    /// Without the password.
    public var description: String { "http://\(hostAndPort)" }

    var hostAndPort: String { "\(URLParts.bracketed(host)):\(port)" }

    /// The value of `Proxy-Authorization` (RFC 7617, section 2).
    var authorization: String? { credentials.map { "Basic " + Base64.text(of: Array($0.utf8)) } }

    private static func first(of names: [String], _ environment: (String) -> String?) -> (name: String, value: String)? {
        for name in names {
            if let value = environment(name), !value.isEmpty { return (name, value) }
        }
        return nil
    }

    private static func isListed(_ endpoint: WebSocketEndpoint, in list: String) -> Bool {
        for item in list.split(whereSeparator: { $0 == "," || $0 == " " }) {
            if item == "*" { return true }
            let (name, port) = noProxyEntry(item)
            if let port, URLParts.port(port) != endpoint.port { continue }
            let domain = name.drop { $0 == "." }.lowercased()
            if !domain.isEmpty, endpoint.host == domain || endpoint.host.hasSuffix("." + domain) { return true }
        }
        return false
    }

    private static func noProxyEntry(_ item: Substring) -> (name: Substring, port: Substring?) {
        // A bare IPv6 address has colons of its own.
        if !item.hasPrefix("["), item.utf8.count(where: { $0 == UInt8(ascii: ":") }) > 1 { return (item, nil) }
        guard let (host, port) = URLParts.split(item) else { return (item, nil) }
        return (host, port)
    }

    /// nil when a `%` is not followed by two hex digits, or the bytes are not UTF-8.
    private static func percentDecoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == 2 else { return nil }
            bytes.append(UInt8(digits[0] << 4 | digits[1]))
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
