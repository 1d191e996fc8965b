import K2Iceberg
import K2Lake

/// A flag names a column, or a value of one, that does not fit the table.
struct UnfitColumn: Error, Equatable {
    var flag: String
    var column: String
    /// What is wrong with it, and what the table has.
    var reason: String
    /// The table has no such column, but others may.
    var isMissing = false

    /// One line, without the table.
    var text: String { "\(flag): column \(column): \(reason)" }
}

/// What the options say, in the terms of one table: which files, and which order of rows.
struct TableTerms {
    let filter: FileFilter?
    let ordering: RowOrdering

    init(_ options: CompactOptions, _ metadata: TableMetadata, _ leaves: [TableLeaf]) throws(UnfitColumn) {
        filter = try options.condition.map { condition throws(UnfitColumn) in try FileFilter(condition, metadata) }
        ordering = try RowOrdering(options.order, metadata, leaves)
    }
}

extension UnfitColumn {
    /// - Parameter names: what the table has.
    static func missing(_ flag: String, _ column: String, expected names: [String]) -> UnfitColumn {
        let most = 40
        let list = names.prefix(most).joined(separator: ", ") + (names.count > most ? " and \(names.count - most) more" : "")
        return UnfitColumn(flag: flag, column: column, reason: "not in the table: expected one of \(list)", isMissing: true)
    }
}

extension [TableLeaf] {
    /// The place of a column that has one value a row; nil when there is none of the name.
    func place(of name: String, _ flag: String) throws(UnfitColumn) -> Int? {
        if let place = firstIndex(where: { $0.name == name }) {
            if self[place].maxRepetition == 0 { return place }
            throw UnfitColumn(flag: flag, column: name, reason: "inside a list or map: expected a column with one value a row")
        }
        guard let inner = first(where: { $0.name.hasPrefix(name + ".") }) else { return nil }
        let example = inner.maxRepetition == 0 ? ", such as \(inner.name)" : ""
        throw UnfitColumn(flag: flag, column: name, reason: "made up of others: expected a column with one value a row\(example)")
    }

    var plainNames: [String] { filter { $0.maxRepetition == 0 }.map(\.name) }
}

/// Whether the columns that flags name are in any table, where the tables were not named themselves: one that lacks them is left alone then, since the
/// flags are meant for others; when all lack them, the flags are wrong.
public final class ColumnSearch {
    private var missing: [String: UnfitColumn] = [:]
    private var isFound = false

    public init() {}

    func note(_ column: UnfitColumn, in table: String) { missing[table] = column }
    func noteFound() { isFound = true }

    /// Why nothing was done, in one line; nil when a table had the columns.
    public var failure: String? {
        guard !isFound, let first = missing.min(by: { $0.key < $1.key })?.value else { return nil }
        return "\(first.flag): column \(first.column): none of \(Amount.of(missing.count, "table")) has it"
    }
}
