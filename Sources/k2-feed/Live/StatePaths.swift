import Glibc
import K2CLI
import K2Domain
import K2NDJSON

/// Where a capture keeps its state and spool unless told otherwise: under `$XDG_STATE_HOME/k2/feed/EXCHANGE`, which is in
/// `~/.local/state`.
enum StatePaths {
    static func folder(of exchange: Exchange) -> String {
        let base = InputFile.environment("XDG_STATE_HOME") ?? InputFile.environment("HOME").map { $0 + "/.local/state" } ?? "."
        return "\(base)/k2/feed/\(exchange.rawValue)"
    }

    /// Makes a folder and those above it.
    static func create(_ folder: String) throws(ToolFailure) {
        var end = folder.startIndex
        while end < folder.endIndex {
            end = folder[folder.index(after: end)...].firstIndex(of: "/") ?? folder.endIndex
            let part = String(folder[..<end])
            if mkdir(part, 0o755) != 0, errno != EEXIST {
                throw ToolFailure(.failed, "\(part): cannot make folder: \(StreamError.reason(errno))")
            }
        }
    }

    static func parent(of path: String) -> String? {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return nil }
        return String(path[..<slash])
    }
}
