/// One request, body and all.
public struct ServerRequest: Sendable {
    public let method: String
    /// Path and query, as in the request line.
    public let target: String
    /// As sent, in their order.
    public let headers: [(String, String)]
    public let body: [UInt8]

    public init(method: String, target: String, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// The value of the first header of this name, in any case.
    public func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.0.lowercased() == wanted }?.1
    }
}

/// What to answer. `Content-Length`, `Connection` and `Transfer-Encoding` are not for the service to set; `Connection: close` is heeded.
public struct ServerReply: Sendable {
    public var status: Int
    public var headers: [(String, String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Text, with its type.
    public init(status: Int, text: String) {
        self.init(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array(text.utf8))
    }
}

/// The answer that one request waits for. Only the first call counts; after the connection ended none does.
///
/// Sendable although unchecked: it is confined to the loop of its server, which every call checks.
public final class ReplyHandle: @unchecked Sendable {
    private let loop: IOLoop
    private var connection: HTTPConnection?

    init(_ connection: HTTPConnection, on loop: IOLoop) {
        self.connection = connection
        self.loop = loop
    }

    /// Sends the whole answer; the connection stays open when the client wants it so.
    public func send(_ reply: ServerReply) { taken()?.send(reply) }

    /// Closes the connection without an answer.
    public func drop() { taken()?.drop() }

    /// Sends the head, which announces the whole body, and the first `bytes` of the body; then closes the connection.
    public func sendPart(_ reply: ServerReply, bytes: Int) { taken()?.sendPart(reply, bytes: bytes) }

    private func taken() -> HTTPConnection? {
        precondition(loop.isCurrent, "ReplyHandle off its loop")
        defer { connection = nil }
        return connection
    }
}

/// What to do with a request to become a WebSocket.
public enum WebSocketAcceptance {
    case accept(any ServerSocketDelegate)
    /// Answer with this status instead, and close.
    case refuse(ServerReply)
    /// Never answer.
    case hang
    /// Close the connection without an answer.
    case drop
}

/// What an `HTTPServer` serves. Called on its loop; retained until the server is closed.
public protocol HTTPService: AnyObject {
    /// Answers through `reply`, now or later on the loop.
    func handle(_ request: ServerRequest, _ reply: ReplyHandle)
    /// Without an implementation every upgrade is refused with 404.
    func acceptWebSocket(_ request: ServerRequest) -> WebSocketAcceptance
}

extension HTTPService {
    public func acceptWebSocket(_ request: ServerRequest) -> WebSocketAcceptance { .refuse(ServerReply(status: 404)) }
}
