import Glibc
import K2CLI

/// The name under which this process holds leases: `host:pid:start`.
///
/// The start time tells a process from a later one with the same number; the host's part has the boot's id, since machines may share a name.
enum Holder {
    static var own: String { "\(host):\(getpid()):\(start(of: getpid()) ?? "0")" }

    /// Whether the process of a name ran on this host and is no more.
    static func isGone(_ holder: String) -> Bool {
        let parts = holder.split(separator: ":")
        guard parts.count == 3, String(parts[0]) == host, let process = pid_t(parts[1]) else { return false }
        return start(of: process) != String(parts[2])
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, 255)
        // Containers may share a name and not the numbers of processes.
        var space = [CChar](repeating: 0, count: 256)
        _ = readlink("/proc/self/ns/pid", &space, 255)
        return text(name) + "@" + text(space).filter(\.isNumber) + "." + boot
    }

    /// The beginning of the kernel's random id of this boot.
    private static var boot: String {
        guard let bytes = try? InputFile.read("/proc/sys/kernel/random/boot_id", what: "boot id") else { return "0" }
        return String(String(decoding: bytes, as: UTF8.self).prefix { $0 != "-" && $0 != "\n" })
    }

    private static func text(_ bytes: [CChar]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Clock ticks since boot at which a process began: field 22 of `/proc/PID/stat`. Nil for one that has ended, also when its parent has not asked yet
    /// how it ended (state Z): in a container nobody may ever.
    private static func start(of process: pid_t) -> String? {
        guard let bytes = try? InputFile.read("/proc/\(process)/stat", what: "process") else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        // The second field is a name in parentheses that may hold spaces.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return String(fields[19])
    }
}
