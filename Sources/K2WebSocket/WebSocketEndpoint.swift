/// Why text is no address. `description` is one line, `expected …, found …`; it never holds a password.
public struct EndpointError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Where a WebSocket is served: `ws://host[:port]/path?query` or `wss://…` (RFC 6455, section 3).
public struct WebSocketEndpoint: Sendable, Equatable, CustomStringConvertible {
    public var isSecure: Bool
    /// A name or an address, in lower case; IPv6 without its brackets.
    public var host: String
    public var port: Int
    /// Path and query as in the request line; begins with "/".
    public var target: String

    /// - Throws: when `url` is something else, has a user, a fragment, or a character that may not stand in an address.
    public init(_ url: String) throws(EndpointError) {
        let expected = "expected ws://… or wss://…"
        guard let parts = URLParts(url), parts.scheme == "ws" || parts.scheme == "wss" else {
            throw EndpointError("\(expected), found \(URLParts.shown(url))")
        }
        if parts.user != nil { throw EndpointError("\(expected) without a user, found \(URLParts.shown(url))") }
        if parts.rest.utf8.contains(UInt8(ascii: "#")) { throw EndpointError("\(expected) without a fragment, found \(URLParts.shown(url))") }
        isSecure = parts.scheme == "wss"
        host = parts.host
        port = parts.port ?? (isSecure ? 443 : 80)
        target = parts.rest.hasPrefix("/") ? parts.rest : "/" + parts.rest
    }

    public var description: String { "\(isSecure ? "wss" : "ws")://\(authority)\(target)" }

    /// The value of `Host`: the port only when it is not the scheme's own (RFC 9110, section 7.2).
    var authority: String { port == (isSecure ? 443 : 80) ? URLParts.bracketed(host) : hostAndPort }

    /// `host:port`, as CONNECT and messages have it.
    var hostAndPort: String { "\(URLParts.bracketed(host)):\(port)" }
}
