import K2Domain

/// Which event times an audit is about.
public enum AuditSpan {
    /// - Parameters:
    ///   - days: the last so many times 24 hours, with the rest of the UTC days that they touch.
    ///   - from, to: made whole hours.
    public static func choose(days: Int?, full: Bool, from: Timestamp?, to: Timestamp?, now: Timestamp) -> Range<Timestamp> {
        if full { return AuditOptions.everything }
        let all = AuditOptions.everything
        if let from, let to {
            let low = max(from.floor(to: AuditHour.microseconds), all.lowerBound)
            let end = Timestamp(microseconds: to.microseconds - 1).floor(to: AuditHour.microseconds)
            let high = min(Timestamp(microseconds: end.microseconds + AuditHour.microseconds), all.upperBound)
            return low < high ? low..<high : low..<Timestamp(microseconds: low.microseconds + AuditHour.microseconds)
        }
        let day = Timestamp.microsecondsPerDay
        let start = Timestamp(microseconds: now.microseconds - Int64(days ?? 1) * day).floor(to: day)
        return max(start, all.lowerBound)..<Timestamp(microseconds: (now.day + 1) * day)
    }
}
