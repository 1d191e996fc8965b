import CCurl

/// Why there is no answer. An answer with any status, 500 included, is none of these.
public struct HTTPError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        /// No connection: the name, the route, the port or the proxy. The request was not sent.
        case unreachable
        case timedOut
        /// The TLS handshake failed. The request was not sent.
        case tls
        /// The server is not who it should be, or the authorities cannot be read. The request was not sent.
        case untrusted
        /// The connection ended before the answer did. What the request did is unknown.
        case cutOff
        /// The body of the answer exceeds the limit.
        case tooLarge
        /// The abort flag was set.
        case aborted
        /// Among them a URL or a header that cannot be sent.
        case other
    }
    public var code: Code
    /// The URL without user, password, query and fragment: they may hold secrets.
    public var location: String
    /// What went wrong, lower case, one line, without the URL.
    public var reason: String

    public init(_ code: Code, at location: String, _ reason: String) {
        self.code = code
        self.location = location
        self.reason = reason
    }

    public var description: String { "\(location): \(reason)" }

    /// - Parameter detail: curl's own words about this transfer; may be empty.
    init(curl code: CURLcode, detail: String, at location: String) {
        let text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        self.init(Self.code(code), at: location, Self.oneLine(text))
    }

    private static func code(_ code: CURLcode) -> Code {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY: .unreachable
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_SSL_CONNECT_ERROR: .tls
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            .untrusted
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR: .cutOff
        case CURLE_ABORTED_BY_CALLBACK: .aborted
        default: .other
        }
    }

    private static func oneLine(_ text: String) -> String {
        let line = String(text.map { $0.isNewline ? " " : $0 })
        // "SSL" stays what it is.
        if line.dropFirst().first?.isUppercase == true { return line }
        return line.prefix(1).lowercased() + line.dropFirst()
    }
}
