import K2ClickHouse
import K2Domain

/// How a table is audited.
public struct AuditOptions: Sendable {
    /// Event times that are compared; whole hours.
    public var range: Range<Timestamp>
    /// Rows that came so long before the watermark may come to the lake later, as with `k2-offload`, µs.
    public var lookback: Int64 = 900_000_000
    /// How far the watermark may be behind ClickHouse's clock while rows wait for it, µs.
    public var maxLag: Int64 = 3_600_000_000
    /// How long candles wait for late trades, as with `k2-ohlcv`, µs.
    public var lateness: Int64 = 10_000_000
    /// Cold names of tables that may have no rows on either side.
    public var mayBeEmpty: Set<String> = [MarketTables.gaps.coldName]
    /// Rows of each check that are shown one by one.
    public var listed = 10
    /// Rows of either side that are compared one by one at once.
    public var rowsAtOnce: Int64 = 1_500_000

    public init(range: Range<Timestamp>) { self.range = range }

    /// All event times.
    public static let everything = AuditSource.earliest..<Timestamp(microseconds: AuditSource.latest.microseconds + 1)
}

/// What an audit comes to.
public enum AuditVerdict: String, Sendable, Comparable {
    case ok
    /// It could not be decided, for some of it at least.
    case unverified
    case different

    public static func < (a: AuditVerdict, b: AuditVerdict) -> Bool { a.rank < b.rank }

    private var rank: Int { self == .ok ? 0 : self == .unverified ? 1 : 2 }
}

/// What comparing two sets of rows found.
public struct RowFindings: Equatable, Sendable {
    /// An hour in which not all rows are equal.
    public struct Hour: Equatable, Sendable {
        /// Hours since 1970.
        public var hour: Int64
        public var warmRows: Int64
        public var coldRows: Int64
        /// By `Discrepancy.Kind`.
        public var counts: [String: Int64] = [:]
    }

    /// A row that is shown.
    public struct Row: Equatable, Sendable {
        public var kind: String
        /// Names and values of the columns that name the row.
        public var identity: [(name: String, value: String)]
        public var time: Timestamp
        /// Of a row with other values: the columns, as JSON values; nil where that side could not be asked.
        public var columns: [(name: String, warm: String?, cold: String?)] = []
        /// The data file that has it.
        public var file: String?

        public static func == (a: Row, b: Row) -> Bool {
            a.kind == b.kind && a.time == b.time && a.file == b.file && a.identity.elementsEqual(b.identity, by: ==)
                && a.columns.elementsEqual(b.columns, by: ==)
        }
    }

    /// Rows of each side that were compared.
    public var warmRows: Int64 = 0
    public var coldRows: Int64 = 0
    /// By `Discrepancy.Kind`.
    public var counts: [String: Int64] = [:]
    /// Rows with other values that no repair replaces: the lake has them under another time, or more than once and nothing says which is right.
    public var staying: Int64 = 0
    /// Those that are not equal, in order.
    public var hours: [Hour] = []
    public var rows: [Row] = []
    /// The sums of each UTC day, by days since 1970.
    public var days: [Int64: Day] = [:]

    public struct Day: Equatable, Sendable {
        public var warm: AuditSums
        public var cold: AuditSums
        public var counts: [String: Int64] = [:]
    }

    func count(_ kind: Discrepancy.Kind) -> Int64 { counts[kind.rawValue] ?? 0 }

    var differences: Int64 { Discrepancy.Kind.allCases.filter(\.isDifference).reduce(0) { $0 + count($1) } }
}

/// What an audit of one table found.
public struct AuditResult: Equatable, Sendable {
    public var table: String
    public var source: String
    public var range: Range<Timestamp>
    /// Why something could not be decided, a line each.
    public var reasons: [String] = []
    /// What differs beside rows, a line each.
    public var differences: [String] = []
    /// Between the warm table and the lake's.
    public var rows: RowFindings?
    /// Between candles computed from the trades and the lake's.
    public var candles: RowFindings?
    /// UTC days of the range of which neither side has a row, although they are over and not before the table's first rows; since 1970.
    public var silentDays: [Int64] = []
    /// Having no rows is in order.
    public var mayBeEmpty = false
    public var files: [AuditedFileProblem] = []
    public var filesRead = 0
    public var watermark: Timestamp?
    /// ClickHouse's clock at the end.
    public var clock: Timestamp?

    public var verdict: AuditVerdict {
        let differs = hasBadFiles || !differences.isEmpty || [rows, candles].contains { ($0?.differences ?? 0) > 0 }
        return differs ? .different : reasons.isEmpty && silentDays.isEmpty ? .ok : .unverified
    }

    /// Whether a file is not what the lake says; one in a form that is not read here may be.
    var hasBadFiles: Bool { files.contains { $0.kind != .unsupported } }

    /// Both sides were read, and neither has a row.
    var isEmpty: Bool { rows.map { $0.warmRows == 0 && $0.coldRows == 0 } ?? false }
}

/// A data file that is not what the lake says it is.
public struct AuditedFileProblem: Equatable, Sendable {
    public enum Kind: String, Sendable {
        /// It is not in the store.
        case lost
        /// It is there but cannot be read.
        case unreadable
        /// It is there, in a form of the format that is not read here.
        case unsupported
        /// It holds other than its manifest says.
        case misdescribed
    }

    public var path: String
    public var kind: Kind
    /// One line.
    public var text: String
}
