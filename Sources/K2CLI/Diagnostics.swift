import Glibc

/// The one writer to stderr. One line a message, prefixed with the tool's name.
public struct Diagnostics: Sendable {
    /// Name of the running tool, as typed on the command line.
    public let tool: String
    /// Whether a message waits for the reader of stderr; else it is left out when the reader takes nothing.
    private let waits: Bool

    public init(tool: String, waits: Bool = true) {
        self.tool = tool
        self.waits = waits
    }

    /// Writes `tool: message`. Line breaks inside the message become spaces.
    public func report(_ message: String) { write("\(tool): \(message)") }

    public func hint(_ text: String) { write("hint: \(text)") }

    private func write(_ text: String) {
        var line = text.utf8.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
        if !waits {
            // As much as a pipe takes without waiting when it can be written to.
            line = Array(line.prefix(Int(PIPE_BUF) - 1))
            var watched = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
            if poll(&watched, 1, 0) == 0 { return }
        }
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
