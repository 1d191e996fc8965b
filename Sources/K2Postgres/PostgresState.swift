import K2SQL

/// What the five characters of an SQLSTATE mean for us: https://www.postgresql.org/docs/current/errcodes-appendix.html
enum PostgresState {
    static func code(_ state: String) -> SQLError.Code {
        switch state {
        case "23505": return .duplicate
        // Serialization failure, deadlock, lock not available, statement cancelled or timed out, too many connections, out of memory.
        case "40001", "40P01", "55P03", "57014", "53300", "53200": return .busy
        // Shut down, crashed, starting up, idle for too long.
        case "57P01", "57P02", "57P03", "57P05", "25P03", "25P04": return .connection
        // No privilege; a standby, or a database that is for reading only.
        case "42501", "25006": return .denied
        // Database, schema, table, column; a database that was dropped under us.
        case "3D000", "3F000", "42P01", "42703", "57P04": return .missing
        default: break
        }
        switch state.prefix(2) {
        case "08": return .connection
        case "23": return .constraint
        case "28": return .denied
        default: return .failed
        }
    }
}

/// Our words for libpq's messages: one line, without what a server may add to it.
struct PostgresMessage {
    /// The SQLSTATE, where there is one.
    var state: String?
    var text: String

    /// Reads the text of a failed connect, which has no fields: the SQLSTATE stands in it because the verbosity asks for it.
    ///
    ///     connection to server at "127.0.0.1", port 5432 failed: FATAL:  28P01: password authentication failed for user "k2"
    init(connecting message: String) {
        var line = message.prefix { $0 != "\n" }
        if let range = line.firstRange(of: " failed: ") { line = line[range.upperBound...] }
        let parts = line.split(separator: ":", omittingEmptySubsequences: false)
        if let index = parts.prefix(3).firstIndex(where: { Self.isState($0.trimmed) }) {
            state = parts[index].trimmed
            line = line[parts[index].endIndex...].dropFirst()
        }
        text = Self.sentence(line.trimmed)
    }

    init(state: String?, text: String) {
        self.state = state
        self.text = Self.sentence(text.prefix { $0 != "\n" }.trimmed)
    }

    var withState: String { state.map { "\(text) (\($0))" } ?? text }

    private static func isState(_ text: String) -> Bool {
        let isCode = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) }
        return text.utf8.count == 5 && isCode && text.contains { $0.isNumber }
    }

    /// Begins in lower case, unless with an abbreviation.
    private static func sentence(_ text: String) -> String {
        guard let first = text.first, first.isUppercase, text.dropFirst().first?.isLowercase == true else { return text }
        return first.lowercased() + text.dropFirst()
    }
}
