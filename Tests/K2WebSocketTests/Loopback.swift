import K2WebSocket
import Synchronization
import Testing

/// Why a test cannot go on.
struct TestFailure: Error, CustomStringConvertible {
    var description: String
}

/// Values from a loop, taken out in their order by a test, which never waits for ever.
final class Mailbox<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    func put(_ value: Value) { values.withLock { $0.append(value) } }

    var count: Int { values.withLock { $0.count } }

    func next(within seconds: Double = 20, _ place: String = #function) async throws -> Value {
        for _ in 0..<Int(seconds * 500) {
            if let value = values.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return value }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw TestFailure(description: "nothing came within \(seconds) s: \(place)")
    }
}

/// Waits until `condition` holds.
func eventually(within seconds: Double = 20, _ what: String, _ condition: () -> Bool) async throws {
    for _ in 0..<Int(seconds * 500) {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    throw TestFailure(description: "not within \(seconds) s: \(what)")
}

enum ClientEvent: Equatable, Sendable {
    case opened
    case text(String)
    case binary([UInt8])
    case ping
    case pong
    case ended(WebSocketEnd)
}

/// A client that writes down what it hears, in a form of its own for messages longer than 1000 bytes.
final class Client: WebSocketDelegate, @unchecked Sendable {
    let events = Mailbox<ClientEvent>()
    let drains = Mutex(0)
    let onMessage: (@Sendable (WebSocket) -> Void)?
    private let current = Mutex<WebSocket?>(nil)
    private let loop: IOLoop

    init(
        on loop: IOLoop, to url: String, _ options: WebSocketOptions = WebSocketOptions(), onMessage: (@Sendable (WebSocket) -> Void)? = nil
    ) throws {
        self.loop = loop
        self.onMessage = onMessage
        let endpoint = try WebSocketEndpoint(url)
        loop.runAndWait {
            let socket = WebSocket.connect(to: endpoint, options: options, on: loop, delegate: self)
            self.current.withLock { $0 = socket }
        }
    }

    /// Does something with the socket, on its loop.
    func act(_ body: @escaping @Sendable (WebSocket) -> Void) {
        loop.runAndWait {
            if let socket = self.current.withLock({ $0 }) { body(socket) }
        }
    }

    func webSocketOpened(_ socket: WebSocket) { events.put(.opened) }
    func webSocket(_ socket: WebSocket, received message: UnsafeRawBufferPointer, isText: Bool) {
        events.put(isText ? .text(String(decoding: message, as: UTF8.self)) : .binary(Array(message)))
        onMessage?(socket)
    }
    func webSocketDrained(_ socket: WebSocket) { drains.withLock { $0 += 1 } }
    func webSocketHeardPing(_ socket: WebSocket) { events.put(.ping) }
    func webSocketHeardPong(_ socket: WebSocket) { events.put(.pong) }
    func webSocket(_ socket: WebSocket, ended reason: WebSocketEnd) { events.put(.ended(reason)) }
}

enum PeerEvent: Equatable, Sendable {
    case opened
    case text(String)
    case binary([UInt8])
    case ping
    case pong
    case writable
    case ended
}

/// The server's side of a connection: writes down what it hears and does what the test says.
final class Peer: ServerSocketDelegate, @unchecked Sendable {
    let events = Mailbox<PeerEvent>()
    let onOpen: @Sendable (ServerSocket) -> Void
    let onText: @Sendable (ServerSocket, [UInt8]) -> Void
    private let current = Mutex<ServerSocket?>(nil)

    init(
        onOpen: @escaping @Sendable (ServerSocket) -> Void = { _ in },
        onText: @escaping @Sendable (ServerSocket, [UInt8]) -> Void = { _, _ in }
    ) {
        self.onOpen = onOpen
        self.onText = onText
    }

    /// Does something with the socket, on its loop.
    func act(on loop: IOLoop, _ body: @escaping @Sendable (ServerSocket) -> Void) {
        loop.runAndWait {
            if let socket = self.current.withLock({ $0 }) { body(socket) }
        }
    }

    func serverSocketOpened(_ socket: ServerSocket) {
        current.withLock { $0 = socket }
        onOpen(socket)
        events.put(.opened)
    }
    func serverSocket(_ socket: ServerSocket, received message: UnsafeRawBufferPointer, isText: Bool) {
        events.put(isText ? .text(String(decoding: message, as: UTF8.self)) : .binary(Array(message)))
        onText(socket, Array(message))
    }
    func serverSocketHeardPing(_ socket: ServerSocket) { events.put(.ping) }
    func serverSocketHeardPong(_ socket: ServerSocket) { events.put(.pong) }
    func serverSocketWritable(_ socket: ServerSocket) { events.put(.writable) }
    func serverSocketEnded(_ socket: ServerSocket) { events.put(.ended) }
}

/// A service made of two closures.
final class Service: HTTPService, @unchecked Sendable {
    let requests = Mailbox<ServerRequest>()
    let answer: @Sendable (ServerRequest, ReplyHandle) -> Void
    let accept: @Sendable (ServerRequest) -> WebSocketAcceptance

    init(
        answer: @escaping @Sendable (ServerRequest, ReplyHandle) -> Void = { _, reply in reply.send(ServerReply(status: 404)) },
        accept: @escaping @Sendable (ServerRequest) -> WebSocketAcceptance = { _ in .refuse(ServerReply(status: 404)) }
    ) {
        self.answer = answer
        self.accept = accept
    }

    func handle(_ request: ServerRequest, _ reply: ReplyHandle) {
        requests.put(request)
        answer(request, reply)
    }

    func acceptWebSocket(_ request: ServerRequest) -> WebSocketAcceptance {
        requests.put(request)
        return accept(request)
    }
}

/// Runs a test against a server and a loop, and ends both whatever happens.
func withServer(
    _ service: Service, identity: ServerIdentity? = nil, _ body: (_ loop: IOLoop, _ server: HTTPServer) async throws -> Void
) async throws {
    let loop = IOLoop()
    let server = try HTTPServer.listen(host: "127.0.0.1", port: 0, identity: identity, on: loop, service: service)
    do { try await body(loop, server) } catch {
        server.close()
        loop.close()
        throw error
    }
    server.close()
    loop.close()
}

/// Runs a test with a server whose WebSockets all go to `peer`.
func withPeer(
    _ peer: Peer, identity: ServerIdentity? = nil, _ body: (_ loop: IOLoop, _ url: String) async throws -> Void
) async throws {
    try await withServer(Service(accept: { _ in .accept(peer) }), identity: identity) { loop, server in
        try await body(loop, "\(identity == nil ? "ws" : "wss")://localhost:\(server.port)/stream?x=1")
    }
}

/// Runs a test that needs a loop only.
func withLoop(_ body: (IOLoop) async throws -> Void) async throws {
    let loop = IOLoop()
    do { try await body(loop) } catch {
        loop.close()
        throw error
    }
    loop.close()
}
