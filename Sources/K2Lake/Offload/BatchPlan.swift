import K2Domain
import K2Rows

/// What one commit takes out of the warm store.
struct OffloadBatch: Equatable, Sendable {
    var selection: WarmSelection
    /// Everything up to here is in the lake once this batch is; nil when the batch is one of several for the same moment and not the last.
    var reaches: Timestamp?
    /// As they were counted.
    var rows = 0
}

/// Cuts a window into batches of bounded size.
///
/// The warm store is only asked for counts. A moment at which more rows came than a batch may have is cut by a hash of the rows'
/// identity, so that no batch is larger than about `maxRows`, whatever was loaded at once.
struct BatchPlan {
    let table: TableDefinition
    let source: any WarmSource
    var maxRows: Int
    /// Where rows are wide a batch has fewer.
    var maxBytes = Int.max

    /// Rows of this many bytes are taken without a question.
    private static let usualRowBytes = 200

    /// Slices that a window is first cut into.
    private static let slices: Int64 = 256

    /// The batches of `(after, through]`, in order; the last one reaches `through`.
    func batches(after: Timestamp, through: Timestamp) throws -> [OffloadBatch] {
        let whole = WarmSelection(.loaded(after: after, through: through))
        let rows = try source.count(of: table, whole)
        if rows == 0 { return [] }
        let bounded = try narrowed(rows)
        if rows <= bounded.maxRows { return [OffloadBatch(selection: whole, reaches: through, rows: rows)] }
        return try bounded.batches(after: after, through: through, counted: rows)
    }

    /// The plan with as many rows to a batch as have room in `maxBytes`.
    private func narrowed(_ rows: Int) throws -> BatchPlan {
        var plan = self
        // Asked for large windows only: of small ones rows would have to be wide indeed.
        if min(rows, maxRows) > maxBytes / (Self.usualRowBytes * 8), let bytes = try source.rowBytes(of: table) {
            plan.maxRows = min(maxRows, max(maxBytes / max(bytes, 1), 1))
        }
        return plan
    }

    private func batches(after: Timestamp, through: Timestamp, counted rows: Int) throws -> [OffloadBatch] {
        var cuts = try cut(after: after, through: through)
        // Rows may have gone since they were counted.
        if cuts.isEmpty { return [] }
        cuts[cuts.count - 1].reaches = through
        if cuts[cuts.count - 1].selection.part == nil, case .loaded(let start, _) = cuts[cuts.count - 1].selection.span {
            cuts[cuts.count - 1].selection.span = .loaded(after: start, through: through)
        }
        return cuts
    }

    /// - Precondition: the window has rows.
    private func cut(after: Timestamp, through: Timestamp) throws -> [OffloadBatch] {
        let first = Timestamp(microseconds: after.microseconds + 1)
        let width = max((through.microseconds - after.microseconds + Self.slices - 1) / Self.slices, 1)
        let counts = try source.counts(of: table, WarmSelection(.loaded(after: after, through: through)), from: first, width: width)
        var batches: [OffloadBatch] = []
        var start = after
        var waiting = 0
        func close(at end: Timestamp) {
            if waiting > 0 { batches.append(OffloadBatch(selection: WarmSelection(.loaded(after: start, through: end)), reaches: end, rows: waiting)) }
            start = end
            waiting = 0
        }
        for (slice, rows) in counts {
            let before = Timestamp(microseconds: after.microseconds + slice * width)
            let end = Timestamp(microseconds: min(before.microseconds + width, through.microseconds))
            if waiting > 0, waiting + rows > maxRows { close(at: before) }
            if rows > maxRows {
                batches += width == 1 ? parts(after: before, through: end, rows: rows) : try cut(after: before, through: end)
                start = end
            } else {
                waiting += rows
            }
        }
        close(at: through)
        return batches
    }

    private func parts(after: Timestamp, through: Timestamp, rows: Int) -> [OffloadBatch] {
        // A hash does not share evenly: a little room keeps the parts below the limit.
        let count = (rows + rows / 8 + maxRows - 1) / maxRows
        return (0..<count).map { index in
            OffloadBatch(
                selection: WarmSelection(.loaded(after: after, through: through), part: .init(index: index, count: count)),
                reaches: index == count - 1 ? through : nil, rows: rows / count)
        }
    }
}
