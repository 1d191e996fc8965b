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

    /// `(?1, ?2), (?3, ?4)` for (2, 2).
    static func groups(_ count: Int, of width: Int) -> String {
        (0..<count).map { "(\(placeholders(from: $0 * width + 1, count: width)))" }.joined(separator: ", ")
    }

    /// `?3, ?4, ?5` for (3, 3).
    public static func placeholders(from first: Int, count: Int) -> String {
        (first..<first + count).map { "?\($0)" }.joined(separator: ", ")
    }
}

extension SQLEngine {
    /// Inserts rows of equal length: `head` ends before VALUES, `tail` (such as ON CONFLICT …) follows them.
    public func insert(_ head: String, _ rows: [[SQLValue]], _ tail: String = "") throws(SQLError) {
        var texts: [Int: String] = [:]
        for run in SQLBatch.runs(rows) {
            let width = run.first?.count ?? 0
            let text = texts[run.count] ?? "\(head) VALUES \(SQLBatch.groups(run.count, of: width)) \(tail)"
            texts[run.count] = text
            try write(text, run.flatMap { $0 })
        }
    }
}
