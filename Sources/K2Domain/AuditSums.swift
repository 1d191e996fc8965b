/// Sum and bounds of a decimal column over some rows, as unscaled numbers.
public struct Measure: Equatable, Sendable {
    /// Wraps around where it leaves 128 bits, on both sides alike.
    public var sum: Int128
    public var min: Int128
    public var max: Int128

    public init(sum: Int128, min: Int128, max: Int128) {
        self.sum = sum
        self.min = min
        self.max = max
    }

    public static let none = Measure(sum: 0, min: .max, max: .min)

    @inlinable public mutating func add(_ other: Measure) {
        sum &+= other.sum
        min = Swift.min(min, other.min)
        max = Swift.max(max, other.max)
    }
}

/// What is compared of a set of rows: equal sets have equal sums, whatever the order of their rows.
public struct AuditSums: Equatable, Sendable {
    public var rows: Int64
    /// Wrapping sums of the rows' hashes (`RowHash`), and of these mixed once more.
    public var hash: UInt64
    public var check: UInt64
    /// One for each of `measured(…)`, in order.
    public var measures: [Measure]
    /// Earliest and latest time of a row, µs; meaningless without rows.
    public var earliest: Int64
    public var latest: Int64

    public init(rows: Int64, hash: UInt64, check: UInt64, measures: [Measure], earliest: Int64, latest: Int64) {
        self.rows = rows
        self.hash = hash
        self.check = check
        self.measures = measures
        self.earliest = earliest
        self.latest = latest
    }

    /// Of no rows.
    public init(measures count: Int) {
        self.init(rows: 0, hash: 0, check: 0, measures: Array(repeating: .none, count: count), earliest: .max, latest: .min)
    }

    /// - Precondition: both have the same measures.
    public mutating func add(_ other: AuditSums) {
        rows += other.rows
        hash &+= other.hash
        check &+= other.check
        for index in measures.indices { measures[index].add(other.measures[index]) }
        earliest = Swift.min(earliest, other.earliest)
        latest = Swift.max(latest, other.latest)
    }

    /// The hashes as 32 hexadecimal digits.
    public var digest: String { Self.hex(hash) + Self.hex(check) }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The columns of which sums and bounds are compared: decimals that are always there.
    public static func measured(_ columns: [ColumnDefinition]) -> [ColumnDefinition] {
        columns.filter { if case .decimal = $0.type { $0.isRequired } else { false } }
    }
}

/// Hours of UTC by which rows are compared.
public enum AuditHour {
    public static let microseconds: Int64 = 3_600_000_000

    /// Hours since 1970, rounded down.
    @inlinable public static func of(_ microseconds: Int64) -> Int64 {
        let quotient = microseconds / 3_600_000_000
        return microseconds % 3_600_000_000 < 0 ? quotient - 1 : quotient
    }

    public static func start(_ hour: Int64) -> Timestamp { Timestamp(microseconds: hour * microseconds) }
}
