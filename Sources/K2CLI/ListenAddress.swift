/// `HOST:PORT` on the command line: a name or address, IPv6 in brackets, and a port; 0 lets the system choose.
public enum ListenAddress {
    public static func parse(_ text: String, flag: String) throws(ToolFailure) -> (host: String, port: Int) {
        if let colon = text.lastIndex(of: ":"), let port = UInt16(digits: text[text.index(after: colon)...]) {
            var host = text[..<colon]
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            if isBracketed { host = host.dropFirst().dropLast() }
            let isWhole = isBracketed || !host.contains { ":[]".contains($0) }
            if !host.isEmpty, isWhole { return (String(host), Int(port)) }
        }
        throw ToolFailure(.usage, "\(flag): expected host:port, found \"\(text)\"")
    }
}

extension UInt16 {
    /// A number written in digits alone, without a sign.
    fileprivate init?(digits text: Substring) {
        guard text.utf8.allSatisfy({ $0 &- 0x30 <= 9 }) else { return nil }
        self.init(text)
    }
}
