import Glibc
import K2NDJSON

/// Where the tools keep state and spools unless told otherwise: under `$XDG_STATE_HOME/k2`, which is in `~/.local/state`.
public enum StatePaths {
    /// - Parameter name: of the part, such as `feed/binance`.
    public static func folder(_ name: String) -> String {
        let base = InputFile.environment("XDG_STATE_HOME") ?? InputFile.environment("HOME").map { $0 + "/.local/state" } ?? "."
        return "\(base)/k2/\(name)"
    }

    /// Makes a folder and those above it.
    public static func create(_ folder: String) throws(ToolFailure) {
        var end = folder.startIndex
        while end < folder.endIndex {
            end = folder[folder.index(after: end)...].firstIndex(of: "/") ?? folder.endIndex
            let part = String(folder[..<end])
            if mkdir(part, 0o755) != 0, errno != EEXIST {
                throw ToolFailure(.failed, "\(part): cannot make folder: \(StreamError.reason(errno))")
            }
        }
    }

    public static func parent(of path: String) -> String? {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return nil }
        return String(path[..<slash])
    }
}
