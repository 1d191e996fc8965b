import Foundation
import K2HTTP
import K2Iceberg
import K2JSON
import K2TestSupport
import Synchronization

/// A server of the REST protocol that answers what a test tells it, and remembers what it was asked.
final class FakeCatalog: Sendable {
    struct Request: Sendable {
        var method: String
        /// With the query.
        var path: String
        /// Names in lower case.
        var headers: [String: String]
        var body: String

        var json: JSONValue? { try? JSONValue(parsing: Array(body.utf8)) }
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body = ""
        /// Closes the connection without an answer.
        var isCut = false

        init(_ status: Int = 200, _ body: String = "", headers: [String: String] = [:]) {
            self.status = status
            self.body = body
            self.headers = headers
        }

        static var cut: Answer {
            var answer = Answer()
            answer.isCut = true
            return answer
        }

        /// The protocol's error.
        static func error(_ status: Int, _ type: String, _ message: String = "words of the server") -> Answer {
            let model: JSONValue = ["error": ["message": .string(message), "type": .string(type), "code": .integer(status)]]
            return Answer(status, model.text)
        }
    }

    private let server: RawServer
    private let seen: SharedList<Request>
    var url: String { server.url }
    var requests: [Request] { seen.all }
    /// `GET /v1/config` and the like.
    var lines: [String] { requests.map { "\($0.method) \($0.path)" } }

    /// - Parameter answer: nil gives the answer of a server without wishes to `v1/config`, and 500 to all else.
    init(_ answer: @escaping @Sendable (Request) -> Answer?) throws {
        let seen = SharedList<Request>()
        self.seen = seen
        server = try RawServer { exchange in
            let request = Request(exchange)
            seen.add(request)
            let isConfig = request.path.hasPrefix("/v1/config")
            let reply = answer(request) ?? (isConfig ? Answer(200, #"{"defaults":{},"overrides":{}}"#) : Answer(500))
            if reply.isCut { return false }
            exchange.send(reply)
            return true
        }
    }

    deinit { server.stop() }
}

extension FakeCatalog.Request {
    init(_ exchange: RawServer.Exchange) {
        let lines = exchange.head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        let pairs = lines.dropFirst().compactMap { line -> (String, String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (line[..<colon].lowercased(), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
        self.init(
            method: words[0], path: words[1], headers: Dictionary(pairs) { $1 }, body: String(decoding: exchange.body, as: UTF8.self))
    }
}

extension RawServer.Exchange {
    func send(_ answer: FakeCatalog.Answer) {
        var head = "HTTP/1.1 \(answer.status) Words\r\n"
        if answer.status != 204 { head += "Content-Length: \(answer.body.utf8.count)\r\n" }
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        send(head + "\r\n" + (answer.status == 204 ? "" : answer.body))
    }
}

/// Stands before a real catalog and loses, delays or refuses what passes, as told.
final class FaultyProxy: Sendable {
    enum Fault: Sendable, CaseIterable {
        /// Forwards and closes the connection in place of the answer.
        case cutAfter
        /// Closes the connection and forwards nothing.
        case cutBefore
        /// Forwards and answers 500, or 502 without forwarding.
        case errorAfter, errorBefore
        /// Answers 504 at once and forwards a little later.
        case late
        case busy
    }

    private struct State {
        var faults: [Fault] = []
        /// Requests that are forwarded later.
        var waiting = 0
    }

    private let server: RawServer
    private let state: SharedState<FaultyProxy.State>
    var url: String { server.url }

    /// - Parameter isTarget: which requests the faults are for.
    init(_ target: String, faults isTarget: @escaping @Sendable (FakeCatalog.Request) -> Bool) throws {
        let state = SharedState(State())
        self.state = state
        server = try RawServer { exchange in
            let request = FakeCatalog.Request(exchange)
            let fault = isTarget(request) ? state.change { $0.faults.isEmpty ? nil : $0.faults.removeFirst() } : nil
            switch fault {
            case nil: exchange.send(Self.forward(request, to: target))
            case .cutAfter:
                _ = Self.forward(request, to: target)
                return false
            case .cutBefore: return false
            case .errorAfter:
                _ = Self.forward(request, to: target)
                exchange.send(.error(500, "InternalServerError", "lost"))
            case .errorBefore: exchange.send(FakeCatalog.Answer(502, "<html>bad gateway</html>"))
            case .late:
                state.change { $0.waiting += 1 }
                Thread.detachNewThread {
                    usleep(30_000)
                    _ = Self.forward(request, to: target)
                    state.change { $0.waiting -= 1 }
                }
                exchange.send(FakeCatalog.Answer(504))
            case .busy: exchange.send(FakeCatalog.Answer(429, headers: ["Retry-After": "1"]))
            }
            return true
        }
    }

    deinit { server.stop() }

    func inject(_ faults: [Fault]) { state.change { $0.faults = faults } }

    /// Returns when nothing is on its way any more.
    func settle() {
        for _ in 0..<500 where state.change({ $0.waiting > 0 }) { usleep(20_000) }
    }

    private static func forward(_ request: FakeCatalog.Request, to target: String) -> FakeCatalog.Answer {
        let kept = request.headers.filter { ["authorization", "content-type", "accept"].contains($0.key) }
        let body = request.body.isEmpty ? nil : Array(request.body.utf8)
        let sent = HTTPRequest(request.method, target + request.path, headers: kept.map { ($0.key, $0.value) }, body: body)
        guard let answer = try? HTTPClient().perform(sent) else { return FakeCatalog.Answer(502) }
        return FakeCatalog.Answer(answer.status, String(decoding: answer.body, as: UTF8.self))
    }
}

/// A value that several threads change.
final class SharedState<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: sending Value) { self.value = Mutex(value) }

    @discardableResult
    func change<R: Sendable>(_ body: (inout Value) -> R) -> R { value.withLock { body(&$0) } }
}

/// A list that several threads add to.
final class SharedList<Item: Sendable>: Sendable {
    private let items = Mutex<[Item]>([])
    func add(_ item: Item) { items.withLock { $0.append(item) } }
    var all: [Item] { items.withLock { $0 } }
}

extension CommitEnvironment {
    /// Real chance, a clock that only waiting moves, and no waiting.
    static func instant(_ waits: SharedList<Int64>, startMS: Int64 = 1_760_000_000_000) -> CommitEnvironment {
        CommitEnvironment(
            nowMS: { startMS + waits.all.reduce(0, +) }, random16: CommitEnvironment.system.random16, sleepMS: { waits.add($0) })
    }

    /// Real but impatient: waits a fiftieth of what it should.
    static var hasty: CommitEnvironment {
        let system = CommitEnvironment.system
        return CommitEnvironment(nowMS: system.nowMS, random16: system.random16, sleepMS: { system.sleepMS($0 / 50) })
    }
}
