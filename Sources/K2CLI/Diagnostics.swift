import Glibc

/// The one writer to stderr. One line a message, prefixed with the tool's name.
public struct Diagnostics: Sendable {
    /// Name of the running tool, as typed on the command line.
    public let tool: String

    public init(tool: String) { self.tool = tool }

    /// Writes `tool: message`. Line breaks inside the message become spaces.
    public func report(_ message: String) { write("\(tool): \(message)") }

    public func hint(_ text: String) { write("hint: \(text)") }

    private func write(_ text: String) {
        var line = text.utf8.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
        line.append(0x0a)
        line.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.write(STDERR_FILENO, bytes.baseAddress! + sent, bytes.count - sent)
                if count > 0 { sent += count } else if errno != EINTR { return }
            }
        }
    }
}
