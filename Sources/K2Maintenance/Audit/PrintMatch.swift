import K2ClickHouse
import K2Domain

/// One row that the sides do not agree about.
struct Discrepancy: Equatable {
    enum Kind: String, CaseIterable {
        /// The warm store has the row, and the lake should have it.
        case missing
        /// The lake has a row that the warm store has not.
        case extra = "only in cold"
        /// The lake has a row more than once, with the same values.
        case doubled
        /// Both have the row, with other values; or the lake has it more than once, with other values.
        case differs
        /// The lake gets the row, or its later revision, with one of the next runs.
        case pending
        /// The warm store does not keep rows of that age.
        case expired
        /// The lake does not have the row in the files that are read here; it may be in one that is not.
        case unread
        /// A candle over trades without ids, whose open and close nobody can recompute.
        case unordered

        /// Whether the lake is not what it should be.
        var isDifference: Bool {
            switch self {
            case .missing, .extra, .doubled, .differs: true
            case .pending, .expired, .unread, .unordered: false
            }
        }
    }

    /// What a repair may do about it.
    enum Remedy {
        /// It stays, since nothing says what is right.
        case none
        /// The warm row is added.
        case add
        /// The cold row goes; where it has values of its own, only with `RepairOptions.replacesDifferent`.
        case remove
        /// The cold row becomes the warm one, with `RepairOptions.replacesDifferent`.
        case replace
    }

    var kind: Kind
    var warm: WarmPrint?
    var cold: ColdPrint?
    var remedy = Remedy.none

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
        var isThere = coldLeft.count < cold.count
        var (others, copies) = sorted(coldLeft, warm)
        // What stays of rows of which ClickHouse's is not one.
        var stays: ColdPrint?
        for row in warmLeft {
            if isThere {
                try found(Discrepancy(kind: kind(ofChange: row), warm: row))
            } else if others.isEmpty {
                let isMissing = row.age == .settled || row.age == .unordered
                try found(Discrepancy(kind: isMissing ? .missing : .pending, warm: row, remedy: isMissing ? .add : .none))
            } else {
                let (kind, other) = (kind(ofChange: row), others.removeFirst())
                if kind != .differs { stays = other }
                try found(Discrepancy(kind: kind, warm: row, cold: other, remedy: kind == .differs ? .replace : .none))
            }
            isThere = true
        }
        for row in others {
            if isThere {
                let isBeaten = stays.map { row.revision < $0.revision } ?? true
                try found(Discrepancy(kind: .differs, warm: warm.first, cold: row, remedy: isBeaten ? .remove : .none))
            } else {
                try found(Discrepancy(kind: row.time < cutoff ? .expired : .extra, cold: row))
                (isThere, stays) = (true, row)
            }
        }
        for row in copies { try found(Discrepancy(kind: .doubled, warm: warm.first, cold: row, remedy: .remove)) }
    }

    /// Tells the lake's rows with values of their own, the highest revision first, from those of which another one is there that equals them.
    private func sorted(_ left: [ColdPrint], _ warm: ArraySlice<WarmPrint>) -> (others: [ColdPrint], copies: [ColdPrint]) {
        var (others, copies): ([ColdPrint], [ColdPrint]) = ([], [])
        for row in left {
            // Of a row that equals a warm one and is left, the warm one's was there before.
            if row.row == others.last?.row || warm.contains(where: { $0.row == row.row }) { copies.append(row) } else { others.append(row) }
        }
        return (others.sorted { ($0.revision, $1.row) > ($1.revision, $0.row) }, copies)
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
