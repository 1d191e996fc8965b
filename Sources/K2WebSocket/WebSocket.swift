import NIOCore
import NIOPosix

/// How a `WebSocket` connects and what it accepts.
public struct WebSocketOptions: Sendable {
    /// nil: connect directly.
    public var proxy: ProxyAddress?
    /// A PEM file of certificates to trust instead of the system's.
    public var trustFile: String?
    /// Microseconds for everything up to the open WebSocket: name, connection, tunnel, TLS, upgrade.
    public var connectTimeout: Int64 = 10_000_000
    /// A message that is larger ends the connection.
    public var maxMessageBytes = 16 << 20
    public var userAgent = "k2"

    public init() {}
}

/// What a `WebSocket` tells, on its loop. It is retained until the end.
public protocol WebSocketDelegate: AnyObject {
    func webSocketOpened(_ socket: WebSocket)
    /// One whole message, fragments joined. The bytes are valid during the call only; those of an unfragmented message
    /// lie where the connection was read to.
    func webSocket(_ socket: WebSocket, received message: UnsafeRawBufferPointer, isText: Bool)
    /// All messages that one read of the socket brought have been handed out.
    func webSocketDrained(_ socket: WebSocket)
    /// The pong, with the same payload, is on its way already.
    func webSocketHeardPing(_ socket: WebSocket)
    func webSocketHeardPong(_ socket: WebSocket)
    /// Called exactly once, also when the socket never opened; nothing is called afterwards.
    func webSocket(_ socket: WebSocket, ended reason: WebSocketEnd)
}

extension WebSocketDelegate {
    public func webSocketDrained(_ socket: WebSocket) {}
    public func webSocketHeardPing(_ socket: WebSocket) {}
    public func webSocketHeardPong(_ socket: WebSocket) {}
}

/// The client's side of one WebSocket connection (RFC 6455), from the first packet to its end. It is not reused.
///
/// Sendable although unchecked: it is confined to its loop, which every call checks.
public final class WebSocket: @unchecked Sendable {
    enum Phase {
        case connecting
        /// CONNECT is sent to the proxy.
        case tunnelling
        /// The upgrade is asked for, if need be behind a TLS handshake.
        case upgrading
        case open
        /// Our close frame is sent; messages still come.
        case closing
        case ended
    }

    public let endpoint: WebSocketEndpoint
    let options: WebSocketOptions
    let loop: IOLoop
    let key = UpgradeHandshake.randomKey()
    var phase = Phase.connecting
    var delegate: (any WebSocketDelegate)?
    var channel: (any Channel)?
    var head = HeadReader()
    var messages: MessageReader
    /// Ends the attempt to connect, later the wait for the peer's close frame.
    var deadline: LoopTimer?

    /// How long `close` waits for the answer, in microseconds.
    private static let closeTimeout: Int64 = 2_000_000

    init(_ endpoint: WebSocketEndpoint, _ options: WebSocketOptions, _ loop: IOLoop, _ delegate: any WebSocketDelegate) {
        self.endpoint = endpoint
        self.options = options
        self.loop = loop
        self.delegate = delegate
        messages = MessageReader(isMasked: false, limit: options.maxMessageBytes)
    }

    /// Begins to connect. The delegate hears of it in later turns of the loop, first or only.
    /// - Precondition: called on `loop`.
    public static func connect(
        to endpoint: WebSocketEndpoint, options: WebSocketOptions, on loop: IOLoop, delegate: any WebSocketDelegate
    ) -> WebSocket {
        precondition(loop.isCurrent, "WebSocket.connect off its loop")
        let socket = WebSocket(endpoint, options, loop, delegate)
        socket.deadline = loop.schedule(after: options.connectTimeout) { socket.end(.timedOut) }
        loop.run { socket.start() }
        return socket
    }

    /// Sends a text message. Dropped without a word when the socket is not open. `text` must be UTF-8.
    public func send(text: [UInt8]) {
        precondition(loop.isCurrent, "WebSocket.send off its loop")
        if phase == .open { text.withUnsafeBytes { write(.text, $0) } }
    }

    /// Sends a ping without a payload.
    public func ping() {
        precondition(loop.isCurrent, "WebSocket.ping off its loop")
        if phase == .open { write(.ping, UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    /// Says goodbye: a close frame with code 1000, and the end when the peer has answered, after 2 s at most.
    /// Messages that arrive meanwhile are still handed out. A socket that is not open yet ends at once.
    public func close() {
        precondition(loop.isCurrent, "WebSocket.close off its loop")
        switch phase {
        case .connecting, .tunnelling, .upgrading: end(.closed(code: nil, reason: ""), isLater: true)
        case .open:
            phase = .closing
            writeClose(1000)
            deadline = loop.schedule(after: Self.closeTimeout) { self.end(.closed(code: 1000, reason: "")) }
        case .closing, .ended: break
        }
    }

    /// Ends the connection without a goodbye; the delegate hears of the end in a later turn of the loop, and of nothing before it.
    public func abort() {
        precondition(loop.isCurrent, "WebSocket.abort off its loop")
        end(.closed(code: nil, reason: "aborted"), isLater: true)
    }

    /// The one way out: closes the connection and tells the delegate, once.
    func end(_ reason: WebSocketEnd, isLater: Bool = false) {
        guard phase != .ended else { return }
        let isOpen = phase == .open || phase == .closing
        phase = .ended
        deadline?.cancel()
        deadline = nil
        // Behind our close frame, or without one word more.
        if isOpen, !isLater { channel?.close(promise: nil) } else { channel?.cut(withReset: false) }
        channel = nil
        guard let delegate else { return }
        self.delegate = nil
        if !isLater { return delegate.webSocket(self, ended: reason) }
        let last = LastWord(delegate)
        loop.run { last.delegate.webSocket(self, ended: reason) }
    }
}

/// A delegate on its way to a later turn of its own loop.
private final class LastWord: @unchecked Sendable {
    let delegate: any WebSocketDelegate

    init(_ delegate: any WebSocketDelegate) { self.delegate = delegate }
}
