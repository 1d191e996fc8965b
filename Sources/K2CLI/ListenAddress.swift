/// `HOST:PORT` on the command line: a name or address, IPv6 in brackets, and a port; 0 lets the system choose.
public enum ListenAddress {
    public static func parse(_ text: String, flag: String) throws(ToolFailure) -> (host: String, port: Int) {
        if let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) {
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            if !host.isEmpty { return (String(host), port) }
        }
        throw ToolFailure(.usage, "\(flag): expected host:port, found \"\(text)\"")
    }
}
