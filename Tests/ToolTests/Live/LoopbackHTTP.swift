import Foundation
import Glibc

/// A GET request to a server on this machine.
enum LoopbackHTTP {
    static func get(_ port: Int, _ target: String) throws -> (status: Int, body: String) {
        let descriptor = try connect(port)
        defer { close(descriptor) }
        let request = Array("GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        guard Glibc.send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { throw failure("send") }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(descriptor, &chunk, chunk.count, 0), count > 0 { answer += chunk[..<count] }
        return try split(String(decoding: answer, as: UTF8.self))
    }

    private static func connect(_ port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("socket") }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        if status == 0 { return descriptor }
        defer { close(descriptor) }
        throw failure("port \(port)")
    }

    private static func split(_ answer: String) throws -> (status: Int, body: String) {
        let parts = answer.components(separatedBy: "\r\n\r\n")
        guard parts.count >= 2, let status = answer.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw DrillError("no HTTP answer: \(answer.prefix(200))")
        }
        return (status, parts.dropFirst().joined(separator: "\r\n\r\n"))
    }

    private static func failure(_ what: String) -> DrillError {
        DrillError("\(what): \(String(cString: strerror(errno)))")
    }
}
