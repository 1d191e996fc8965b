import K2Domain
import K2StateStore

/// The audit log: a line for each UTC day of the range.
extension AuditResult {
    /// Of a longer range, such as everything, it is the days from the first with rows to the last.
    private static let mostDays = 3_660

    func records(at time: Timestamp, runID: String) -> [AuditRecord] {
        let days = loggedDays
        if days.isEmpty { return [record(time, runID, range, nil)] }
        return days.map { number in record(time, runID, span(number), rows.map { $0.days[number] ?? .empty }) }
    }

    /// Days since 1970; none when a range without end has no rows.
    private var loggedDays: [Int64] {
        let all = range.lowerBound.day...Timestamp(microseconds: range.upperBound.microseconds - 1).day
        if all.count <= Self.mostDays { return Array(all) }
        let known = (rows?.days ?? [:]).keys.sorted()
        guard let first = known.first, let last = known.last, last - first < Self.mostDays else { return known }
        return Array(first...last)
    }

    /// The part of a day that was compared.
    private func span(_ day: Int64) -> Range<Timestamp> {
        let start = Timestamp(microseconds: day * Timestamp.microsecondsPerDay)
        let end = Timestamp(microseconds: start.microseconds + Timestamp.microsecondsPerDay)
        return max(start, range.lowerBound)..<min(end, range.upperBound)
    }

    private func record(_ time: Timestamp, _ runID: String, _ span: Range<Timestamp>, _ day: RowFindings.Day?) -> AuditRecord {
        let result = day.map(result(of:)) ?? verdict
        return AuditRecord(
            runAt: time, table: table, source: source, layer: layer,
            windowHours: (span.upperBound.microseconds - span.lowerBound.microseconds) / AuditHour.microseconds,
            windowStart: span.lowerBound, windowEnd: span.upperBound, warmRows: day?.warm.rows ?? rows?.warmRows, coldRows: day?.cold.rows ?? rows?.coldRows,
            warmHash: day?.warm.digest, coldHash: day?.cold.digest, status: result == .ok ? "ok" : result == .unverified ? "unverified" : "mismatch",
            result: result.rawValue, notes: notes(day), runID: runID)
    }

    /// What concerns the table as a whole concerns each day.
    private func result(of day: RowFindings.Day) -> AuditVerdict {
        if day.has(where: \.isDifference) { return .different }
        if hasBadFiles || (candles?.differences ?? 0) > 0 || !differences.isEmpty { return .different }
        if day.has(where: { $0 == .expired }) || !reasons.isEmpty { return .unverified }
        if day.isEmpty { return mayBeEmpty && day.counts.isEmpty ? .ok : .unverified }
        return day.warm.rows > 0 && day.cold.rows > 0 ? .ok : .unverified
    }

    private func notes(_ day: RowFindings.Day?) -> String? {
        var parts = Discrepancy.Kind.allCases.compactMap { kind in day?.counts[kind.rawValue].map { "\($0) \(kind.rawValue)" } }
        if let day, day.isEmpty { parts.append(mayBeEmpty && day.counts.isEmpty ? Self.emptyText : Self.silentText) }
        if day == nil || verdict != .ok { parts.append(summary) }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private var layer: String {
        for layer in ["bronze", "silver", "gold"] where table.hasPrefix(layer) { return layer }
        return "gaps"
    }
}

extension RowFindings.Day {
    static let empty = RowFindings.Day(warm: AuditSums(measures: 0), cold: AuditSums(measures: 0))

    /// Whether no side has a row that could be compared.
    var isEmpty: Bool { warm.rows == 0 && cold.rows == 0 }

    fileprivate func has(where isWanted: (Discrepancy.Kind) -> Bool) -> Bool {
        Discrepancy.Kind.allCases.contains { isWanted($0) && (counts[$0.rawValue] ?? 0) > 0 }
    }
}

extension RowFindings {
    /// The days of a range that are over and of which neither side has a row, since 1970.
    func silentDays(in range: Range<Timestamp>, reachesBack: Bool, clock: Timestamp) -> [Int64] {
        // A day before the first rows of all is none of the table's.
        guard let first = days.filter({ !$0.value.isEmpty }).keys.min() else { return [] }
        let start = reachesBack ? range.lowerBound.day : first
        let end = min(Timestamp(microseconds: range.upperBound.microseconds - 1).day, clock.day - 1)
        if start > end { return [] }
        // A day whose rows wait for the offload is judged by how long they wait.
        return (start...end).filter { days[$0].map { $0.isEmpty && $0.counts.isEmpty } ?? true }
    }
}
