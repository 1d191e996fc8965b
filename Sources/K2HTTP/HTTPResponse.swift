import CCurl

/// An answer, whatever its status.
public struct HTTPResponse: Sendable {
    public var status: Int
    /// In the order in which they came; of several answers (a redirect, `100 Continue`) the last one's.
    public var headers: [(name: String, value: String)]
    /// Decompressed.
    public var body: [UInt8]
    /// Connections that had to be opened for this answer; 0 when one was reused.
    public var openedConnections: Int

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], openedConnections: Int = 0) {
        self.status = status
        self.headers = headers
        self.body = body
        self.openedConnections = openedConnections
    }

    /// The value of the first header with this name, upper and lower case alike; nil when there is none.
    public func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }

    /// Seconds that the server wants us to wait: `Retry-After` (RFC 9110, section 10.2.3), a number or a date. nil when it does not say,
    /// or not understandably; never negative.
    /// - Parameter now: seconds since 1970.
    public func retryAfter(now: Int) -> Int? {
        guard let text = header("retry-after") else { return nil }
        if text.utf8.allSatisfy({ $0 &- 0x30 <= 9 }) { return text.isEmpty ? nil : Int(text) ?? Int.max }
        // curl reads the three forms of HTTP dates, and more.
        let date = curl_getdate(text, nil)
        return date < 0 ? nil : max(Int(date) - now, 0)
    }
}
