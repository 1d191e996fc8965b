import Glibc
import Synchronization

/// A TCP connection without any of our code: blocking, and 10 s at most a read.
final class RawSocket: Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// To a port of 127.0.0.1.
    convenience init(port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in.loopback(port)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        self.init(descriptor)
        guard status == 0 else { throw TestFailure(description: "connect: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            sent += count
        }
    }

    /// What comes next; empty at the end, nil after an error (a reset) or 10 s.
    func read() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        return count < 0 ? nil : Array(bytes[..<count])
    }

    /// All up to `mark` and what came along with it, or up to the end.
    func read(through mark: String) -> String {
        var text: [UInt8] = []
        while !String(decoding: text, as: UTF8.self).contains(mark), let more = read(), !more.isEmpty { text += more }
        return String(decoding: text, as: UTF8.self)
    }

    /// All up to the end.
    func readToEnd() -> String { read(through: "\u{0}never") }

    /// Says that nothing more is sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// A server without any of our code: each connection has a thread that runs what the test says.
final class RawServer: Sendable {
    let port: Int
    private let listener: Int32

    init(_ serve: @escaping @Sendable (RawSocket) -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size)
                listen(listener, 16)
                getsockname(listener, pointer, &size)
            }
        }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        inThread {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                inThread { serve(RawSocket(connection)) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// A server that answers the first request with `answer`, stays a moment, and closes.
    convenience init(answering answer: String, thenClosesAt once: Bool = true) {
        self.init { connection in
            _ = connection.read(through: "\r\n\r\n")
            connection.send(answer)
            if !once { _ = connection.readToEnd() }
        }
    }
}

/// A proxy that opens tunnels with CONNECT to 127.0.0.1, whatever the host, and keeps what it was asked.
final class RawProxy: Sendable {
    let asked = Mailbox<String>()
    let port: Int
    private let server: RawServer

    init(answer: String = "HTTP/1.1 200 Connection established\r\n\r\n") {
        let asked = self.asked
        server = RawServer { client in
            let request = client.read(through: "\r\n\r\n")
            asked.put(request)
            client.send(answer)
            let words = request.split(separator: " ")
            guard answer.contains(" 200 "), words.count > 1, let port = words[1].split(separator: ":").last.flatMap({ Int($0) }),
                let target = try? RawSocket(port: port)
            else { return }
            inThread { Self.copy(target, client) }
            Self.copy(client, target)
        }
        port = server.port
    }

    private static func copy(_ from: RawSocket, _ to: RawSocket) {
        while let bytes = from.read(), !bytes.isEmpty { to.send(bytes) }
        to.finishSending()
    }
}

private func inThread(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { box in
            Unmanaged<ThreadBody>.fromOpaque(box!).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    pthread_detach(thread)
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

extension sockaddr_in {
    fileprivate static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        return address
    }
}
