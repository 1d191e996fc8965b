import K2ClickHouse
import K2Domain

/// Computes candles anew from the warm store's trades and compares them with those of the lake.
///
/// Compared are windows of which all trades can be there: that begin in the audit's range and after what the trades' TTL may have taken. Candles that
/// are not closed yet, or whose trades came after the lake was filled, may differ.
struct CandleAudit {
    let audit: TableAudit
    let cold: ColdTable
    let interval: CandleInterval

    func run(_ result: inout AuditResult) throws {
        let trades = MarketTables.silver
        if let refusal = try audit.reader.refusal(trades) { return result.reasons.append("candles: \(refusal)") }
        let keeping = try audit.reader.keeping(trades)
        let range = Self.windows(audit.options.range, interval.width, after: keeping.cutoff(at: try audit.reader.clock()))
        if let rows = result.rows, range.lowerBound > audit.options.range.lowerBound {
            let before = rows.days.contains { Timestamp(microseconds: $0.key * Timestamp.microsecondsPerDay) < range.lowerBound && $0.value.cold.rows > 0 }
            if before { result.reasons.append("candles before \(range.lowerBound): ClickHouse keeps trades \(keeping.text)") }
        }
        if range.isEmpty { return }
        let comparison = comparison(range, keeping)
        // What is wrong with the files was found with the rows.
        var problems: [AuditedFileProblem] = []
        let (findings, _) = try comparison.run(checks: false, &problems)
        result.candles = findings
        let unordered = findings.count(.unordered)
        if unordered > 0 { result.reasons.append("candles: \(unordered) are of trades without ids, whose order only the stream knew") }
        if findings.warmRows == 0, findings.coldRows > 0, findings.differences == 0 { result.reasons.append("candles: ClickHouse has no trades for them") }
    }

    private func comparison(_ range: Range<Timestamp>, _ keeping: WarmKeeping) -> RowComparison {
        let table = audit.definition
        let columns = AuditSource.determined(table).compactMap { table.index(of: $0.name) }
        let reach = WarmReach(watermark: cold.watermark, lookback: audit.options.lookback)
        let (interval, lateness) = (interval, audit.options.lateness)
        return RowComparison(
            reader: audit.reader, cold: cold, scan: audit.scan(cold, columns), options: audit.options, keeping: keeping,
            source: { AuditSource(candles: interval, in: $0, of: range, lateness: lateness, reach) }, range: range, isRevised: true)
    }

    /// The part of `range` whose windows lie behind `cutoff` as a whole.
    static func windows(_ range: Range<Timestamp>, _ width: Int64, after cutoff: Timestamp) -> Range<Timestamp> {
        let start = max(range.lowerBound, cutoff)
        let aligned = start.floor(to: width)
        let first = aligned == start ? aligned : Timestamp(microseconds: aligned.microseconds + width)
        return min(first, range.upperBound)..<range.upperBound
    }
}
