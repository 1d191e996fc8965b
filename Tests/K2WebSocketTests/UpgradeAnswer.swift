@testable import K2WebSocket

/// The answer of a server that accepts, for the raw servers of the tests.
enum UpgradeAnswer {
    static func text(to request: String) -> String {
        let line = request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("sec-websocket-key:") } ?? ""
        let key = line.split(separator: " ").last.map(String.init) ?? ""
        return "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            + "sec-websocket-accept: \(UpgradeHandshake.accept(for: key))\r\n\r\n"
    }
}
