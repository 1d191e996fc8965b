import NIOCore
import NIOPosix
import NIOSSL

/// From nothing to the open WebSocket: connection, tunnel, TLS, upgrade.
extension WebSocket {
    /// `host:port` to which the connection itself leads.
    private var place: String { options.proxy?.hostAndPort ?? endpoint.hostAndPort }

    func start() {
        guard phase == .connecting else { return }
        ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(.microseconds(max(1, options.connectTimeout)))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 16)
            .connect(host: options.proxy?.host ?? endpoint.host, port: options.proxy?.port ?? endpoint.port)
            .whenComplete { self.connected($0) }
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .failure(let error): end(ConnectionFailure.connecting(error, to: place))
        case .success(let channel):
            guard phase == .connecting else { return channel.close(promise: nil) }
            self.channel = channel
            do {
                try channel.pipeline.syncOperations.addHandler(ClientHandler(self))
                if let proxy = options.proxy {
                    phase = .tunnelling
                    write(UpgradeHandshake.connectRequest(for: endpoint, through: proxy, userAgent: options.userAgent))
                } else {
                    try askForUpgrade()
                }
            } catch { failed(error) }
            if !channel.isActive { disconnected() }
        }
    }

    private func askForUpgrade() throws {
        phase = .upgrading
        if endpoint.isSecure, let channel {
            let context = try TLS.clientContext(trustFile: options.trustFile, on: loop)
            let handler = try TLS.clientHandler(context, for: endpoint, tunnelled: options.proxy != nil)
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        }
        write(UpgradeHandshake.request(for: endpoint, key: key, userAgent: options.userAgent))
    }

    /// Reads answers to CONNECT and to the upgrade; stops where frames begin.
    func readHead(_ input: inout UnsafeRawBufferPointer) {
        while phase == .tunnelling || phase == .upgrading {
            switch head.read(&input) {
            case .incomplete: return
            case .notHTTP: return end(.protocolError("\(phase == .tunnelling ? place : endpoint.hostAndPort): the answer is not HTTP"))
            // An answer before the answer (RFC 9110, section 15.2).
            case .head(let head) where head.status < 200 && head.status != 101: continue
            case .head(let head): phase == .tunnelling ? tunnelAnswered(head, input) : upgradeAnswered(head)
            }
        }
    }

    private func tunnelAnswered(_ head: ResponseHead, _ rest: UnsafeRawBufferPointer) {
        guard (200..<300).contains(head.status) else { return end(.proxyRefused(status: head.status)) }
        // The client speaks first in what follows, so these bytes come from nobody we asked.
        guard rest.isEmpty else { return end(.protocolError("\(place): bytes behind the answer to CONNECT")) }
        do { try askForUpgrade() } catch { failed(error) }
    }

    private func upgradeAnswered(_ head: ResponseHead) {
        if let refusal = UpgradeHandshake.refusal(head, key: key, now: WallClock.now) { return end(refusal) }
        deadline?.cancel()
        deadline = nil
        phase = .open
        delegate?.webSocketOpened(self)
    }

    private func write(_ text: String) {
        guard let channel else { return }
        var buffer = channel.allocator.buffer(capacity: text.utf8.count)
        buffer.writeString(text)
        channel.writeAndFlush(buffer).whenFailure { self.failed($0) }
    }

    /// The connection is broken.
    func failed(_ error: any Error) {
        switch phase {
        case .connecting, .tunnelling, .upgrading:
            let host = phase == .upgrading ? endpoint.host : place
            end(TLS.end(error, host: host) ?? ConnectionFailure.connecting(error, to: place))
        case .open, .closing:
            // TLS calls it an error when the peer just goes.
            if case .uncleanShutdown? = error as? NIOSSLError { return disconnected() }
            end(.reset("\(endpoint.hostAndPort): \(ConnectionFailure.text(error))"))
        case .ended: break
        }
    }

    /// The peer has closed the connection.
    func disconnected() {
        switch phase {
        case .connecting, .tunnelling, .upgrading: end(.unreachable("\(place): connection ended before it was open"))
        case .open: end(.closed(code: nil, reason: ""))
        case .closing: end(.closed(code: 1000, reason: ""))
        case .ended: break
        }
    }
}
