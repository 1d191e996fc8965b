import NIOCore
import NIOHTTP1

/// One connection as long as it speaks HTTP: collects requests, sends answers one after the other, and turns into a
/// WebSocket when the service agrees.
///
/// Sendable although unchecked: it is confined to its loop.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: any HTTPService
    private let loop: IOLoop
    private let codec: [any RemovableChannelHandler]
    private var context: ChannelHandlerContext?

    /// The request of which parts still come.
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    /// Requests that came before the answer to the one before them.
    private var waiting: [(HTTPRequestHead, [UInt8])] = []
    /// The request that is being answered.
    private var current: HTTPRequestHead?

    private static let largestBody = 64 << 20
    private static let mostWaiting = 64

    init(_ service: any HTTPService, on loop: IOLoop, codec: [any RemovableChannelHandler]) {
        self.service = service
        self.loop = loop
        self.codec = codec
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let bytes): collect(bytes)
        case .end: finishRequest()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError, current == nil { return refuse(.badRequest) }
        context.close(promise: nil)
    }

    private func begin(_ head: HTTPRequestHead) {
        self.head = head
        body = []
        if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }), current == nil {
            context?.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
    }

    private func collect(_ bytes: ByteBuffer) {
        guard body.count + bytes.readableBytes <= Self.largestBody else { return refuse(.payloadTooLarge) }
        body.append(contentsOf: bytes.readableBytesView)
    }

    private func finishRequest() {
        guard let head else { return }
        self.head = nil
        guard waiting.count < Self.mostWaiting else { return drop() }
        waiting.append((head, body))
        body = []
        answerNext()
    }

    private func answerNext() {
        guard current == nil, context != nil, !waiting.isEmpty else { return }
        let (head, body) = waiting.removeFirst()
        current = head
        let request = ServerRequest(
            method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) }, body: body)
        if head.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) {
            upgrade(request, head)
        } else {
            service.handle(request, ReplyHandle(self, on: loop))
        }
    }

    // MARK: Answers

    func send(_ reply: ServerReply) {
        guard let context, let request = current else { return }
        // Behind a request for an upgrade the decoder reads no more HTTP.
        let staysOpen = request.isKeepAlive && !request.headers.contains(name: "upgrade") && !Self.closes(reply)
        context.write(wrapOutboundOut(.head(Self.head(reply, to: request, staysOpen: staysOpen))), promise: nil)
        if request.method != .HEAD, !reply.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        if !staysOpen { return close(after: written.futureResult) }
        current = nil
        // In a later turn: a service that answers at once must not be called within its own call.
        if !waiting.isEmpty { loop.run { self.answerNext() } }
    }

    func sendPart(_ reply: ServerReply, bytes: Int) {
        guard let context, let request = current else { return }
        context.write(wrapOutboundOut(.head(Self.head(reply, to: request, staysOpen: true))), promise: nil)
        let part = ByteBuffer(bytes: reply.body.prefix(max(0, bytes)))
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(part))), promise: written)
        close(after: written.futureResult)
    }

    func drop() { context?.channel.cut(withReset: false) }

    private func close(after written: EventLoopFuture<Void>) {
        written.whenComplete { _ in self.context?.close(promise: nil) }
    }

    /// For a request that never reached the service.
    private func refuse(_ status: HTTPResponseStatus) {
        waiting = []
        head = nil
        if current == nil { current = HTTPRequestHead(version: .http1_0, method: .GET, uri: "/") }
        send(ServerReply(status: Int(status.code)))
    }

    private static func closes(_ reply: ServerReply) -> Bool {
        reply.headers.contains { $0.0.lowercased() == "connection" && $0.1.lowercased() == "close" }
    }

    private static func head(_ reply: ServerReply, to request: HTTPRequestHead, staysOpen: Bool) -> HTTPResponseHead {
        var headers = HTTPHeaders(reply.headers)
        for name in ["connection", "transfer-encoding", "content-length"] { headers.remove(name: name) }
        // 204 and 304 have no body (RFC 9110, section 15).
        if reply.status >= 200, reply.status != 204, reply.status != 304 { headers.add(name: "Content-Length", value: "\(reply.body.count)") }
        if !staysOpen { headers.add(name: "Connection", value: "close") }
        if staysOpen, request.version != .http1_1 { headers.add(name: "Connection", value: "keep-alive") }
        return HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status), headers: headers)
    }

    // MARK: WebSocket

    private func upgrade(_ request: ServerRequest, _ head: HTTPRequestHead) {
        guard let key = request.header("sec-websocket-key"), head.method == .GET, head.version == .http1_1 else {
            return send(ServerReply(status: 400))
        }
        guard request.header("sec-websocket-version") == "13" else {
            return send(ServerReply(status: 426, headers: [("Sec-WebSocket-Version", "13")]))
        }
        switch service.acceptWebSocket(request) {
        case .accept(let delegate): become(delegate, key: key)
        case .refuse(let reply): send(reply)
        case .hang: break
        case .drop: drop()
        }
    }

    /// Answers 101 and gives the pipeline to a `ServerSocket`; what the client sent behind its request goes there.
    private func become(_ delegate: any ServerSocketDelegate, key: String) {
        guard let context else { return }
        let headers: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": UpgradeHandshake.accept(for: key),
        ]
        let answer = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        let socket = ServerSocket(context.channel, on: loop, delegate: delegate)
        let pipeline = context.pipeline.syncOperations
        do { try pipeline.addHandler(ServerSocketHandler(socket)) } catch { return drop() }
        pipeline.removeHandler(self, promise: nil)
        for handler in codec { pipeline.removeHandler(handler, promise: nil) }
        socket.opened()
    }
}
