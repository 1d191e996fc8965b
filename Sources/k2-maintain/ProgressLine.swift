import Glibc
import K2CLI

/// A line on a terminal that is written over and over: how far the work is. Where stderr is no terminal there is none.
final class ProgressLine {
    private let isTerminal: Bool
    private var shown = 0
    private var shownAt: Int64 = 0

    /// Microseconds between two changes of the line.
    private static let interval: Int64 = 100_000

    init() { isTerminal = isatty(STDERR_FILENO) == 1 }

    func show(_ text: String) {
        let now = MonotonicClock.now()
        guard isTerminal, now - shownAt >= Self.interval else { return }
        shownAt = now
        write("\r\(text)" + String(repeating: " ", count: max(shown - text.count, 0)))
        shown = text.count
    }

    /// To be called before anything else is written to the terminal.
    func clear() {
        guard shown > 0 else { return }
        write("\r" + String(repeating: " ", count: shown) + "\r")
        shown = 0
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
