import Foundation
import Glibc
import Synchronization

/// A proxy before a PostgreSQL server that can lose a connection at any statement, before or after the server gets it.
///
/// Speaks protocol version 3 without TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html
public final class TestProxy: Sendable {
    public enum Verdict: Sendable {
        case forward
        /// The server never gets the statement.
        case cutBefore
        /// The server gets it, the client no answer.
        case cutAfter
        /// The connection to the client is cut at once; the server gets the statement so many milliseconds later.
        case cutAndForwardLater(milliseconds: UInt32)
    }

    /// Decides on a statement by its text and its number on this proxy, from 0.
    public typealias Rule = @Sendable (_ statement: String, _ number: Int) -> Verdict

    public let port: Int
    private let listener: Int32
    private let server: Int
    private let state = Mutex((number: 0, rule: { _, _ in .forward } as Rule))

    /// - Parameter server: port on 127.0.0.1.
    public init(server: Int) throws {
        self.server = server
        (listener, port) = try Self.listen()
        Thread.detachNewThread { [weak self, listener] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                guard let self else { break }
                Thread.detachNewThread { self.serve(client) }
            }
            Glibc.close(listener)
        }
    }

    deinit { close() }

    private static func listen() throws -> (listener: Int32, port: Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(0)
        let bound = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, 16) } }
        guard bound == 0, Glibc.listen(listener, 16) == 0 else { throw ToolProcessError(description: "proxy: cannot listen") }
        var length: socklen_t = 16
        _ = withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) } }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// From now on statements are counted from 0 and go by this rule.
    public func follow(_ rule: @escaping Rule) { state.withLock { $0 = (0, rule) } }

    /// Statements since the rule was given.
    public var count: Int { state.withLock { $0.number } }

    /// Lets go of the port. Connections that are open stay.
    public func close() { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return address
    }

    private func connectToServer() -> Int32? {
        let end = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(server)
        let done = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(end, $0, 16) } }
        // The parts of a statement go one by one: none may wait for the answer to the one before it.
        var yes: Int32 = 1
        setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        if done == 0 { return end }
        Glibc.close(end)
        return nil
    }

    // MARK: One connection

    private func serve(_ client: Int32) {
        guard let backend = connectToServer() else {
            Glibc.close(client)
            return
        }
        let answered = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            Self.copy(from: backend, to: client)
            shutdown(client, Int32(SHUT_RDWR))
            answered.signal()
        }
        var isFirst = true
        while let message = Self.message(client, hasType: !isFirst), pass(message, isFirst, client, backend) { isFirst = false }
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(backend, Int32(SHUT_WR))
        answered.wait()
        Glibc.close(client)
        Glibc.close(backend)
    }

    /// Does with a message what the rule says; false ends the connection.
    private func pass(_ message: [UInt8], _ isFirst: Bool, _ client: Int32, _ backend: Int32) -> Bool {
        switch isFirst ? .forward : verdict(message) {
        case .forward: return Self.send(message, to: backend)
        case .cutBefore: return false
        case .cutAfter:
            shutdown(client, Int32(SHUT_RDWR))
            _ = Self.send(message, to: backend)
        case .cutAndForwardLater(let milliseconds):
            shutdown(client, Int32(SHUT_RDWR))
            usleep(milliseconds * 1_000)
            _ = Self.send(message, to: backend)
        }
        return false
    }

    /// Simple queries and the parsing of prepared ones are statements.
    private func verdict(_ message: [UInt8]) -> Verdict {
        let body = message.dropFirst(5)
        switch message[0] {
        case UInt8(ascii: "Q"): return decide(body.prefix { $0 != 0 })
        // Behind the name of the statement, which is empty.
        case UInt8(ascii: "P"): return decide(body.dropFirst().prefix { $0 != 0 })
        default: return .forward
        }
    }

    private func decide(_ text: ArraySlice<UInt8>) -> Verdict {
        let (rule, number) = state.withLock { state in
            state.number += 1
            return (state.rule, state.number - 1)
        }
        return rule(String(decoding: text, as: UTF8.self), number)
    }

    /// One whole message: a type (but for the first one), a length that counts itself, the rest.
    private static func message(_ end: Int32, hasType: Bool) -> [UInt8]? {
        let head = hasType ? 5 : 4
        guard var bytes = read(end, head) else { return nil }
        let length = bytes.suffix(4).reduce(0) { $0 << 8 | Int($1) }
        guard length >= 4, let rest = read(end, length - 4) else { return nil }
        bytes += rest
        return bytes
    }

    private static func read(_ end: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let start = done
            let got = bytes.withUnsafeMutableBytes { recv(end, $0.baseAddress! + start, count - start, 0) }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }

    private static func send(_ bytes: [UInt8], to end: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let start = done
            let sent = bytes.withUnsafeBytes { Glibc.send(end, $0.baseAddress! + start, bytes.count - start, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            done += sent
        }
        return true
    }

    private static func copy(from source: Int32, to target: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let got = recv(source, &buffer, buffer.count, 0), got > 0 {
            if !send(Array(buffer[..<got]), to: target) { break }
        }
    }
}
