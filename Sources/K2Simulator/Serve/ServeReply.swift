/// A request to the REST side of a simulated exchange.
public struct ServeRequest: Sendable {
    public var method: String
    /// Path and query as they stand in the request line.
    public var target: String
    public var headers: [(name: String, value: String)]

    public init(_ target: String, method: String = "GET", headers: [(name: String, value: String)] = []) {
        self.method = method
        self.target = target
        self.headers = headers
    }

    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
}

/// An HTTP reply, and how it travels.
public struct ServeReply: Sendable {
    public enum Delivery: Sendable, Equatable {
        case whole
        /// The connection ends without a reply.
        case drop
        /// The connection ends after so many bytes of the body.
        case part(bytes: Int)
        /// The reply comes so many µs later.
        case late(microseconds: Int64)
    }

    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    public var delivery = Delivery.whole

    public init(_ status: Int, _ headers: [(name: String, value: String)] = [], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    static func json(_ text: String, status: Int = 200, _ headers: [(name: String, value: String)] = []) -> ServeReply {
        ServeReply(status, [("Content-Type", "application/json")] + headers, body: Array(text.utf8))
    }

    static func json(_ bytes: [UInt8], _ headers: [(name: String, value: String)] = []) -> ServeReply {
        ServeReply(200, [("Content-Type", "application/json")] + headers, body: bytes)
    }

    static func html(_ status: Int, _ title: String) -> ServeReply {
        let text = "<html>\r\n<head><title>\(status) \(title)</title></head>\r\n<body><center><h1>\(status) \(title)</h1></center></body>\r\n</html>\r\n"
        return ServeReply(status, [("Content-Type", "text/html")], body: Array(text.utf8))
    }

    /// - Parameter microseconds: rounded up to whole seconds, at least one.
    mutating func retry(after microseconds: Int64) {
        headers.append(("Retry-After", "\(max((microseconds + 999_999) / 1_000_000, 1))"))
    }

    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
