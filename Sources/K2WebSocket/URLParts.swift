/// `scheme://[user@]host[:port]rest`, taken apart (RFC 3986, section 3). Nothing is decoded.
struct URLParts {
    /// In lower case.
    var scheme: String
    var user: String?
    /// In lower case; IPv6 without its brackets.
    var host: String
    var port: Int?
    /// What follows the authority: path, query, fragment; may be empty.
    var rest: String

    /// nil when `url` has not this shape, or holds a space, a control character or one that is not ASCII.
    init?(_ url: String) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), let colon = url.firstIndex(of: ":") else { return nil }
        let afterScheme = url[colon...].dropFirst()
        guard colon > url.startIndex, afterScheme.hasPrefix("//") else { return nil }
        scheme = url[..<colon].lowercased()
        let body = afterScheme.dropFirst(2)
        let end = body.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? body.endIndex
        rest = String(body[end...])
        var authority = body[..<end]
        user = nil
        if let at = authority.lastIndex(of: "@") {
            user = String(authority[..<at])
            authority = authority[at...].dropFirst()
        }
        guard let (name, portText) = Self.split(authority) else { return nil }
        host = name.lowercased()
        port = nil
        if let portText {
            guard let number = Self.port(portText) else { return nil }
            port = number
        }
    }

    /// `host`, `host:port`, `[v6]` or `[v6]:port`; nil when there is no host.
    static func split(_ authority: Substring) -> (host: Substring, port: Substring?)? {
        var host = authority
        var after: Substring = ""
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[..<end].dropFirst()
            guard host.utf8.contains(UInt8(ascii: ":")) else { return nil }
            after = authority[end...].dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            after = authority[colon...]
        }
        guard !host.isEmpty, !host.contains(where: { "[]@\\\"<>".contains($0) }) else { return nil }
        if after.isEmpty { return (host, nil) }
        return after.hasPrefix(":") ? (host, after.dropFirst()) : nil
    }

    static func port(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- 0x30 <= 9 }), let number = Int(text), (1...65535).contains(number) else { return nil }
        return number
    }

    static func bracketed(_ host: String) -> String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

    /// `url` for a message: without the user and password, without control characters, not endlessly long.
    static func shown(_ url: String) -> String {
        var text = Substring(url)
        if let at = text.lastIndex(of: "@") {
            let scheme = text.range(of: "://").map { text[..<$0.upperBound] } ?? ""
            text = scheme + "…" + text[at...]
        }
        let shown = String(text.prefix(200).map { $0.isNewline || $0.asciiValue.map { $0 < 0x20 } == true ? " " : $0 })
        return shown.isEmpty ? "nothing" : shown
    }
}

extension Substring {
    /// Where `text` stands first. (The standard library's own search needs a regex engine.)
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
