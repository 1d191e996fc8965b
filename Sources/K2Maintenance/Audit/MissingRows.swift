import K2ClickHouse
import K2Domain
import K2Iceberg
import K2Lake

/// Warm rows that the lake lacks in the hours that are compared, until it is known whether it has them elsewhere.
///
/// ClickHouse may get a trade again with another time, in another partition; the lake keeps the first version, where that one's time puts it. And a manifest
/// may put a file where its rows are not. Such a row is not missing: added, it would be in the lake twice.
struct MissingRows {
    let comparison: RowComparison
    /// Paths of files that cannot be read.
    let broken: Set<String>
    private var rows: [WarmPrint] = []

    init(_ comparison: RowComparison, without broken: Set<String>) {
        self.comparison = comparison
        self.broken = broken
    }

    /// Rows that are looked up at once, about.
    private static let limit = 500_000

    var isFull: Bool { rows.count >= Self.limit }

    /// Whether it took the row, because it may be elsewhere.
    mutating func take(_ row: Discrepancy) -> Bool {
        guard row.kind == .missing, let warm = row.warm else { return false }
        rows.append(warm)
        return true
    }

    /// What each row is, where it is known which of them the lake has nowhere.
    func judged(_ nowhere: Set<UInt64>) -> [Discrepancy] {
        rows.map { nowhere.contains($0.identity) ? Discrepancy(kind: .missing, warm: $0, remedy: .add) : Discrepancy(kind: .differs, warm: $0) }
    }

    /// Looks the rows up in all data files of the snapshot and tells of each what it is.
    /// - Returns: which files cannot be read, so that rows of them may be taken for missing.
    mutating func settle(_ found: (Discrepancy, DeletedFile?) throws -> Void) throws -> [AuditedFileProblem] {
        if rows.isEmpty { return [] }
        defer { rows.removeAll() }
        let files = try comparison.cold.liveFiles(comparison.scan.store)
        let (places, problems) = try comparison.scan.find(Set(rows.map(\.identity)), in: files, without: broken)
        for row in rows {
            if let place = places[row.identity] {
                try found(Discrepancy(kind: .differs, warm: row, cold: place), files[Int(place.file)])
            } else {
                try found(Discrepancy(kind: .missing, warm: row, remedy: .add), nil)
            }
        }
        return problems
    }
}
