import CPostgres
import K2SQL

/// Where a database is and how to log in: a `postgres://` or `postgresql://` URL with what the environment adds.
///
/// libpq reads the URL, and by itself PGPASSWORD, PGPASSFILE and the other variables of
/// https://www.postgresql.org/docs/current/libpq-envars.html for what the URL leaves out. Nothing secret is ever printed.
public struct PostgresTarget: Sendable, CustomStringConvertible, CustomReflectable {
    /// `postgres://host:port/database`.
    public let name: String
    let options: [(keyword: String, value: String)]
    /// Seconds to wait for a connection.
    let connectTimeout: Int

    /// What holds when neither the URL nor the environment says otherwise: a server that went away silently is noticed within a minute.
    private static let defaults = [
        ("connect_timeout", "10"), ("fallback_application_name", "k2"), ("keepalives_idle", "20"), ("keepalives_interval", "10"),
        ("keepalives_count", "3"), ("tcp_user_timeout", "30000"),
    ]

    public init(url: String) throws(SQLError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else {
            throw SQLError(.failed, "database url: expected postgres://HOST/DATABASE")
        }
        var options = try Self.parse(url)
        let environment = Self.list(PQconndefaults())
        func value(_ keyword: String) -> String? { (options + environment).first { $0.keyword == keyword }?.value }
        name = Self.name(host: value("host") ?? value("hostaddr"), port: value("port"), database: value("dbname") ?? value("user"))
        for (keyword, ours) in Self.defaults where value(keyword) == nil { options.append((keyword, ours)) }
        // Last of its name wins: our texts are UTF-8 whatever the environment says.
        options.append(("client_encoding", "UTF8"))
        // 0 and below would mean to wait for ever.
        let seconds = value("connect_timeout").flatMap { Int($0) } ?? 10
        connectTimeout = seconds > 0 ? min(seconds, 3_600) : 3_600
        self.options = options
    }

    public var description: String { name }
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }

    private static func parse(_ url: String) throws(SQLError) -> [(keyword: String, value: String)] {
        var text: UnsafeMutablePointer<CChar>?
        let parsed = PQconninfoParse(url, &text)
        defer { PQfreemem(text) }
        guard parsed != nil else {
            // libpq quotes the piece of the URL that it does not like, which may be a piece of the password.
            let message = text.map { String(cString: $0) } ?? "out of memory"
            throw SQLError(.failed, "database url: \(message.prefix { $0 != "\"" && $0 != "\n" }.trimmed)")
        }
        return list(parsed)
    }

    /// The options that have a value. Frees `first`.
    private static func list(_ first: UnsafeMutablePointer<PQconninfoOption>?) -> [(keyword: String, value: String)] {
        defer { PQconninfoFree(first) }
        var result: [(String, String)] = []
        var entry = first
        while let option = entry?.pointee, let keyword = option.keyword {
            if let value = option.val, value.pointee != 0 { result.append((String(cString: keyword), String(cString: value))) }
            entry = entry?.successor()
        }
        return result
    }

    private static func name(host: String?, port: String?, database: String?) -> String {
        let isSocket = host?.hasPrefix("/") ?? true
        let place = isSocket ? "" : (host ?? "") + (port.map { ":\($0)" } ?? "")
        return "postgres://\(place)/\(database ?? "")"
    }
}

extension Substring {
    /// Without the spaces at both ends.
    var trimmed: String {
        let start = drop { $0 == " " || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
