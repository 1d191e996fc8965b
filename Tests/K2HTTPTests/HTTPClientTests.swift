import Foundation
import K2Compression
import K2HTTP
import K2TestSupport
import Testing

/// The client against a server that misbehaves as the test wants.
@Suite struct HTTPClientTests {
    private static func ok(_ body: String, _ more: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(more)\r\n\(body)"
    }

    private static func client(_ change: (inout HTTPOptions) -> Void = { _ in }) -> HTTPClient {
        var options = HTTPOptions()
        change(&options)
        return HTTPClient(options: options)
    }

    private static func error(_ work: () throws -> Void) throws -> HTTPError {
        do { try work() } catch let error as HTTPError { return error }
        throw TestTrouble("no error was thrown")
    }

    private static func gzip(_ text: [UInt8]) throws -> [UInt8] {
        var writer = try GzipWriter()
        var output: [UInt8] = []
        writer.write(text.span, to: &output)
        writer.finishMember(to: &output)
        return output
    }

    @Test(arguments: [200, 204, 304, 400, 404, 418, 429, 500, 503])
    func everyStatusIsAnAnswer(_ status: Int) throws {
        let server = try RawServer { exchange in
            let body = status == 204 || status == 304 ? "" : "Content-Length: 4\r\n"
            exchange.send("HTTP/1.1 \(status) Some Words\r\n\(body)X-One:  spaced \r\nx-one: second\r\n\r\n" + (body == "" ? "" : "text"))
            return true
        }
        defer { server.stop() }
        let answer = try Self.client().get(server.url)
        #expect(answer.status == status)
        #expect(answer.body == (status == 204 || status == 304 ? [] : Array("text".utf8)))
        #expect(answer.header("X-ONE") == "spaced" && answer.header("x-two") == nil)
        #expect(answer.headers.filter { $0.name.lowercased() == "x-one" }.map(\.value) == ["spaced", "second"])
    }

    @Test func theRequestLooksLikeThis() throws {
        let server = try RawServer { exchange in
            exchange.send(Self.ok(exchange.head))
            return true
        }
        defer { server.stop() }
        let answer = try Self.client { $0.userAgent = "k2-feed/1" }.get(
            server.url + "/api/v3/trades?symbol=BTCUSDT", headers: [("X-Key", "a: b"), ("X-Empty", "")])
        let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\r\n").map(String.init)
        #expect(lines.first == "GET /api/v3/trades?symbol=BTCUSDT HTTP/1.1")
        for line in ["User-Agent: k2-feed/1", "Accept-Encoding: gzip", "X-Key: a: b", "X-Empty:", "Host: 127.0.0.1:\(server.port)"] {
            #expect(lines.contains(line))
        }
    }

    @Test func aConnectionIsReused() throws {
        let server = try RawServer { exchange in
            exchange.send(Self.ok("\(exchange.connection)"))
            return true
        }
        defer { server.stop() }
        let client = Self.client()
        let answers = try (0..<5).map { _ in try client.get(server.url) }
        #expect(answers.allSatisfy { $0.body == Array("0".utf8) })
        #expect(answers.map(\.openedConnections) == [1, 0, 0, 0, 0])
    }

    @Test func aConnectionThatTheServerClosedIsOpenedAgain() throws {
        let server = try RawServer { exchange in
            exchange.send(Self.ok("\(exchange.connection)"))
            return false
        }
        defer { server.stop() }
        let client = Self.client()
        for number in 0..<3 {
            #expect(try client.get(server.url).body == Array("\(number)".utf8))
            usleep(20_000)
        }
    }

    @Test func gzipIsDecompressed() throws {
        let text = Array(String(repeating: "{\"price\":\"83744.30\"}\n", count: 1_000).utf8)
        let packed = try Self.gzip(text)
        let server = try RawServer { exchange in
            exchange.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
            exchange.send(packed)
            return true
        }
        defer { server.stop() }
        #expect(try Self.client().get(server.url).body == text)
    }

    @Test func damagedGzipIsAnError() throws {
        let server = try RawServer { exchange in
            exchange.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!")
            return true
        }
        defer { server.stop() }
        #expect(try Self.error { _ = try Self.client().get(server.url) }.code == .other)
    }

