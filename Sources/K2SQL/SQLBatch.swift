/// Statements for many rows or keys at once, in a few sizes, so that both engines see few different texts.
public enum SQLBatch {
    /// Items to a statement: far below the 32 766 values that SQLite takes.
    static let sizes = [512, 64, 8, 1]

    /// Cuts `items` into runs of the sizes above. O(n).
    public static func runs<T>(_ items: [T]) -> [ArraySlice<T>] {
        var runs: [ArraySlice<T>] = []
        var rest = items[...]
        while let size = sizes.first(where: { $0 <= rest.count }) {
            runs.append(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        return runs
    }

    /// `?3, ?4, ?5` for (3, 3).
    public static func placeholders(from first: Int, count: Int) -> String {
        (first..<first + count).map { "?\($0)" }.joined(separator: ", ")
    }
}

extension SQLEngine {
    /// Inserts rows of equal length: `head` ends before VALUES, `tail` (such as ON CONFLICT …) follows them.
    public func insert(_ head: String, _ rows: [[SQLValue]], _ tail: String = "") throws(SQLError) {
        for run in SQLBatch.runs(rows) {
            let width = run.first?.count ?? 0
            let groups = (0..<run.count).map { "(\(SQLBatch.placeholders(from: $0 * width + 1, count: width)))" }
            try write("\(head) VALUES \(groups.joined(separator: ", ")) \(tail)", run.flatMap { $0 })
        }
    }
}
