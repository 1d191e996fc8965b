import K2TestSupport
import K2WebSocket
import Testing

/// A certificate signed by itself for `names`, such as "DNS:localhost,IP:127.0.0.1".
private func identity(_ names: String, in folder: TestFolder) throws -> ServerIdentity {
    let (certificate, key) = (try folder.file("cert.pem"), try folder.file("key.pem"))
    let openssl = try ToolProcess.start(
        "/usr/bin/openssl",
        [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=k2 test",
            "-addext", "subjectAltName=\(names)", "-keyout", key, "-out", certificate,
        ])
    let result = try openssl.finish(seconds: 30)
    guard result.status == 0 else { throw TestFailure(description: result.stderr) }
    return ServerIdentity(certificateFile: certificate, keyFile: key)
}

private func greeting() -> Peer {
    Peer { socket in
        socket.send(text: Array("secret".utf8))
        socket.flush()
    }
}

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
    /// How a client ends, or begins, that trusts `trustFile`.
    private func first(_ loop: IOLoop, _ url: String, trusting file: String?, through proxy: ProxyAddress? = nil) async throws -> ClientEvent {
        var options = WebSocketOptions()
        options.trustFile = file
        options.proxy = proxy
        let client = try Client(on: loop, to: url, options)
        let event = try await client.events.next()
        if event != .opened { return event }
        #expect(try await client.events.next() == .text("secret"))
        client.act { $0.close() }
        return try await client.events.next()
    }

    private let good = ClientEvent.ended(.closed(code: 1000, reason: ""))

    @Test func trustsTheFileOnly() async throws {
        let folder = try TestFolder()
        let identity = try identity("DNS:localhost,IP:127.0.0.1", in: folder)
        try await withServer(Service(accept: { _ in .accept(greeting()) }), identity: identity) { loop, server in
            let (name, address) = ("wss://localhost:\(server.port)/", "wss://127.0.0.1:\(server.port)/")
            #expect(try await first(loop, name, trusting: identity.certificateFile) == good)
            #expect(try await first(loop, address, trusting: identity.certificateFile) == good)
            #expect(
                try await first(loop, name, trusting: nil)
                    == .ended(.tls("localhost: the certificate is not trusted: unknown authority, self-signed or out of date")))
            let missing = try await first(loop, name, trusting: "/no/such.pem")
            #expect(missing == .ended(.tls("/no/such.pem: cannot read certificates: no such file or directory")))
        }
    }

    @Test func theNameMustFit() async throws {
        let folder = try TestFolder()
        let identity = try identity("DNS:other.example", in: folder)
        try await withServer(Service(accept: { _ in .accept(greeting()) }), identity: identity) { loop, server in
            for host in ["localhost", "127.0.0.1"] {
                let event = try await first(loop, "wss://\(host):\(server.port)/", trusting: identity.certificateFile)
                #expect(event == .ended(.tls("the certificate is not for \(host)")))
            }
            // Through a proxy the name counts, not where the connection leads.
            let proxy = RawProxy()
            let address = try ProxyAddress("http://127.0.0.1:\(proxy.port)")
            #expect(try await first(loop, "wss://other.example:\(server.port)/", trusting: identity.certificateFile, through: address) == good)
            #expect(
                try await first(loop, "wss://wrong.example:\(server.port)/", trusting: identity.certificateFile, through: address)
                    == .ended(.tls("the certificate is not for wrong.example")))
            #expect(
                try await first(loop, "wss://127.0.0.1:\(server.port)/", trusting: identity.certificateFile, through: address)
                    == .ended(.tls("cannot verify the address 127.0.0.1 through a proxy: give a name")))
        }
    }

    @Test func aServerWithoutTLSIsTold() async throws {
        try await withServer(Service()) { loop, server in
            let event = try await first(loop, "wss://127.0.0.1:\(server.port)/", trusting: nil)
            #expect(event == .ended(.tls("127.0.0.1: wrong version number")))
        }
        let goes = RawServer { _ = $0.read() }
        try await withLoop { loop in
            let event = try await first(loop, "wss://127.0.0.1:\(goes.port)/", trusting: nil)
            guard case .ended(.unreachable) = event else { return #expect(Bool(false), "\(event)") }
        }
    }

    @Test func manyMessagesAndALargeOne() async throws {
        let folder = try TestFolder()
        let identity = try identity("DNS:localhost", in: folder)
        let large = [UInt8](repeating: 0x61, count: 5_000_000)
        let peer = Peer { socket in
            for _ in 0..<10_000 { socket.send(text: [0x62]) }
            socket.send(text: large)
            socket.flush()
        }
        try await withPeer(peer, identity: identity) { loop, url in
            var options = WebSocketOptions()
            options.trustFile = identity.certificateFile
            let client = try Client(on: loop, to: url, options)
            #expect(try await client.events.next() == .opened)
            for _ in 0..<10_000 { #expect(try await client.events.next() == .text("b")) }
            #expect(try await client.events.next() == .text(String(decoding: large, as: UTF8.self)))
            peer.act(on: loop) { $0.drop() }
            guard case .ended(let end) = try await client.events.next() else { return #expect(Bool(false)) }
            guard case .reset = end else { return #expect(Bool(false), "\(end)") }
        }
    }

    @Test func anIdentityThatCannotBeUsed() throws {
        let loop = IOLoop()
        defer { loop.close() }
        #expect {
            let identity = ServerIdentity(certificateFile: "/no/c.pem", keyFile: "/no/k.pem")
            _ = try HTTPServer.listen(host: "127.0.0.1", port: 0, identity: identity, on: loop, service: Service())
        } throws: { "\($0)" == "/no/c.pem: cannot read: no such file or directory" }
    }
}
