import Foundation
import Glibc
import Synchronization

/// A test that could not be made.
public struct TestTrouble: Error {
    public var what: String
    public init(_ what: String) { self.what = what }
}

/// A server on 127.0.0.1 that answers with the bytes a test gives it, valid HTTP or not. One thread a connection.
public final class RawServer: Sendable {
    /// What a request was, and the means to answer it.
    public struct Exchange {
        /// Everything before the empty line.
        public var head: String
        public var body: [UInt8]
        /// Counted from 0.
        public var connection: Int
        fileprivate var descriptor: Int32

        public func send(_ bytes: [UInt8]) {
            _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
        public func send(_ text: String) { send(Array(text.utf8)) }
    }

    public let port: UInt16
    private let descriptor: Int32
    private let connections = Atomic<Int>(0)
    /// Answers; false closes the connection.
    private let answer: @Sendable (Exchange) -> Bool

    public init(_ answer: @escaping @Sendable (Exchange) -> Bool) throws {
        self.answer = answer
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw TestTrouble("server: \(String(cString: strerror(errno)))") }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in run() }
    }

    public func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    public var url: String { "http://127.0.0.1:\(port)" }

    private func run() {
        while true {
            let peer = accept(descriptor, nil, nil)
            if peer < 0 { break }
            let number = connections.add(1, ordering: .relaxed).oldValue
            Thread.detachNewThread { [self] in serve(peer, number) }
        }
        close(descriptor)
    }

    private func serve(_ peer: Int32, _ number: Int) {
        defer { close(peer) }
        var waiting: [UInt8] = []
        while let exchange = Self.request(peer, number, &waiting) {
            if !answer(exchange) { return }
        }
    }

    /// Reads one request; nil when the client has left.
    private static func request(_ peer: Int32, _ number: Int, _ waiting: inout [UInt8]) -> Exchange? {
        let separator = Array("\r\n\r\n".utf8)
        while true {
            if let end = waiting.firstRange(of: separator) {
                let head = String(decoding: waiting[..<end.lowerBound], as: UTF8.self)
                let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                let count = length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if waiting.count - end.upperBound >= count {
                    let body = Array(waiting[end.upperBound..<(end.upperBound + count)])
                    waiting.removeFirst(end.upperBound + count)
                    return Exchange(head: head, body: body, connection: number, descriptor: peer)
                }
            }
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            let got = read(peer, &chunk, chunk.count)
            if got <= 0 { return nil }
            waiting += chunk[..<got]
        }
    }
}
