import K2SQL

/// The ids that one lake table holds, as ranges that are disjoint and not adjacent.
struct LoadedRanges {
    let engine: any SQLEngine
    let table: String

    /// All of them, sorted by exchange, symbol and first id.
    func all() throws(SQLError) -> [IdentityRange] {
        try Self.read(
            engine.read(
                """
                SELECT exchange, symbol, first_id, last_id FROM offload_loaded_ranges
                WHERE table_name = ?1 ORDER BY exchange, symbol, first_id
                """, [.text(table)]))
    }

    /// Adds ranges. Reads what lies between the first and the last of a symbol, writes what changes.
    func add(_ ranges: [IdentityRange]) throws(SQLError) {
        let markets = Dictionary(grouping: ranges.coalesced) { [$0.exchange, $0.symbol] }
        for (market, added) in markets.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let stored = try around(added, exchange: market[0], symbol: market[1])
            let merged = (stored + added).coalesced
            let (before, after) = (Set(stored), Set(merged))
            try delete(stored.filter { !after.contains($0) }, exchange: market[0], symbol: market[1])
            try engine.insert(
                "INSERT INTO offload_loaded_ranges (table_name, exchange, symbol, first_id, last_id)",
                merged.filter { !before.contains($0) }.map { [.text(table)] + Self.values($0) })
        }
    }

    /// The stored ranges of a symbol that `added` (not empty, sorted) can touch, and those between them.
    private func around(_ added: [IdentityRange], exchange: String, symbol: String) throws(SQLError) -> [IdentityRange] {
        let (first, last) = (added[0].first, added[added.count - 1].last)
        // The stored ranges are disjoint: only the last one that begins at or before ours can reach into it from the left.
        return try Self.read(
            engine.read(
                """
                SELECT exchange, symbol, first_id, last_id FROM offload_loaded_ranges
                WHERE table_name = ?1 AND exchange = ?2 AND symbol = ?3 AND first_id <= ?5 AND first_id >= coalesce((
                  SELECT max(first_id) FROM offload_loaded_ranges
                  WHERE table_name = ?1 AND exchange = ?2 AND symbol = ?3 AND first_id <= ?4), ?4)
                """,
                [.text(table), .text(exchange), .text(symbol), .integer(Int64(clamping: first)), .integer(Int64(clamping: last + 1))]))
    }

    private func delete(_ ranges: [IdentityRange], exchange: String, symbol: String) throws(SQLError) {
        for run in SQLBatch.runs(ranges) {
            try engine.write(
                """
                DELETE FROM offload_loaded_ranges WHERE table_name = ?1 AND exchange = ?2 AND symbol = ?3
                AND first_id IN (\(SQLBatch.placeholders(from: 4, count: run.count)))
                """, [.text(table), .text(exchange), .text(symbol)] + run.map { .integer(Int64(clamping: $0.first)) })
        }
    }

    /// Rows of (exchange, symbol, first id, last id).
    static func read(_ rows: SQLRows) throws(SQLError) -> [IdentityRange] {
        var result: [IdentityRange] = []
        result.reserveCapacity(rows.count)
        for row in rows {
            result.append(
                IdentityRange(
                    exchange: try row.text(0), symbol: try row.text(1), first: UInt64(clamping: try row.integer(2)),
                    last: UInt64(clamping: try row.integer(3))))
        }
        return result
    }

    /// Exchange, symbol, first and last; ids were checked to fit before.
    static func values(_ range: IdentityRange) -> [SQLValue] {
        [.text(range.exchange), .text(range.symbol), .integer(Int64(clamping: range.first)), .integer(Int64(clamping: range.last))]
    }
}
