import K2WebSocket
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServerSocketTests {
    /// A client of few words: upgrades and then reads only when told.
    private func slowClient(_ port: Int) throws -> RawSocket {
        let connection = try RawSocket(port: port)
        connection.send(
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        #expect(connection.read(through: "\r\n\r\n").contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        return connection
    }

    @Test func saysWhenItIsFullAndWhenNoMore() async throws {
        let peer = Peer()
        try await withServer(Service(accept: { _ in .accept(peer) })) { loop, server in
            let connection = try slowClient(server.port)
            #expect(try await peer.events.next() == .opened)
            let sent = Mailbox<Int>()
            peer.act(on: loop) { socket in
                let message = [UInt8](repeating: 0x61, count: 60_000)
                var count = 0
                // Ends: what the system takes is bounded.
                while socket.isWritable, count < 10_000 {
                    socket.send(text: message)
                    socket.flush()
                    count += 1
                }
                sent.put(count)
            }
            let count = try await sent.next()
            #expect(count > 17 && count < 10_000)
            #expect(peer.events.count == 0)
            var bytes = 0
            while bytes < count * 60_004, let more = connection.read(), !more.isEmpty { bytes += more.count }
            #expect(bytes == count * 60_004)
            #expect(try await peer.events.next() == .writable)
            peer.act(on: loop) { socket in if socket.isWritable { sent.put(1) } }
            #expect(try await sent.next() == 1)
        }
    }

    @Test func isFullWithoutAFlushToo() async throws {
        let peer = Peer { socket in
            for _ in 0..<20 { socket.send(text: [UInt8](repeating: 0x61, count: 60_000)) }
            if !socket.isWritable { socket.flush() }
        }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            for _ in 0..<20 { _ = try await client.events.next() }
            #expect(try await peer.events.next() == .opened)
            #expect(try await peer.events.next() == .writable)
        }
    }

    @Test func stopsReading() async throws {
        let peer = Peer { $0.stopReading() }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await peer.events.next() == .opened)
            client.act { $0.send(text: Array("later".utf8)) }
            try await Task.sleep(for: .milliseconds(100))
            #expect(peer.events.count == 0)
            peer.act(on: loop) { $0.startReading() }
            #expect(try await peer.events.next() == .text("later"))
        }
    }

    @Test func refusesClientsThatBreakTheProtocol() async throws {
        let peer = Peer()
        try await withServer(Service(accept: { _ in .accept(peer) })) { _, server in
            let connection = try slowClient(server.port)
            connection.send([0x81, 1, 0x61])
            let close: [UInt8] = [0x88, 2 + 36, 0x03, 0xea]
            #expect(connection.read()?.starts(with: close) == true)
            #expect(try await peer.events.next() == .opened)
            #expect(try await peer.events.next() == .ended)
        }
    }

    @Test func sendingAfterTheEndDoesNothing() async throws {
        let peer = Peer()
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await peer.events.next() == .opened)
            client.act { $0.abort() }
            #expect(try await peer.events.next() == .ended)
            peer.act(on: loop) { socket in
                socket.send(text: [0x61])
                socket.flush()
                socket.close(code: 1000, reason: "")
                socket.stopReading()
                socket.drop()
            }
            try await Task.sleep(for: .milliseconds(30))
            #expect(peer.events.count == 0)
        }
    }

    @Test func aLongReasonIsCutBetweenCharacters() async throws {
        let peer = Peer { $0.close(code: 1001, reason: String(repeating: "ž", count: 100)) }
        try await withPeer(peer) { loop, url in
            let client = try Client(on: loop, to: url)
            #expect(try await client.events.next() == .opened)
            #expect(try await client.events.next() == .ended(.closed(code: 1001, reason: String(repeating: "ž", count: 61))))
        }
    }
}
