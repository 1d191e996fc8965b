import K2WebSocket
import Testing

@Suite(.timeLimit(.minutes(2))) struct WebSocketTests {
    @Test func echoesBothWays() async throws {
        let loop = IOLoop()
        let peer = Peer(on: loop) { socket in
            socket.send(text: Array("hello".utf8))
            socket.flush()
        } onText: { socket, text in
            socket.send(text: text)
            socket.flush()
        }
        let server = try HTTPServer.listen(
            host: "127.0.0.1", port: 0, identity: nil, on: loop, service: Service(accept: { _ in .accept(peer) }))
        let client = try Client(on: loop, to: "ws://localhost:\(server.port)/")
        let first = try await client.events.next()
        #expect(first == .opened)
        #expect(try await client.events.next() == .text("hello"))
        for text in ["", "a", "žluťoučký kůň", String(repeating: "x", count: 125), String(repeating: "y", count: 126), String(repeating: "z", count: 70_000)] {
            client.act { $0.send(text: Array(text.utf8)) }
            #expect(try await client.events.next() == .text(text))
        }
        client.act { $0.close() }
        #expect(try await client.events.next() == .ended(.closed(code: 1000, reason: "")))
        server.close()
        loop.close()
    }
}
