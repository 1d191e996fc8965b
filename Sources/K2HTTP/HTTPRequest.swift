/// What is asked.
public struct HTTPRequest: Sendable {
    /// `GET`, `PUT` …; not checked.
    public var method: String
    public var url: String
    /// Sent as they are, in order. Names and values with control characters are refused.
    public var headers: [(String, String)]
    /// nil sends none, which differs from an empty one.
    public var body: [UInt8]?

    public init(_ method: String = "GET", _ url: String, headers: [(String, String)] = [], body: [UInt8]? = nil) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// The URL for messages: without user, password, query and fragment.
    var location: String { Self.location(url) }

    static func location(_ url: String) -> String {
        let path = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = path.firstRange(of: "://") else { return String(path) }
        let authority = path[scheme.upperBound...].prefix { $0 != "/" }
        guard let user = authority.lastIndex(of: "@") else { return String(path) }
        return String(path[..<scheme.upperBound] + path[path.index(after: user)...])
    }
}
