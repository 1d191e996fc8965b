import Glibc

/// Tells a service manager how we are, by the datagrams of sd_notify(3). Does nothing when none is there.
public struct ServiceNotifier: Sendable {
    private let path: String?
    /// How often the manager wants to hear from us, µs; nil when it does not watch us.
    public let watchdogInterval: Int64?

    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    public init() {
        path = InputFile.environment("NOTIFY_SOCKET")
        let isForUs = InputFile.environment("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        let asked = InputFile.environment("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        watchdogInterval = isForUs && asked > 0 ? max(asked / 2, 1_000) : nil
    }

    public func ready() { send("READY=1") }
    public func alive() { send("WATCHDOG=1") }
    public func stopping() { send("STOPPING=1") }
    /// A line for `systemctl status`.
    public func status(_ text: String) { send("STATUS=\(text)") }

    private func send(_ message: String) {
        guard let path, path.utf8.count < 108, path.first == "/" || path.first == "@" else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // An abstract name starts with a zero byte.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(message.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, length)
            }
        }
    }
}
