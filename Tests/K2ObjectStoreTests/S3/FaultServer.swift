import Foundation
import Glibc
import Synchronization

/// A test that could not be made.
struct FaultServerTrouble: Error {
    var what: String
}

/// An HTTP server on 127.0.0.1 that goes wrong as a test wants, in front of a real one or with answers of the test's own. One thread a
/// connection; connections are kept.
final class FaultServer: Sendable {
    struct Request: Sendable {
        var head: String
        var body: [UInt8]

        /// `PUT /bucket/key?query`.
        var line: String { head.split(separator: " ").prefix(2).joined(separator: " ") }

        func matches(_ method: String, _ part: String) -> Bool {
            line.hasPrefix(method + " ") && (part.isEmpty || line.contains(part))
        }

        func header(_ name: String) -> String? {
            let lines = head.split(separator: "\r\n").dropFirst()
            let found = lines.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
            return found.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
    }

    enum Action: Sendable {
        /// Hands it to the real server.
        case pass
        /// Answers in its place.
        case answer(Int, String, headers: [String] = [])
        /// Ends the connection without doing or saying anything.
        case reset
        /// Hands it on and ends the connection.
        case applyThenReset
        case applyThenAnswer(Int, String)
        /// Hands it on and ends the connection after so many bytes of the body.
        case cut(Int)
        /// Says nothing until the client leaves.
        case stall
    }

    /// Applies to requests whose line begins with a method and contains a text.
    private struct Rule {
        var action: Action
        var method: String
        var part: String
        var skip: Int
        var count: Int
    }

    let port: UInt16
    var url: String { "http://127.0.0.1:\(port)" }
    private let descriptor: Int32
    private let upstream: UInt16?
    private let rules = Mutex<[Rule]>([])
    private let seen = Mutex<[Request]>([])

    /// - Parameter upstream: `http://127.0.0.1:PORT` of the real server; without it every request needs a rule.
    init(upstream: String? = nil) throws {
        self.upstream = upstream.flatMap { $0.split(separator: ":").last }.flatMap { UInt16($0) }
        (descriptor, port) = try Self.listen()
        Thread.detachNewThread { [self] in run() }
    }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    func fault(_ action: Action, _ method: String, _ part: String = "", skip: Int = 0, count: Int = 1) {
        rules.withLock { $0.append(Rule(action: action, method: method, part: part, skip: skip, count: count)) }
    }

    var requests: [Request] { seen.withLock { $0 } }

    /// Requests whose line begins so and contains `part`.
    func count(_ method: String, _ part: String = "") -> Int { requests.count { $0.matches(method, part) } }

    private func action(for request: Request) -> Action {
        rules.withLock { rules in
            for index in rules.indices where request.matches(rules[index].method, rules[index].part) {
                if rules[index].skip > 0 {
                    rules[index].skip -= 1
                } else if rules[index].count > 0 {
                    rules[index].count -= 1
                    return rules[index].action
                }
            }
            return upstream == nil ? .answer(599, "no rule for \(request.line)") : .pass
        }
    }

    private static func listen() throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw FaultServerTrouble(what: "server: \(String(cString: strerror(errno)))") }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }

    private func run() {
        while true {
            let peer = accept(descriptor, nil, nil)
            if peer < 0 { break }
            Thread.detachNewThread { [self] in
                serve(peer)
                close(peer)
            }
        }
        close(descriptor)
    }

    private func serve(_ peer: Int32) {
        var waiting: [UInt8] = []
        while let request = Self.request(peer, &waiting) {
            seen.withLock { $0.append(request) }
            if !answer(request, peer) { return }
        }
    }

    /// False ends the connection.
    private func answer(_ request: Request, _ peer: Int32) -> Bool {
        switch action(for: request) {
        case .pass: return Self.send(forward(request), peer)
        case .answer(let status, let body, let headers):
            let isBare = request.line.hasPrefix("HEAD ")
            let lines = headers.map { $0 + "\r\n" }.joined()
            // An answer to HEAD tells the length of a body that it does not have.
            let length = headers.contains { $0.lowercased().hasPrefix("content-length:") } ? "" : "Content-Length: \(body.utf8.count)\r\n"
            return Self.send(Array("HTTP/1.1 \(status) Words\r\n\(length)\(lines)\r\n\(isBare ? "" : body)".utf8), peer)
        case .reset: return Self.reset(peer)
        case .applyThenReset:
            _ = forward(request)
            return Self.reset(peer)
        case .applyThenAnswer(let status, let body):
            _ = forward(request)
            return Self.send(Array("HTTP/1.1 \(status) Words\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8), peer)
        case .cut(let count):
            let whole = forward(request)
            let end = whole.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? whole.count
            _ = Self.send(Array(whole.prefix(end + count)), peer)
            return false
        case .stall:
            var byte: UInt8 = 0
            return read(peer, &byte, 1) > 0
        }
    }

    private static func send(_ bytes: [UInt8], _ peer: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(peer, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Closing then sends RST.
    private static func reset(_ peer: Int32) -> Bool {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(peer, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        return false
    }

    /// The real server's answer. It ends its connection; the client need not know.
    private func forward(_ request: Request) -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = Self.loopback(upstream ?? 0)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        guard isConnected, Self.send(Array("\(request.head)\r\nConnection: close\r\n\r\n".utf8) + request.body, descriptor) else {
            return Array("HTTP/1.1 599 No Server\r\nContent-Length: 0\r\n\r\n".utf8)
        }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = read(descriptor, &chunk, chunk.count)
            if got <= 0 { break }
            answer += chunk[..<got]
        }
        if let close = answer.firstRange(of: Array("Connection: close\r\n".utf8)) { answer.removeSubrange(close) }
        return answer
    }

    /// Reads one request; nil when the client has left.
    private static func request(_ peer: Int32, _ waiting: inout [UInt8]) -> Request? {
        let separator = Array("\r\n\r\n".utf8)
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            if let end = waiting.firstRange(of: separator) {
                var request = Request(head: String(decoding: waiting[..<end.lowerBound], as: UTF8.self), body: [])
                let count = request.header("content-length").flatMap { Int($0) } ?? 0
                if waiting.count - end.upperBound >= count {
                    request.body = Array(waiting[end.upperBound..<(end.upperBound + count)])
                    waiting.removeFirst(end.upperBound + count)
                    return request
                }
            }
            let got = read(peer, &chunk, chunk.count)
            if got <= 0 { return nil }
            waiting += chunk[..<got]
        }
    }
}
