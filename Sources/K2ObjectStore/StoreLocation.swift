/// Reads and joins the locations that tables record.
public enum StoreLocation {
    /// The scheme before `:` (`file`, `s3`), or nil for a plain path.
    public static func scheme(_ location: String) -> String? {
        guard let colon = location.firstIndex(of: ":") else { return nil }
        let scheme = location[..<colon]
        guard scheme.utf8.count >= 2, scheme.utf8.allSatisfy({ ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) })
        else { return nil }
        return scheme.lowercased()
    }

    /// The path that a plain path, `file:/p`, `file:///p` or `file://localhost/p` names.
    ///
    /// No percent decoding: Java's and Python's Iceberg write paths into these locations as they are.
    public static func localPath(_ location: String) throws(StoreError) -> String {
        func invalid(_ reason: String) -> StoreError { StoreError(.invalidLocation, at: location, reason) }
        guard !location.isEmpty, !location.utf8.contains(0) else { throw invalid("not a path") }
        guard let scheme = scheme(location) else { return location }
        guard scheme == "file" else { throw invalid("not a local path: scheme \"\(scheme)\"") }
        var rest = location.dropFirst("file:".count)
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let host = rest.prefix { $0 != "/" }
            guard host.isEmpty || host == "localhost" else { throw invalid("not a local path: host \"\(host)\"") }
            rest = rest.dropFirst(host.count)
        }
        guard rest.hasPrefix("/") else { throw invalid("file location without an absolute path") }
        return String(rest)
    }

    /// `base` and `name` with exactly one `/` between them.
    public static func join(_ base: String, _ name: String) -> String {
        base.hasSuffix("/") ? base + name : base + "/" + name
    }

    /// What follows the last `/`.
    public static func name(_ location: String) -> String {
        let bytes = location.utf8
        return bytes.lastIndex(of: .slash).map { String(Substring(bytes[bytes.index(after: $0)...])) } ?? location
    }
}
