/// Where a ClickHouse service is: one or more hosts with the same data, who asks, and which database is meant.
///
/// `http://host:8123`, `https://user:password@host:8443/database`, or several with commas between: of those after the
/// first, `host:port` is enough. Ports default to ClickHouse's own: 8123, with TLS 8443.
public struct ClickHouseAddress: Equatable, Sendable {
    /// `http://host:port`, without a path.
    public var hosts: [String]
    public var user: String?
    public var password: String?
    public var database: String

    /// Why a text is no address. The text is not repeated: it may hold a password.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public static let defaultDatabase = "k2"

    /// - Throws: when a part is no `http` or `https` address, or two parts disagree about user or database.
    public init(_ text: String) throws(Malformed) {
        self.init(hosts: [], user: nil, password: nil, database: "")
        // In a password they have to be percent-encoded; else a part of it would be taken for something else.
        guard !text.contains("#"), !text.contains("?") else { throw Malformed(description: "expected neither # nor ?") }
        var scheme = "http"
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var rest = part.drop { $0 == " " }
            if let found = rest.firstRange(of: "://") {
                scheme = String(rest[..<found.lowerBound])
                rest = rest[found.upperBound...]
            }
            guard scheme == "http" || scheme == "https" else {
                throw Malformed(description: "expected http:// or https://")
            }
            try add(rest, scheme: scheme)
        }
        if database.isEmpty { database = Self.defaultDatabase }
    }

    private init(hosts: [String], user: String?, password: String?, database: String) {
        self.hosts = hosts
        self.user = user
        self.password = password
        self.database = database
    }

    private mutating func add(_ text: Substring, scheme: String) throws(Malformed) {
        let authority = text.prefix { $0 != "/" }
        let path = text.dropFirst(authority.count)
        var host = authority
        if let at = authority.lastIndex(of: "@") {
            try addUser(authority[..<at])
            host = authority[authority.index(after: at)...]
        }
        guard !host.isEmpty, host.allSatisfy({ $0.isASCII && !$0.isWhitespace }) else { throw Malformed(description: "expected a host, found none") }
        hosts.append("\(scheme)://\(try Self.withPort(host, scheme))")
        let name = path.drop { $0 == "/" }
        if name.isEmpty { return }
        guard name.allSatisfy({ $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
            throw Malformed(description: "expected letters, digits and _ in the name of the database behind the host")
        }
        guard database.isEmpty || database == name else { throw Malformed(description: "expected one database, found two") }
        database = String(name)
    }

    private mutating func addUser(_ text: Substring) throws(Malformed) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let (name, secret) = (Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : nil)
        guard user == nil || (user == name && password == secret) else { throw Malformed(description: "expected one user, found several") }
        user = name
        password = secret
    }

    private static func withPort(_ host: Substring, _ scheme: String) throws(Malformed) -> String {
        let afterBracket = host.lastIndex(of: "]") ?? host.startIndex
        guard let colon = host[afterBracket...].lastIndex(of: ":") else { return "\(host):\(scheme == "https" ? 8443 : 8123)" }
        guard let port = Int(host[host.index(after: colon)...]), (1...65_535).contains(port) else {
            throw Malformed(description: "expected a port from 1 to 65535")
        }
        return String(host)
    }

    /// Percent-encoding (RFC 3986, section 2.1); what is none stays as it is.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2 {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
