import Glibc
import K2CLI
import K2Lake
import Synchronization

/// What a cycle says: lines that stay, and below them, where stderr is a terminal, one that shows how far the tables are.
final class CycleProgress: Sendable {
    private struct State {
        var tables: [(name: String, progress: OffloadProgress)] = []
        /// Characters of the line that is there.
        var shown = 0
        /// µs of the monotonic clock.
        var shownAt: Int64 = 0
    }

    private let diagnostics: Diagnostics
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    /// µs between two changes of the line.
    private static let interval: Int64 = 200_000

    init(_ diagnostics: Diagnostics) { self.diagnostics = diagnostics }

    func report(_ message: String) { write { diagnostics.report(message) } }

    func hint(_ text: String) { write { diagnostics.hint(text) } }

    func show(_ table: String, _ progress: OffloadProgress) {
        guard isTerminal else { return }
        state.withLock { state in
            if let index = state.tables.firstIndex(where: { $0.name == table }) {
                state.tables[index].progress = progress
            } else {
                state.tables.append((table, progress))
            }
            let now = MonotonicClock.now()
            guard now - state.shownAt >= Self.interval else { return }
            state.shownAt = now
            draw(&state)
        }
    }

    /// The table is done, or given up.
    func end(_ table: String) {
        guard isTerminal else { return }
        state.withLock { state in
            state.tables.removeAll { $0.name == table }
            draw(&state)
        }
    }

    /// A line about all tables in the making.
    static func text(_ tables: [(name: String, progress: OffloadProgress)]) -> String {
        tables.map { name, progress in
            let share = progress.total > 0 ? ", \(min(progress.rows * 100 / progress.total, 100)) %" : ""
            return "\(name) \(grouped(progress.rows)) rows\(share)"
        }.joined(separator: "; ")
    }

    private static func grouped(_ number: Int) -> String {
        var text = "", digits = 0
        for digit in String(number).reversed() {
            if digits > 0, digits % 3 == 0 { text.append(",") }
            text.append(digit)
            digits += 1
        }
        return String(text.reversed())
    }

    private func draw(_ state: inout State) {
        let width = Self.width()
        let text = String(Self.text(state.tables).prefix(max(width - 1, 0)))
        put("\r" + text + String(repeating: " ", count: max(state.shown - text.count, 0)) + (text.isEmpty ? "\r" : ""))
        state.shown = text.count
    }

    /// Writes a line that stays: the other one makes way for it.
    private func write(_ body: () -> Void) {
        guard isTerminal else { return body() }
        state.withLock { state in
            if state.shown > 0 { put("\r" + String(repeating: " ", count: state.shown) + "\r") }
            state.shown = 0
            body()
            if !state.tables.isEmpty { draw(&state) }
        }
    }

    /// Columns of the terminal.
    private static func width() -> Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
