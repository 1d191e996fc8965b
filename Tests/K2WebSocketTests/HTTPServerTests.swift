import K2WebSocket
import Testing

@Suite(.timeLimit(.minutes(2))) struct HTTPServerTests {
    private let echo = Service(answer: { request, reply in
        let body = Array("\(request.target) ".utf8) + request.body
        reply.send(ServerReply(status: 200, headers: [("X-Method", request.method)], body: body))
    })

    @Test func keepsConnectionsAlive() async throws {
        try await withServer(echo) { _, server in
            let connection = try RawSocket(port: server.port)
            for number in 0..<3 {
                connection.send("GET /\(number)?q HTTP/1.1\r\nHost: h\r\n\r\n")
                let answer = connection.read(through: "/\(number)?q ")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(answer.lowercased().contains("content-length: 5\r\n"))
                #expect(answer.contains("X-Method: GET\r\n"))
            }
            connection.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(connection.readToEnd().hasSuffix("Connection: close\r\n\r\n/last "))
        }
    }

    @Test func readsBodies() async throws {
        try await withServer(echo) { _, server in
            let connection = try RawSocket(port: server.port)
            connection.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
            connection.send("llo")
            #expect(connection.read(through: "/a hello").hasSuffix("/a hello"))
            connection.send("POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
            #expect(connection.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            connection.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            #expect(connection.read(through: "/b abcde").hasSuffix("/b abcde"))
            // Requests that do not wait for their answers get them in order.
            connection.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
            connection.send("HEAD /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let answers = connection.readToEnd().split(separator: "HTTP/1.1 200 OK")
            #expect(answers.count == 3)
            #expect(answers.first?.hasSuffix("/1 ") == true && answers.dropFirst().first?.hasSuffix("/2 ") == true)
            #expect(answers.last?.hasSuffix("\r\n\r\n") == true)
        }
    }

    @Test func mayAnswerLater() async throws {
        let handles = Mailbox<ReplyHandle>()
        try await withServer(Service(answer: { _, reply in handles.put(reply) })) { loop, server in
            let connection = try RawSocket(port: server.port)
            connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let handle = try await handles.next()
            loop.runAndWait {
                handle.send(ServerReply(status: 204))
                handle.send(ServerReply(status: 500))
            }
            #expect(connection.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 204 No Content\r\n"))
            connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let second = try await handles.next()
            connection.finishSending()
            _ = connection.readToEnd()
            // The client has gone: the answer goes nowhere.
            loop.runAndWait { second.send(ServerReply(status: 200)) }
        }
    }

    @Test func dropsAndSendsParts() async throws {
        let service = Service(answer: { request, reply in
            if request.target == "/drop" { return reply.drop() }
            reply.sendPart(ServerReply(status: 200, body: Array("0123456789".utf8)), bytes: 4)
        })
        try await withServer(service) { _, server in
            let dropped = try RawSocket(port: server.port)
            dropped.send("GET /drop HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(dropped.readToEnd() == "")
            let cut = try RawSocket(port: server.port)
            cut.send("GET /part HTTP/1.1\r\nHost: h\r\n\r\n")
            let text = cut.readToEnd()
            #expect(text.hasSuffix("\r\n\r\n0123"))
            #expect(text.lowercased().contains("content-length: 10\r\n"))
        }
    }

    @Test func badRequestsAreTold() async throws {
        try await withServer(echo) { _, server in
            let connection = try RawSocket(port: server.port)
            connection.send("nonsense\r\n\r\n")
            #expect(connection.readToEnd().hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            // An upgrade to what we do not speak is a request like any other.
            let other = try RawSocket(port: server.port)
            other.send("GET /h2 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            #expect(other.readToEnd().hasSuffix("/h2 "))
        }
    }

    @Test func upgradesAreRefusedByDefault() async throws {
        final class Plain: HTTPService {
            func handle(_ request: ServerRequest, _ reply: ReplyHandle) { reply.send(ServerReply(status: 200)) }
        }
        try await withLoop { loop in
            let server = try HTTPServer.listen(host: "127.0.0.1", port: 0, identity: nil, on: loop, service: Plain())
            #expect(try await Client(on: loop, to: "ws://127.0.0.1:\(server.port)/").events.next() == .ended(.refused(status: 404, retryAfter: nil)))
            server.close()
        }
    }

    @Test func aPortThatIsTaken() async throws {
        try await withServer(echo) { loop, server in
            #expect { _ = try HTTPServer.listen(host: "127.0.0.1", port: server.port, identity: nil, on: loop, service: echo) } throws: {
                "\($0)" == "cannot listen on 127.0.0.1:\(server.port): address already in use"
            }
            #expect(throws: ListenError.self) { try HTTPServer.listen(host: "192.0.2.1", port: 0, identity: nil, on: loop, service: echo) }
            #expect(throws: ListenError.self) { try HTTPServer.listen(host: "no-such-host.invalid", port: 0, identity: nil, on: loop, service: echo) }
        }
    }

    @Test func closeEndsConnectionsAndFreesThePort() async throws {
        try await withLoop { loop in
            let peer = Peer()
            let server = try HTTPServer.listen(host: "127.0.0.1", port: 0, identity: nil, on: loop, service: Service(accept: { _ in .accept(peer) }))
            let client = try Client(on: loop, to: "ws://127.0.0.1:\(server.port)/")
            #expect(try await client.events.next() == .opened)
            server.close()
            #expect(try await client.events.next() == .ended(.closed(code: nil, reason: "")))
            #expect(try await peer.events.next() == .opened)
            #expect(try await peer.events.next() == .ended)
            let again = try HTTPServer.listen(host: "127.0.0.1", port: server.port, identity: nil, on: loop, service: echo)
            #expect(again.port == server.port)
            again.close()
        }
    }
}
