import Glibc
import K2CLI
import K2NDJSON

/// Reads the texts that say where things are: `sqlite:PATH`, `file:PATH`, `postgres://HOST/DATABASE`.
enum PlaceText {
    /// The flag's text, else that of the environment.
    /// - Throws: when a flag holds a password, which everybody can see.
    static func choose(_ text: String?, _ flag: String, _ variable: String) throws(ToolFailure) -> String? {
        guard let text else { return InputFile.environment(variable) }
        if let scheme = text.firstRange(of: "://") {
            let authority = text[scheme.upperBound...].prefix { $0 != "/" }
            if let at = authority.lastIndex(of: "@"), authority[..<at].contains(":") {
                throw ToolFailure(.usage, "\(flag): a password on a command line can be seen by everybody", hint: variable)
            }
        }
        return text
    }

    /// Behind a scheme with slashes there may be a password.
    private static func shown(_ text: String) -> String { text.firstRange(of: "://").map { String(text[..<$0.upperBound]) + "…" } ?? text }

    /// A URL without user, password, query and fragment.
    static func withoutSecrets(_ url: String) -> String {
        let text = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = text.firstRange(of: "://") else { return String(text) }
        let rest = text[scheme.upperBound...]
        // A password may hold a slash: all before the last @ goes.
        let start = rest.lastIndex(of: "@").map { rest.index(after: $0) } ?? rest.startIndex
        return String(text[..<scheme.upperBound]) + rest[start...]
    }

    static func database(_ text: String, _ what: String, _ expected: String) throws(ToolFailure) -> LakePlan.Database {
        if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") { return .postgres(url: text) }
        return .sqlite(path: try path(text, "sqlite", what, expected))
    }

    /// The absolute path in `scheme:PATH` or `scheme:///PATH`.
    static func path(_ text: String, _ scheme: String, _ what: String, _ expected: String) throws(ToolFailure) -> String {
        let head = scheme + ":"
        guard text.hasPrefix(head), text.utf8.count > head.utf8.count else { throw ToolFailure(.usage, "\(what): expected \(expected), found \"\(shown(text))\"") }
        var path = String(text.dropFirst(head.count))
        if path.hasPrefix("///") { path = String(path.dropFirst(2)) }
        if path.hasPrefix("/") { return path }
        guard let folder = getcwd(nil, 0) else { throw ToolFailure(.failed, "\(what): no working folder: \(StreamError.reason(errno))") }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}
