import Foundation
import Glibc
import K2TestSupport
import Testing

/// The capture as a service: metrics, the service manager, TLS.
@Suite struct ServiceDrills {
    /// Sum of the samples of a family.
    private static func sum(_ family: String, _ metrics: String) -> Double {
        metrics.split(separator: "\n").filter { $0.hasPrefix(family + "{") }.compactMap { Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
    }

    @Test(arguments: FaultDrills.exchanges) func `metrics tell what happened`(_ exchange: String) async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: exchange, faults: ["drop", "gap"], faultEvery: "1s"))
            let port = try FreePort.take()
            try drill.start(["--metrics-listen", "127.0.0.1:\(port)"])
            try await Poll.until("/healthz says ok", within: 20) { (try? LoopbackHTTP.get(port, "/healthz").status) == 200 }
            try await drill.settle()
            // The last cut connection may not be back yet.
            try await Poll.until("all connections are counted", within: 40) {
                let (text, opened) = (try LoopbackHTTP.get(port, "/metrics").body, Double(try drill.stats().opened_connections))
                return Self.sum("feed_handler_reconnects_total", text) == opened - 1 && Self.sum("k2_feed_connections_total", text) == opened
            }
            let metrics = try LoopbackHTTP.get(port, "/metrics")
            #expect(metrics.status == 200)
            #expect(Self.sum("feed_handler_trades_produced_total", metrics.body) == Double(drill.plan.trades))
            #expect(Self.sum("k2_feed_backfilled_trades_total", metrics.body) > 0)
            #expect(Self.sum("k2_feed_open_gaps", metrics.body) == 0)
            #expect(Self.sum("k2_feed_lost_ids_total", metrics.body) == 0)
            #expect(Self.sum("k2_feed_rest_requests_total", metrics.body) > 0)
            let last = metrics.body.split(separator: "\n").filter { $0.hasPrefix("feed_handler_last_message_timestamp{") }
                .compactMap { Double($0.split(separator: " ").last ?? "") }
            #expect(last.allSatisfy { abs($0 - Date().timeIntervalSince1970) < 300 } && !last.isEmpty)
            #expect(try LoopbackHTTP.get(port, "/nothing").status == 404)
            let comparison = try await drill.finish()
            #expect(comparison.before == 0 && comparison.lost == 0)
        }
    }

    @Test func `without an exchange it is not healthy`() async throws {
        let drill = try await LiveDrill(LiveDrill.Plan(trades: 100))
        let (port, nobody) = (try FreePort.take(), try FreePort.take())
        try drill.start(
            ["--metrics-listen", "127.0.0.1:\(port)"],
            endpoints: ["--endpoint", "ws://127.0.0.1:\(nobody)", "--rest-endpoint", "http://127.0.0.1:\(drill.port)"])
        try await Poll.until("/healthz answers", within: 20) { (try? LoopbackHTTP.get(port, "/healthz").status) == 503 }
        try await Poll.until("the reason is told", within: 10) { drill.errors.contains("cannot connect") }
        #expect(try await drill.stop() == 143)
    }

    @Test func `the service manager is told`() async throws {
        try await DrillSlots.shared.run {
            let drill = try await LiveDrill(LiveDrill.Plan(exchange: "kraken", trades: 6_000))
            let manager = try NotifySocket(drill.folder.path + "/notify")
            try drill.start(environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000", "WATCHDOG_PID": ""])
            try await drill.settle()
            try await drill.stop()
            try await Poll.until("the manager hears of the end", within: 10) { manager.messages.contains("STOPPING=1") }
            let messages = manager.messages
            #expect(messages.filter { $0 == "READY=1" }.count == 1)
            #expect(messages.filter { $0 == "WATCHDOG=1" }.count >= 3)
            #expect(messages.last { !$0.hasPrefix("STATUS=") && $0 != "WATCHDOG=1" } == "STOPPING=1", "\(messages.suffix(3))")
            #expect(messages.contains { $0.hasPrefix("STATUS=") && $0.contains("trades") })
            try await drill.finish()
        }
    }

    // MARK: TLS

    private func secured(_ names: String) async throws -> (drill: LiveDrill, certificate: String) {
        let keys = try TestFolder()
        let made = try ToolProcess.shell(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=drill -addext subjectAltName=\(names) -keyout key.pem -out cert.pem",
            directory: keys.path)
        try #require(made.status == 0, "\(made.stderr)")
        var plan = LiveDrill.Plan(exchange: "binance", rate: "2000", trades: 6_000)
        plan.sim += ["--tls", "\(keys.path)/cert.pem,\(keys.path)/key.pem"]
        let drill = try await LiveDrill(plan)
        return (drill, try drill.folder.file("trusted.pem", try DrillFile.read(keys.path + "/cert.pem")))
    }

    private func endpoints(_ drill: LiveDrill) -> [String] {
        ["--endpoint", "wss://localhost:\(drill.port)", "--rest-endpoint", "https://localhost:\(drill.port)"]
    }

    @Test func `TLS with a certificate that is trusted`() async throws {
        try await DrillSlots.shared.run {
            let (drill, certificate) = try await secured("DNS:localhost")
            try drill.start(environment: ["SSL_CERT_FILE": certificate], endpoints: endpoints(drill))
            try await drill.settle()
            try await drill.finish()
        }
    }

    @Test(arguments: [(names: "DNS:localhost", isTrusted: false), (names: "DNS:other.example", isTrusted: true)])
    func `TLS is refused`(_ names: String, _ isTrusted: Bool) async throws {
        try await DrillSlots.shared.run {
            let (drill, certificate) = try await secured(names)
            try drill.start(environment: isTrusted ? ["SSL_CERT_FILE": certificate] : [:], endpoints: endpoints(drill))
            try await Poll.until("it tries again and again: \(drill.errors)", within: 40) {
                drill.errors.components(separatedBy: "cannot connect: ").count > 2
            }
            let line = try #require(drill.errors.split(separator: "\n").first { $0.contains("cannot connect") })
            #expect(line.contains("localhost") && line.lowercased().contains("certificate"), "\(line)")
            #expect(try await drill.stop() == 143)
            #expect(DrillFile.text(drill.folder.path + "/raw").isEmpty)
        }
    }
}

/// A port that nobody listens on.
enum FreePort {
    static func take() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1 }
        }
        guard status == 0 else { throw DrillError("no free port: \(String(cString: strerror(errno)))") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}

/// The service manager's end of sd_notify(3). Read all the time: few datagrams may wait.
final class NotifySocket: @unchecked Sendable {
    let path: String
    private let descriptor: Int32
    private let lock = NSLock()
    private var received: [String] = []

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard status == 0 else { throw DrillError("\(path): \(String(cString: strerror(errno)))") }
        let ours = self.descriptor
        Thread.detachNewThread { [weak self] in
            var chunk = [UInt8](repeating: 0, count: 4_096)
            while case let count = recv(ours, &chunk, chunk.count, 0), count > 0 {
                guard let self else { break }
                self.take(String(decoding: chunk[..<count], as: UTF8.self))
            }
            close(ours)
        }
    }

    /// Ends the thread, which closes the socket.
    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func take(_ message: String) {
        lock.lock()
        received.append(message)
        lock.unlock()
    }

    /// What came so far.
    var messages: [String] {
        lock.lock()
        defer { lock.unlock() }
        return received
    }
}
