/// One value of a primitive type: a bound, or a field of a partition tuple.
///
/// The type beside it says what it means: `long` may be a count or, as `timestamp`, microseconds.
public enum Datum: Sendable {
    case boolean(Bool)
    case int(Int32)
    case long(Int64)
    case float(Float)
    case double(Double)
    /// Days since 1970-01-01.
    case date(Int32)
    /// Microseconds since midnight.
    case time(Int64)
    /// Microseconds since 1970-01-01T00:00:00, for `timestamp` and `timestamptz`.
    case timestamp(Int64)
    case string(String)
    /// 16 bytes, the first shown first.
    case uuid([UInt8])
    case fixed([UInt8])
    case binary([UInt8])
    /// The unscaled value; precision and scale stand in the type.
    case decimal(Int128)
}

/// Two values are the same when their bits are: texts that only look alike are two, as are the zeros, and not-a-number is itself.
extension Datum: Hashable {
    public static func == (a: Datum, b: Datum) -> Bool {
        switch (a, b) {
        case (.boolean(let x), .boolean(let y)): x == y
        case (.int(let x), .int(let y)), (.date(let x), .date(let y)): x == y
        case (.long(let x), .long(let y)), (.time(let x), .time(let y)), (.timestamp(let x), .timestamp(let y)): x == y
        case (.float(let x), .float(let y)): x.bitPattern == y.bitPattern || x.isNaN && y.isNaN
        case (.double(let x), .double(let y)): x.bitPattern == y.bitPattern || x.isNaN && y.isNaN
        case (.decimal(let x), .decimal(let y)): x == y
        case (.string(let x), .string(let y)): x.utf8.elementsEqual(y.utf8)
        case (.uuid(let x), .uuid(let y)), (.fixed(let x), .fixed(let y)), (.binary(let x), .binary(let y)): x == y
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .boolean(let value): hasher.combine(value)
        case .int(let value), .date(let value): hasher.combine(value)
        case .long(let value), .time(let value), .timestamp(let value): hasher.combine(value)
        case .float(let value): hasher.combine(value.isNaN ? Float.nan.bitPattern : value.bitPattern)
        case .double(let value): hasher.combine(value.isNaN ? Double.nan.bitPattern : value.bitPattern)
        case .decimal(let value): hasher.combine(value)
        case .string(let value): for byte in value.utf8 { hasher.combine(byte) }
        case .uuid(let bytes), .fixed(let bytes), .binary(let bytes): hasher.combine(bytes)
        }
    }
}

extension Datum {
    /// Whether this is a value of `type`.
    public func fits(_ type: PrimitiveType) -> Bool {
        switch (self, type) {
        case (.boolean, .boolean), (.int, .int), (.long, .long), (.float, .float), (.double, .double), (.date, .date), (.time, .time),
            (.timestamp, .timestamp), (.timestamp, .timestamptz), (.string, .string), (.binary, .binary):
            true
        case (.uuid(let bytes), .uuid): bytes.count == 16
        case (.fixed(let bytes), .fixed(let length)): bytes.count == length
        case (.decimal(let value), .decimal(let precision, _)): value.magnitude < Self.powerOfTen(precision)
        default: false
        }
    }

    static func powerOfTen(_ exponent: Int) -> UInt128 {
        var result: UInt128 = 1
        for _ in 0..<min(max(exponent, 0), 38) { result *= 10 }
        return result
    }

    var isNaN: Bool {
        switch self {
        case .float(let value): value.isNaN
        case .double(let value): value.isNaN
        default: false
        }
    }

    /// Order of values within one type, as comparisons in a condition have it: both zeros are equal, and it is nil for NaN and between different types.
    /// Bytes and strings compare as unsigned bytes.
    public static func isLess(_ a: Datum, _ b: Datum) -> Bool? {
        switch (a, b) {
        case (.boolean(let x), .boolean(let y)): !x && y
        case (.int(let x), .int(let y)), (.date(let x), .date(let y)): x < y
        case (.long(let x), .long(let y)), (.time(let x), .time(let y)), (.timestamp(let x), .timestamp(let y)): x < y
        case (.float(let x), .float(let y)): x.isNaN || y.isNaN ? nil : x < y
        case (.double(let x), .double(let y)): x.isNaN || y.isNaN ? nil : x < y
        case (.decimal(let x), .decimal(let y)): x < y
        case (.string(let x), .string(let y)): x.utf8.lexicographicallyPrecedes(y.utf8)
        case (.uuid(let x), .uuid(let y)), (.fixed(let x), .fixed(let y)), (.binary(let x), .binary(let y)): x.lexicographicallyPrecedes(y)
        default: nil
        }
    }

    /// The total order within one type in which rows are sorted and bounds lie: -NaN < -∞ < … < -0 < 0 < … < ∞ < NaN; nil between different types.
    ///
    /// Source: https://iceberg.apache.org/spec/#sorting
    public static func isBefore(_ a: Datum, _ b: Datum) -> Bool? {
        switch (a, b) {
        case (.float(let x), .float(let y)): !y.isTotallyOrdered(belowOrEqualTo: x)
        case (.double(let x), .double(let y)): !y.isTotallyOrdered(belowOrEqualTo: x)
        default: isLess(a, b)
        }
    }
}
