import K2ClickHouse
import K2Domain

/// One row that the sides do not agree about.
struct Discrepancy: Equatable {
    enum Kind: String, CaseIterable {
        /// The warm store has the row, and the lake should have it.
        case missing
        /// The lake has a row that the warm store has not.
        case extra = "only in cold"
        /// The lake has a row of an identity more than once.
        case doubled
        /// Both have the row, with other values.
        case differs
        /// The lake gets the row, or its later revision, with one of the next runs.
        case pending
        /// The warm store does not keep rows of that age.
        case expired
        /// A candle over trades without ids, whose open and close nobody can recompute.
        case unordered

        /// Whether the lake is not what it should be.
        var isDifference: Bool {
            switch self {
            case .missing, .extra, .doubled, .differs: true
            case .pending, .expired, .unordered: false
            }
        }
    }

    var kind: Kind
    var warm: WarmPrint?
    var cold: ColdPrint?

    /// µs.
    var time: Int64 { warm?.time ?? cold?.time ?? 0 }
    var identity: UInt64 { warm?.identity ?? cold?.identity ?? 0 }
}

/// Compares the rows of both sides by the hashes of their identities and values.
struct PrintMatch {
    /// Cold rows before it may have left the warm store, µs.
    var cutoff: Int64
    /// A later row of an identity replaces the one in the lake: candles.
    var isRevised: Bool

    /// - Parameter found: called for each row that the sides do not agree about.
    func run(_ warm: [WarmPrint], _ cold: [ColdPrint], _ found: (Discrepancy) throws -> Void) rethrows {
        let warm = warm.sorted { ($0.identity, $0.row) < ($1.identity, $1.row) }
        let cold = cold.sorted { ($0.identity, $0.row) < ($1.identity, $1.row) }
        var (w, c) = (0, 0)
        while w < warm.count || c < cold.count {
            // The common case first: one row each, and equal.
            if w < warm.count, c < cold.count, warm[w].identity == cold[c].identity, warm[w].row == cold[c].row,
                w + 1 == warm.count || warm[w + 1].identity != warm[w].identity, c + 1 == cold.count || cold[c + 1].identity != cold[c].identity
            {
                (w, c) = (w + 1, c + 1)
                continue
            }
            let identity = min(w < warm.count ? warm[w].identity : .max, c < cold.count ? cold[c].identity : .max)
            let (warmEnd, coldEnd) = (warm[w...].end { $0.identity == identity }, cold[c...].end { $0.identity == identity })
            try settle(warm[w..<warmEnd], cold[c..<coldEnd], found)
            (w, c) = (warmEnd, coldEnd)
        }
    }

    /// The rows of one identity, sorted by their hashes.
    private func settle(_ warm: ArraySlice<WarmPrint>, _ cold: ArraySlice<ColdPrint>, _ found: (Discrepancy) throws -> Void) rethrows {
        var warmLeft: [WarmPrint] = [], coldLeft: [ColdPrint] = []
        var (w, c) = (warm.startIndex, cold.startIndex)
        while w < warm.endIndex || c < cold.endIndex {
            if w < warm.endIndex, c < cold.endIndex, warm[w].row == cold[c].row {
                (w, c) = (w + 1, c + 1)
            } else if c == cold.endIndex || w < warm.endIndex && warm[w].row < cold[c].row {
                warmLeft.append(warm[w])
                w += 1
            } else {
                coldLeft.append(cold[c])
                c += 1
            }
        }
        var hasRow = coldLeft.count < cold.count
        for row in warmLeft {
            if hasRow || coldLeft.isEmpty {
                try found(Discrepancy(kind: row.age == .settled || row.age == .unordered ? .missing : .pending, warm: row))
            } else {
                try found(Discrepancy(kind: kind(ofChange: row), warm: row, cold: coldLeft.removeFirst()))
                hasRow = true
            }
        }
        for row in coldLeft {
            try found(Discrepancy(kind: hasRow ? .doubled : row.time < cutoff ? .expired : .extra, warm: warm.first, cold: row))
            hasRow = true
        }
    }

    private func kind(ofChange row: WarmPrint) -> Discrepancy.Kind {
        switch row.age {
        case .unordered: .unordered
        case .new, .recent: isRevised ? .pending : .differs
        case .settled: .differs
        }
    }
}

extension ArraySlice {
    /// Where the first elements for which `condition` holds end.
    fileprivate func end(_ condition: (Element) -> Bool) -> Int {
        var end = startIndex
        while end < endIndex, condition(self[end]) { end += 1 }
        return end
    }
}
