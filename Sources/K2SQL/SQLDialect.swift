/// What SQLite and PostgreSQL spell differently. Everything else is written in the SQL that both understand.
public enum SQLDialect: Sendable {
    case sqlite
    case postgres

    // MARK: Types of columns

    public var integer: String { self == .sqlite ? "INTEGER" : "BIGINT" }
    public var real: String { self == .sqlite ? "REAL" : "DOUBLE PRECISION" }
    public var bytes: String { self == .sqlite ? "BLOB" : "BYTEA" }
    /// Text that is compared and sorted by its bytes, whatever the language of the database.
    public var text: String { self == .sqlite ? "TEXT" : "TEXT COLLATE \"C\"" }
    public var time: String { self == .sqlite ? "INTEGER" : "TIMESTAMPTZ" }
    /// A primary key that the database numbers.
    public var serial: String { self == .sqlite ? "INTEGER PRIMARY KEY" : "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY" }
    /// Goes behind the parenthesis of a table whose rows are found by their primary key alone.
    public var clustered: String { self == .sqlite ? " WITHOUT ROWID" : "" }

    // MARK: Statements

    /// Gives a row when the table named by ?1 is there.
    public var tableExists: String {
        self == .sqlite
            ? "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1"
            // Not to_regclass: within a transaction it may answer out of a cache that does not know what others made meanwhile.
            : "SELECT 1 FROM pg_catalog.pg_class WHERE relname = ?1 AND pg_table_is_visible(oid)"
    }

    /// Turns the placeholders `?1` into `$1`. What stands in quotes or in a comment is no placeholder.
    public static func numberedByDollar(_ sql: String) -> String {
        var scanner = PlaceholderScanner(Array(sql.utf8))
        return scanner.translated()
    }
}

/// Walks over SQL text, telling code from quoted text and comments.
private struct PlaceholderScanner {
    private let source: [UInt8]
    private var index = 0
    private var output: [UInt8] = []

    init(_ source: [UInt8]) {
        self.source = source
        output.reserveCapacity(source.count)
    }

    mutating func translated() -> String {
        while index < source.count {
            switch (source[index], index + 1 < source.count ? source[index + 1] : 0) {
            case (UInt8(ascii: "'"), _), (UInt8(ascii: "\""), _): copy(through: [source[index]], from: 1)
            case (UInt8(ascii: "-"), UInt8(ascii: "-")): copy(through: Array("\n".utf8), from: 2)
            case (UInt8(ascii: "/"), UInt8(ascii: "*")): copy(through: Array("*/".utf8), from: 2)
            case (UInt8(ascii: "?"), UInt8(ascii: "0")...UInt8(ascii: "9")):
                output.append(UInt8(ascii: "$"))
                index += 1
            default: copy(1)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func copy(_ count: Int) {
        output += source[index..<index + count]
        index += count
    }

    /// Copies to the end of the first `end` that begins `start` bytes from here or later. A doubled quote is two quoted texts to us.
    private mutating func copy(through end: [UInt8], from start: Int) {
        var stop = index + start
        while stop < source.count, !source[stop...].starts(with: end) { stop += 1 }
        copy(min(stop + end.count, source.count) - index)
    }
}
