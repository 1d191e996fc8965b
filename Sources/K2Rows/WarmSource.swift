import K2Domain

/// Which rows of a warm table are meant.
public struct WarmSelection: Equatable, Sendable {
    /// What is cut by, and from where to where.
    public enum Span: Equatable, Sendable {
        /// When the store got a row: `after < loaded_at <= through`.
        case loaded(after: Timestamp, through: Timestamp)
        /// The row's own time: `from <= time < to`.
        case event(from: Timestamp, to: Timestamp)
    }

    /// A share of the rows, chosen by a hash of their identity.
    public struct Part: Equatable, Sendable {
        public var index: Int
        public var count: Int

        public init(index: Int, count: Int) {
            self.index = index
            self.count = count
        }
    }

    public var span: Span
    /// nil: all rows.
    public var part: Part?
    /// Whether candles count that are not final.
    public var includesRunning: Bool

    public init(_ span: Span, part: Part? = nil, includesRunning: Bool = false) {
        self.span = span
        self.part = part
        self.includesRunning = includesRunning
    }
}

/// The warm store as those see it who take rows out of it.
///
/// All functions throw `WarmSourceError`. One thread at a time.
public protocol WarmSource: AnyObject {
    /// The store's clock.
    func clock() throws -> Timestamp

    /// The names of a table's columns; empty when there is no such table.
    func columns(of table: TableDefinition) throws -> [String]

    /// How many rows a selection has, replaced ones included.
    func count(of table: TableDefinition, _ selection: WarmSelection) throws -> Int

    /// Bytes of a row of a table without compression, on average; nil when that is not known.
    func rowBytes(of table: TableDefinition) throws -> Int?

    /// How many rows of a selection lie in each slice of `width` µs that has some, ascending; slice 0 begins at `start`.
    func counts(of table: TableDefinition, _ selection: WarmSelection, from start: Timestamp, width: Int64) throws -> [(slice: Int64, rows: Int)]

    /// Appends the rows of a selection to `buffer` block by block, in any order.
    /// - Parameters:
    ///   - columns: positions in the definition; the others become null or empty.
    ///   - isFinal: whether rows that were replaced are left out by the store.
    ///   - block: called behind each block with the rows that came; what it throws is passed on.
    func read(
        _ table: TableDefinition, _ selection: WarmSelection, columns: [Int], isFinal: Bool, into buffer: inout RowBuffer,
        _ block: (inout RowBuffer, Range<Int>) throws -> Void
    ) throws
}

/// Why the warm store gave nothing.
public struct WarmSourceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It may work later.
    public var isRetryable: Bool
    /// One line, without secrets.
    public var description: String

    public init(_ description: String, isRetryable: Bool) {
        self.description = description
        self.isRetryable = isRetryable
    }
}
