import K2Domain
import K2StateStore

/// What an offload reads of a table, by the time at which ClickHouse got its rows.
public struct LoadWindow: Equatable, Sendable {
    /// What was not read before: `(new.after, new.through]`; nil when nothing is due.
    public var new: (after: Timestamp, through: Timestamp)?
    /// What is looked at once more for rows that came late: `(late.after, late.through]`; nil on the first run.
    public var late: (after: Timestamp, through: Timestamp)?
    /// After everything: with a clock that was set back, rows may be stamped ahead of it.
    static let end = Timestamp(microseconds: 7_258_118_400_000_000)

    /// The server's clock is behind what it was at the last run.
    public var hasClockSteppedBack = false

    public static func == (a: LoadWindow, b: LoadWindow) -> Bool {
        a.new?.after == b.new?.after && a.new?.through == b.new?.through && a.late?.after == b.late?.after && a.late?.through == b.late?.through
            && a.hasClockSteppedBack == b.hasClockSteppedBack
    }

    /// Chooses the window of a run.
    ///
    /// Rows that the server stamped up to `safetyLag` ago may not be visible yet; they are left to the next run. Rows can also be stamped
    /// with a time that was read already: an insert that took longer than the lag, or a clock that was set back. So what lies
    /// `lookback` before the watermark is looked at again, and after a step back everything that can have come since the last run,
    /// which includes rows that are stamped ahead of the clock.
    /// - Parameters:
    ///   - watermark: of the last run; nil when there was none.
    ///   - server: ClickHouse's clock.
    ///   - local: this machine's clock.
    ///   - safetyLag, lookback: µs.
    ///   - hasRowsAhead: whether there are rows that are stamped ahead of the server's clock.
    public static func choose(
        _ watermark: Watermark?, server: Timestamp, local: Timestamp, safetyLag: Int64, lookback: Int64, hasRowsAhead: Bool = false
    ) -> LoadWindow {
        var window = LoadWindow()
        let position = watermark?.position ?? Timestamp(microseconds: 0)
        let safe = Timestamp(microseconds: server.microseconds - safetyLag)
        if safe > position { window.new = (position, safe) }
        guard let watermark, position.microseconds > 0 else { return window }
        var oldest = min(position, watermark.serverClock ?? position)
        let passed = watermark.localClock.map { local.microseconds - $0.microseconds } ?? -1
        if let before = watermark.serverClock, server < before { window.hasClockSteppedBack = true }
        if passed >= 0 {
            // What came since the last run cannot be stamped earlier, unless our own clock was set as well.
            oldest = min(oldest, Timestamp(microseconds: server.microseconds - passed))
        } else if window.hasClockSteppedBack {
            // Our own clock was set back with it: then a day is what we trust in.
            oldest = min(oldest, Timestamp(microseconds: server.microseconds - Timestamp.microsecondsPerDay))
        }
        let after = Timestamp(microseconds: max(oldest.microseconds - lookback, 0))
        let isBehind = window.hasClockSteppedBack || hasRowsAhead || safe < position
        if after < position { window.late = (after, isBehind ? end : position) }
        return window
    }
}
