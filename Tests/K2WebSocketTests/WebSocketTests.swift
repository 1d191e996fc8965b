import K2WebSocket
import Synchronization
import Testing

private func options(_ change: (inout WebSocketOptions) -> Void) -> WebSocketOptions {
    var options = WebSocketOptions()
    change(&options)
    return options
}

/// How a client ends that connects to `url` and hears nothing before.
private func end(_ url: String, _ options: WebSocketOptions = WebSocketOptions()) async throws -> ClientEvent {
    let loop = IOLoop()
    defer { loop.close() }
    return try await Client(on: loop, to: url, options).events.next()
}

@Suite(.timeLimit(.minutes(2))) struct WebSocketTests {
    @Test func echoesBothWays() async throws {
        let peer = Peer { socket in
            socket.send(text: Array("hello".utf8))
            socket.flush()
        } onText: { socket, text in
            socket.send(text: text)
            socket.flush()
        }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .text("hello"))
            for length in [0, 1, 125, 126, 65_535, 65_536, 3_000_000] {
                let text = String(repeating: "ž", count: length / 2) + (length % 2 == 1 ? "x" : "")
                client.act { $0.send(text: Array(text.utf8)) }
                #expect(try await client.events.next() == .text(text))
            }
            client.act { $0.close() }
            #expect(try await client.events.next() == .ended(.closed(code: 1000, reason: "")))
            var heard: [PeerEvent] = []
            while heard.last != .ended { heard.append(try await peer.events.next()) }
            // Between them it says that the large message has gone.
            #expect(heard.filter { $0 != .writable }.count == 9)
        }
    }

    @Test func joinsFragmentsAndHandsOutRunsOfMessages() async throws {
        let peer = Peer { socket in
            socket.send(fragments: [Array("a".utf8), [], Array("bc".utf8), Array("d".utf8)])
            for number in 0..<5000 { socket.send(text: Array("message \(number)".utf8)) }
            socket.sendRaw([0x82, 2, 0xff, 0xfe])
            socket.flush()
        }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .text("abcd"))
            for number in 0..<5000 { #expect(try await client.events.next() == .text("message \(number)")) }
            #expect(try await client.events.next() == .binary([0xff, 0xfe]))
            let drains = client.drains.withLock { $0 }
            #expect(drains >= 1 && drains < 5000)
        }
    }

    @Test func answersPingsWithTheirPayload() async throws {
        // A server of few words, so that the bytes of the pong are seen.
        let pong = Mailbox<[UInt8]>()
        let server = RawServer { connection in
            let request = connection.read(through: "\r\n\r\n")
            connection.send(UpgradeAnswer.text(to: request))
            connection.send([0x89, 3, 1, 2, 3])
            var frame: [UInt8] = []
            while frame.count < 9, let more = connection.read(), !more.isEmpty { frame += more }
            if frame.count == 9 { pong.put(Array(frame[..<2]) + zip(frame[6...], frame[2...]).map { $0 ^ $1 }) }
            _ = connection.read()
        }
        try await withLoop { loop in
            let client = try Client(on: loop, to: "ws://127.0.0.1:\(server.port)/")
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .ping)
            #expect(try await pong.next() == [0x8a, 0x83, 1, 2, 3])
            client.act { $0.abort() }
            #expect(try await client.events.next() == .ended(.closed(code: nil, reason: "aborted")))
        }
    }

    @Test func pingsBothWays() async throws {
        let peer = Peer()
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            client.act { $0.ping() }
            #expect(try await client.events.next() == .pong)
            #expect(try await peer.events.next() == .opened)
            #expect(try await peer.events.next() == .ping)
            peer.act(on: loop) {
                $0.ping([7])
                $0.flush()
            }
            #expect(try await client.events.next() == .ping)
            #expect(try await peer.events.next() == .pong)
        }
    }

    @Test func tellsTheCodeOfTheServer() async throws {
        let peer = Peer { $0.close(code: 4001, reason: "go away") }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .ended(.closed(code: 4001, reason: "go away")))
            #expect(try await peer.events.next() == .opened)
            #expect(try await peer.events.next() == .ended)
        }
    }

    @Test func closesWithinTwoSecondsWithoutAnAnswer() async throws {
        let peer = Peer { $0.stopReading() }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            let start = ContinuousClock.now
            client.act { $0.close() }
            #expect(try await client.events.next() == .ended(.closed(code: 1000, reason: "")))
            #expect(ContinuousClock.now - start > .milliseconds(1900))
        }
    }

    @Test func tellsAnEndWithoutACloseFrame() async throws {
        let peer = Peer(onText: { socket, _ in socket.drop() })
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            client.act { $0.send(text: [0x61]) }
            guard case .ended(let end) = try await client.events.next() else { return #expect(Bool(false), "not the end") }
            guard case .reset(let text) = end else { return #expect(Bool(false), "not a reset: \(end)") }
            #expect(text.hasSuffix("connection reset by peer"))
        }
        let server = RawServer { connection in
            connection.send(UpgradeAnswer.text(to: connection.read(through: "\r\n\r\n")))
            connection.finishSending()
            _ = connection.readToEnd()
        }
        try await withLoop { loop in
            let client = try Client(on: loop, to: "ws://127.0.0.1:\(server.port)/")
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .ended(.closed(code: nil, reason: "")))
        }
    }

    @Test func abortInsideACallEndsTheCalls() async throws {
        let peer = Peer { socket in
            for _ in 0..<100 { socket.send(text: [0x61]) }
            socket.flush()
        }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url, onMessage: { $0.abort() })
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .text("a"))
            #expect(try await client.events.next() == .ended(.closed(code: nil, reason: "aborted")))
            try await Task.sleep(for: .milliseconds(50))
            #expect(client.events.count == 0)
        }
    }

    @Test func nothingStaysInMemoryAfterTheEnd() async throws {
        let peer = Peer()
        try await withPeer(peer) { loop, url in
            let gone = Mailbox<Bool>()
            final class Witness: WebSocketDelegate {
                let gone: Mailbox<Bool>
                init(_ gone: Mailbox<Bool>) { self.gone = gone }
                func webSocketOpened(_ socket: WebSocket) { socket.close() }
                func webSocket(_ socket: WebSocket, received message: UnsafeRawBufferPointer, isText: Bool) {}
                func webSocket(_ socket: WebSocket, ended reason: WebSocketEnd) {}
                deinit { gone.put(true) }
            }
            let endpoint = try WebSocketEndpoint(url)
            let weak = WeakSocket()
            loop.runAndWait { weak.socket = WebSocket.connect(to: endpoint, options: WebSocketOptions(), on: loop, delegate: Witness(gone)) }
            #expect(try await gone.next())
            try await eventually("the socket is gone") { loop.runAndWait { weak.socket == nil } }
        }
    }

    @Test func boundsMessages() async throws {
        let peer = Peer { socket in
            socket.send(text: [UInt8](repeating: 0x61, count: 1000))
            socket.send(text: [UInt8](repeating: 0x61, count: 1001))
            socket.flush()
        }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url, options { $0.maxMessageBytes = 1000 })
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .text(String(repeating: "a", count: 1000)))
            #expect(try await client.events.next() == .ended(.protocolError("message of 1001 bytes or more: larger than the limit of 1000")))
        }
    }

    @Test(arguments: [
        ([0xc1, 0], "frame with reserved bits set"), ([0x83, 0], "frame with unknown opcode 3"),
        ([0x81, 0x81, 0, 0, 0, 0, 0], "masked frame from a server"),
        ([0x81, 1, 0xff], "text message that is not UTF-8"),
    ] as [([UInt8], String)])
    func refusesBadFrames(bytes: [UInt8], message: String) async throws {
        let peer = Peer { socket in
            socket.sendRaw(bytes)
            socket.flush()
        }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .ended(.protocolError(message)))
            #expect(try await peer.events.next() == .opened)
            #expect(try await peer.events.next() == .ended)
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct WebSocketOpeningTests {
    @Test func tellsWhenToComeBack() async throws {
        for (value, atMost) in [("17", 17_000_000...17_000_000), ("Fri, 01 Jan 2100 00:00:00 GMT", 1_000_000...Int64.max)] {
            let service = Service(accept: { _ in .refuse(ServerReply(status: 429, headers: [("Retry-After", value)], body: [0x61])) })
            try await withServer(service) { loop, server in
                let event = try await Client(on: loop, to: "ws://127.0.0.1:\(server.port)/").events.next()
                guard case .ended(.refused(429, let wait?)) = event else { return #expect(Bool(false), "\(event)") }
                #expect(atMost.contains(wait))
            }
        }
        let service = Service(accept: { _ in .refuse(ServerReply(status: 503)) })
        try await withServer(service) { loop, server in
            let event = try await Client(on: loop, to: "ws://127.0.0.1:\(server.port)/").events.next()
            #expect(event == .ended(.refused(status: 503, retryAfter: nil)))
        }
    }

    @Test func timesOutWhenTheServerHangs() async throws {
        try await withServer(Service(accept: { _ in .hang })) { loop, server in
            let client = try Client(on: loop, to: "ws://127.0.0.1:\(server.port)/", options { $0.connectTimeout = 200_000 })
            #expect(try await client.events.next() == .ended(.timedOut))
            // The same while TLS is awaited.
            let silent = RawServer { _ = $0.readToEnd() }
            let other = try Client(on: loop, to: "wss://127.0.0.1:\(silent.port)/", options { $0.connectTimeout = 200_000 })
            #expect(try await other.events.next() == .ended(.timedOut))
        }
    }

    @Test func tellsAServerThatGoesAway() async throws {
        try await withServer(Service(accept: { _ in .drop })) { loop, server in
            let place = "127.0.0.1:\(server.port)"
            let event = try await Client(on: loop, to: "ws://\(place)/").events.next()
            #expect(event == .ended(.unreachable("\(place): connection ended before it was open")))
        }
    }

    @Test func tellsWhatIsNotThere() async throws {
        let loop = IOLoop()
        let server = try HTTPServer.listen(host: "127.0.0.1", port: 0, identity: nil, on: loop, service: Service())
        let place = "127.0.0.1:\(server.port)"
        server.close()
        loop.close()
        #expect(try await end("ws://\(place)/") == .ended(.unreachable("\(place): connection refused")))
        #expect(try await end("ws://no-such-host.invalid/") == .ended(.unreachable("no-such-host.invalid:80: cannot find the address of this name")))
    }

    @Test func aBadAnswerIsAnErrorOfTheProtocol() async throws {
        let other = RawServer(answering: "SSH-2.0-OpenSSH_9.2\r\n", thenClosesAt: false)
        #expect(try await end("ws://127.0.0.1:\(other.port)/") == .ended(.protocolError("127.0.0.1:\(other.port): the answer is not HTTP")))
        let wrong = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n"
        let liar = RawServer(answering: wrong, thenClosesAt: false)
        #expect(
            try await end("ws://127.0.0.1:\(liar.port)/")
                == .ended(.protocolError("Sec-WebSocket-Accept does not fit the key that was sent")))
    }

    @Test func framesMayComeWithTheAnswer() async throws {
        let server = RawServer { connection in
            let request = connection.read(through: "\r\n\r\n")
            connection.send(Array(("HTTP/1.1 100 Continue\r\n\r\n" + UpgradeAnswer.text(to: request)).utf8) + [0x81, 2, 0x68, 0x69, 0x88, 0])
            _ = connection.readToEnd()
        }
        try await withLoop { loop in
            let client = try Client(on: loop, to: "ws://127.0.0.1:\(server.port)/")
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .text("hi"))
            #expect(try await client.events.next() == .ended(.closed(code: nil, reason: "")))
        }
    }

    @Test func closeAndAbortBeforeItIsOpen() async throws {
        try await withServer(Service(accept: { _ in .hang })) { loop, server in
            let url = "ws://127.0.0.1:\(server.port)/"
            let closed = try Client(on: loop, to: url)
            closed.act { $0.close() }
            #expect(try await closed.events.next() == .ended(.closed(code: nil, reason: "")))
            let aborted = try Client(on: loop, to: url)
            aborted.act { socket in
                socket.abort()
                socket.abort()
                socket.send(text: [0x61])
            }
            #expect(try await aborted.events.next() == .ended(.closed(code: nil, reason: "aborted")))
            try await Task.sleep(for: .milliseconds(30))
            #expect(aborted.events.count == 0)
        }
    }

    @Test func sendsWhatItIs() async throws {
        let service = Service(accept: { _ in .hang })
        try await withServer(service) { loop, server in
            let client = try Client(on: loop, to: "ws://localhost:\(server.port)/a?b=c", options { $0.userAgent = "k2/test" })
            let request = try await service.requests.next()
            #expect(request.target == "/a?b=c")
            #expect(request.header("host") == "localhost:\(server.port)")
            #expect(request.header("User-Agent") == "k2/test")
            client.act { $0.abort() }
        }
    }

    @Test func theServerOnlyAcceptsTheVersionOfTheRFC() async throws {
        try await withServer(Service(accept: { _ in .accept(Peer()) })) { _, server in
            let old = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n"
            for (lines, status) in [(old, "426"), ("Sec-WebSocket-Version: 13\r\n", "400")] {
                let connection = try RawSocket(port: server.port)
                connection.send("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\(lines)\r\n")
                #expect(connection.readToEnd().hasPrefix("HTTP/1.1 \(status) "))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct ProxyTunnelTests {
    @Test func connectsThroughTheProxy() async throws {
        let peer = Peer { socket in
            socket.send(text: Array("through".utf8))
            socket.flush()
        }
        let proxy = RawProxy()
        try await withPeer(peer) { loop, url in
            let address = try ProxyAddress("http://me:s%20cret@127.0.0.1:\(proxy.port)")
            let client = try Client(on: loop, to: url.replacing("localhost", "far.example"), options { $0.proxy = address })
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .text("through"))
            let asked = try await proxy.asked.next()
            #expect(asked.hasPrefix("CONNECT far.example:"))
            #expect(asked.contains("\r\nProxy-Authorization: Basic bWU6cyBjcmV0\r\n"))
            client.act { $0.close() }
            #expect(try await client.events.next() == .ended(.closed(code: 1000, reason: "")))
        }
    }

    @Test func tellsWhatTheProxyRefuses() async throws {
        let proxy = RawProxy(answer: "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        let address = try ProxyAddress("http://127.0.0.1:\(proxy.port)")
        #expect(try await end("wss://far.example/", options { $0.proxy = address }) == .ended(.proxyRefused(status: 407)))
    }

    @Test func tellsAProxyThatIsNotThereOrNone() async throws {
        let gone = try ProxyAddress("http://127.0.0.1:1")
        #expect(try await end("wss://far.example/", options { $0.proxy = gone }) == .ended(.unreachable("127.0.0.1:1: connection refused")))
        let server = RawServer(answering: "220 mail ready\r\n", thenClosesAt: false)
        let none = try ProxyAddress("http://127.0.0.1:\(server.port)")
        let event = try await end("wss://far.example/", options { $0.proxy = none })
        #expect(event == .ended(.protocolError("127.0.0.1:\(server.port): the answer is not HTTP")))
    }
}

/// Touched on one loop only.
private final class WeakSocket: @unchecked Sendable { weak var socket: WebSocket? }

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
