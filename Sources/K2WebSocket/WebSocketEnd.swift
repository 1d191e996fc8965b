/// Why a connection ended, or never opened. The texts are one line each.
public enum WebSocketEnd: Sendable, Equatable, CustomStringConvertible {
    /// The name is not known, nobody listens there, or the network does not reach it.
    case unreachable(String)
    /// Connecting, TLS and the upgrade together took longer than `connectTimeout`.
    case timedOut
    /// A certificate that is not trusted or for another host, or a handshake that failed.
    case tls(String)
    /// The proxy did not open the tunnel.
    case proxyRefused(status: Int)
    /// The server answered the upgrade with another status than 101. `retryAfter`: microseconds to wait, when it said so.
    case refused(status: Int, retryAfter: Int64?)
    /// A close frame was exchanged; code nil: it had none, or the connection just ended.
    case closed(code: UInt16?, reason: String)
    /// An error of the connection after it had opened.
    case reset(String)
    /// The peer broke the protocol, or sent a message larger than `maxMessageBytes`.
    case protocolError(String)

    public var description: String {
        switch self {
        case .unreachable(let text), .reset(let text): text
        case .timedOut: "timed out before the connection was open"
        case .tls(let text): "TLS: \(text)"
        case .proxyRefused(let status): "the proxy answered CONNECT with status \(status)"
        case .refused(let status, nil): "refused with status \(status)"
        case .refused(let status, let wait?): "refused with status \(status), retry after \(wait / 1_000_000) s"
        case .closed(nil, let reason): reason.isEmpty ? "the connection ended" : "closed: \(Self.line(reason))"
        case .closed(let code?, let reason): reason.isEmpty ? "closed with code \(code)" : "closed with code \(code): \(Self.line(reason))"
        case .protocolError(let text): "protocol error: \(text)"
        }
    }

    /// A peer's text on one line and without control characters.
    private static func line(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
