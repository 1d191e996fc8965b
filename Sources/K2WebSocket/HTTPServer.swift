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
    private var listener: (any Channel)?
    private var service: (any HTTPService)?
    private let tls: NIOSSLContext?
    private var connections: [ObjectIdentifier: any Channel] = [:]

    /// The port it listens on.
    public private(set) var port = 0

    /// Binds and listens; port 0 picks a free one. `host`: an address of this machine, "0.0.0.0" and "::" mean all.
    /// The service may be called before this returns.
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
            let server = HTTPServer(loop, tls, service)
            let listener = try ServerBootstrap(group: loop.eventLoop)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try server.accepted(channel) } }
                .bind(host: host, port: port).wait()
            loop.runAndWait { server.listens(at: listener) }
            return server
        } catch { throw ListenError("cannot listen on \(place): \(ConnectionFailure.text(error))") }
    }

    private init(_ loop: IOLoop, _ tls: NIOSSLContext?, _ service: any HTTPService) {
        self.loop = loop
        self.tls = tls
        self.service = service
    }

    private func listens(at listener: any Channel) {
        self.listener = listener
        port = listener.localAddress?.port ?? 0
    }

    /// Stops listening and ends every connection. From any thread; off the loop it waits until that is done. Closing
    /// the loop does it too.
    public func close() {
        if loop.isCurrent { return closeAll() }
        if loop.hasEnded { return }
        let closed = loop.runAndWait {
            self.closeAll()
            return self.listener?.closeFuture
        }
        try? closed?.wait()
    }

    private func closeAll() {
        listener?.close(promise: nil)
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
