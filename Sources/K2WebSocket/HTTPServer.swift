import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a server could not listen; one line.
public struct ListenError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// HTTP/1.1 with keep-alive, and WebSockets, on one port.
///
/// Sendable although unchecked: what changes is touched on its loop only.
public final class HTTPServer: @unchecked Sendable {
    let loop: IOLoop
    private let listener: any Channel
    private var service: (any HTTPService)?
    private let tls: NIOSSLContext?
    private var connections: [ObjectIdentifier: any Channel] = [:]

    /// The port it listens on.
    public let port: Int

    /// Binds and listens; port 0 picks a free one. `host`: an address of this machine, "0.0.0.0" and "::" mean all.
    /// - Parameter identity: with one, everything is TLS.
    /// - Precondition: not called on `loop`.
    /// - Throws: when the address is taken or not ours, or the identity cannot be used.
    public static func listen(
        host: String, port: Int, identity: ServerIdentity?, on loop: IOLoop, service: any HTTPService
    ) throws(ListenError) -> HTTPServer {
        precondition(!loop.isCurrent, "HTTPServer.listen on its loop")
        var tls: NIOSSLContext?
        if let identity {
            do throws(TLSFailure) { tls = try TLS.serverContext(identity) } catch { throw ListenError(error.message) }
        }
        let place = "\(URLParts.bracketed(host)):\(port)"
        do {
            let start = Start()
            let listener = try ServerBootstrap(group: loop.eventLoop)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try start.server?.accepted(channel) } }
                .bind(host: host, port: port).wait()
            let server = HTTPServer(loop, listener, tls, service)
            loop.runAndWait { start.server = server }
            return server
        } catch { throw ListenError("cannot listen on \(place): \(ConnectionFailure.text(error))") }
    }

    private init(_ loop: IOLoop, _ listener: any Channel, _ tls: NIOSSLContext?, _ service: any HTTPService) {
        self.loop = loop
        self.listener = listener
        self.tls = tls
        self.service = service
        port = listener.localAddress?.port ?? 0
    }

    /// Stops listening and ends every connection. From any thread; off the loop it waits until that is done.
    public func close() {
        if loop.isCurrent { return closeAll() }
        loop.runAndWait { self.closeAll() }
        try? listener.closeFuture.wait()
    }

    private func closeAll() {
        listener.close(promise: nil)
        service = nil
        for channel in connections.values { channel.close(promise: nil) }
    }

    private func accepted(_ channel: any Channel) throws {
        guard let service else { return channel.close(promise: nil) }
        let name = ObjectIdentifier(channel)
        connections[name] = channel
        channel.closeFuture.whenComplete { _ in self.connections[name] = nil }
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        try pipeline.addHandlers([encoder, decoder])
        try pipeline.addHandler(HTTPConnection(service, on: loop, codec: [decoder, encoder]))
    }
}

/// Lets the accepting closure, which exists before the server, find the server. On the loop only.
private final class Start: @unchecked Sendable { var server: HTTPServer? }