    @Test func aBodyOverTheLimitIsRefusedAlsoWhenItIsSmallOnTheWire() throws {
        let packed = try Self.gzip([UInt8](repeating: 0x61, count: 1 << 20))
        let server = try RawServer { exchange in
            if exchange.head.hasPrefix("GET /exact") {
                exchange.send(Self.ok(String(repeating: "b", count: 10_000)))
            } else {
                exchange.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
                exchange.send(packed)
            }
            return true
        }
        defer { server.stop() }
        let client = Self.client { $0.maxBodyBytes = 10_000 }
        let error = try Self.error { _ = try client.get(server.url + "/large?key=secret") }
        #expect(error.code == .tooLarge)
        #expect(error.description == "\(server.url)/large: answer too large: expected at most 10000 bytes")
        #expect(try client.get(server.url + "/exact").body.count == 10_000)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour"])
    func anAnswerThatEndsEarlyIsCutOff(_ bytes: String) throws {
        let server = try RawServer { exchange in
            exchange.send(bytes)
            return false
        }
        defer { server.stop() }
        let error = try Self.error { _ = try Self.client().get(server.url) }
        #expect(error.code == .cutOff)
        #expect(error.description.hasPrefix(server.url + ": ") && !error.description.contains("\n"))
    }

    @Test func aChunkedAnswerThatEndsEarlyIsCutOff() throws {
        let server = try RawServer { exchange in
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nfour")
            return false
        }
        defer { server.stop() }
        #expect(try Self.error { _ = try Self.client().get(server.url) }.code == .cutOff)
    }

    @Test func somethingElseThanHTTPIsAnError() throws {
        let server = try RawServer { exchange in
            exchange.send("220 mail.example ESMTP\r\n")
            return false
        }
        defer { server.stop() }
        #expect(try Self.error { _ = try Self.client().get(server.url) }.code == .other)
    }

    @Test func aSilentServerTimesOut() throws {
        let server = try RawServer { _ in
            usleep(3_000_000)
            return false
        }
        defer { server.stop() }
        let client = Self.client { $0.totalTimeout = 200 }
        let start = ContinuousClock.now
        #expect(try Self.error { _ = try client.get(server.url) }.code == .timedOut)
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test func aTransferThatCrawlsTimesOut() throws {
        let server = try RawServer { exchange in
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in 0..<80 {
                exchange.send("x")
                usleep(50_000)
            }
            return false
        }
        defer { server.stop() }
        let client = Self.client {
            ($0.lowSpeedBytes, $0.lowSpeedSeconds) = (1_000, 1)
        }
        let start = ContinuousClock.now
        #expect(try Self.error { _ = try client.get(server.url) }.code == .timedOut)
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test func nobodyThereIsUnreachable() throws {
        let server = try RawServer { _ in false }
        server.stop()
        usleep(50_000)
        let error = try Self.error { _ = try Self.client().get("http://user:word@127.0.0.1:\(server.port)/a?b=c#d") }
        #expect(error.code == .unreachable)
        #expect(error.description.hasPrefix("http://127.0.0.1:\(server.port)/a: "))
        #expect(try Self.error { _ = try Self.client().get("http://no-such-host.invalid/") }.code == .unreachable)
    }

    @Test func theAbortFlagEndsATransfer() throws {
        let server = try RawServer { _ in
            usleep(5_000_000)
            return false
        }
        defer { server.stop() }
        let flag = AbortFlag()
        let client = Self.client { $0.abort = flag }
        Thread.detachNewThread {
            usleep(200_000)
            flag.set()
        }
        let start = ContinuousClock.now
        let error = try Self.error { _ = try client.get(server.url) }
        #expect(error.code == .aborted && error.description == "\(server.url): aborted")
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(try Self.error { _ = try client.get(server.url) }.code == .aborted)
    }

    @Test func aClientWorksOnAfterAnError() throws {
        let server = try RawServer { exchange in
            if exchange.head.hasPrefix("GET /bad") { return false }
            exchange.send(Self.ok("fine"))
            return true
        }
        defer { server.stop() }
        let client = Self.client()
        for _ in 0..<3 {
            #expect(throws: HTTPError.self) { try client.get(server.url + "/bad") }
            #expect(try client.get(server.url).body == Array("fine".utf8))
        }
    }

    @Test func redirectsAreAnswersUnlessWanted() throws {
        let server = try RawServer { exchange in
            let isMoved = exchange.head.hasPrefix("GET /old")
            exchange.send(
                isMoved ? "HTTP/1.1 301 Moved\r\nLocation: /new\r\nX-Old: 1\r\nContent-Length: 0\r\n\r\n" : Self.ok("new", "X-New: 1\r\n"))
            return true
        }
        defer { server.stop() }
        let answer = try Self.client().get(server.url + "/old")
        #expect(answer.status == 301 && answer.header("location") == "/new")
        let followed = try Self.client { $0.followsRedirects = true }.get(server.url + "/old")
        #expect(followed.status == 200 && followed.header("x-new") == "1" && followed.header("x-old") == nil)
    }

    @Test func otherProtocolsAndHeadersWithLineBreaksAreRefused() throws {
        #expect(try Self.error { _ = try Self.client().get("file:///etc/passwd") }.code == .other)
        #expect(try Self.error { _ = try Self.client().get("no url at all") }.code != .tooLarge)
        let error = try Self.error { _ = try Self.client().get("http://127.0.0.1:1/", headers: [("X-A", "1\r\nX-B: 2")]) }
        #expect(error.code == .other && error.reason == "header cannot be sent: X-A")
    }

    @Test(arguments: [("PUT", Array("{\"a\":1}".utf8)), ("POST", []), ("POST", [UInt8](repeating: 7, count: 100_000)), ("DELETE", nil)])
    func bodiesAreSent(_ method: String, _ body: [UInt8]?) throws {
        let server = try RawServer { exchange in
            let line = exchange.head.split(separator: " ")[0]
            exchange.send(Self.ok("\(line) \(exchange.body.count) \(exchange.head.lowercased().contains("expect:"))"))
            return true
        }
        defer { server.stop() }
        let client = Self.client()
        let request = HTTPRequest(method, server.url, headers: [("Content-Type", "application/json")], body: body)
        #expect(try client.perform(request).body == Array("\(method) \(body?.count ?? 0) false".utf8))
        #expect(try client.get(server.url).body == Array("GET 0 false".utf8))
    }

    @Test func headHasNoBody() throws {
        let server = try RawServer { exchange in
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            return true
        }
        defer { server.stop() }
        let answer = try Self.client().perform(HTTPRequest("HEAD", server.url))
        #expect(answer.status == 200 && answer.body == [] && answer.header("Content-Length") == "1000")
    }
}
