import Glibc
import K2CLI
import K2TestSupport
import Testing

/// A service manager: a datagram socket under a name.
private final class Manager {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)

    init(_ name: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let result = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) } }
        precondition(result == 0)
    }

    deinit { close(descriptor) }

    /// What came, a datagram each.
    var messages: [String] {
        var all: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 12)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count >= 0 { all.append(String(decoding: buffer[..<count], as: UTF8.self)) }
        return all
    }
}

/// The environment belongs to the whole process.
@Suite(.serialized) struct ServiceNotifierTests {
    private func notifier(_ environment: [String: String]) -> ServiceNotifier {
        for (name, value) in environment { setenv(name, value, 1) }
        defer { for name in environment.keys { unsetenv(name) } }
        return ServiceNotifier()
    }

    @Test(arguments: [true, false])
    func tellsTheManager(_ isAbstract: Bool) throws {
        let folder = try TestFolder()
        let name = (isAbstract ? "@" : "") + folder.path + "/notify"
        let manager = Manager(name)
        let notifier = notifier(["NOTIFY_SOCKET": name])
        notifier.ready()
        notifier.status("5 trades, 0 open gaps")
        notifier.alive()
        notifier.stopping()
        #expect(manager.messages == ["READY=1", "STATUS=5 trades, 0 open gaps", "WATCHDOG=1", "STOPPING=1"])
        #expect(notifier.watchdogInterval == nil)
    }

    /// The last of 108 bytes is for a zero.
    @Test func namesUpToTheLimitWork() {
        let name = "@" + String(repeating: "n", count: 100) + "\(getpid())".prefix(6)
        let manager = Manager(name)
        notifier(["NOTIFY_SOCKET": name]).ready()
        #expect(manager.messages == ["READY=1"])
    }

    @Test func nothingHappensWithoutAManager() throws {
        let folder = try TestFolder()
        for name in ["", "relative", "vsock:2:1", folder.path + "/missing", "/" + String(repeating: "n", count: 200)] {
            let notifier = notifier(["NOTIFY_SOCKET": name])
            notifier.ready()
            notifier.stopping()
        }
    }

    /// A manager that does not read must not hold us up.
    @Test func aFullSocketIsNotWaitedFor() throws {
        let folder = try TestFolder()
        let manager = Manager(folder.path + "/notify")
        let notifier = notifier(["NOTIFY_SOCKET": folder.path + "/notify"])
        for _ in 0..<5_000 { notifier.alive() }
        #expect(manager.messages.count > 0)
    }

    @Test func theWatchdogIsFedTwiceAsOftenAsAsked() {
        #expect(notifier(["WATCHDOG_USEC": "30000000"]).watchdogInterval == 15_000_000)
        #expect(notifier(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(getpid())"]).watchdogInterval == 15_000_000)
        #expect(notifier(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"]).watchdogInterval == nil)
        #expect(notifier(["WATCHDOG_USEC": "1"]).watchdogInterval == 1_000)
        for text in ["", "0", "-5", "soon"] { #expect(notifier(["WATCHDOG_USEC": text]).watchdogInterval == nil, "\(text)") }
    }
}
