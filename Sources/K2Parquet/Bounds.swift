import K2Bytes

/// A least or greatest value by its meaning.
public enum BoundValue: Equatable, Sendable {
    case bool(Bool)
    /// int32 and date.
    case int32(Int32)
    /// int64 and timestamps.
    case int64(Int64)
    case float(Float)
    case double(Double)
    /// The unscaled number.
    case decimal(Int128)
    case uuid(UInt128)
    case bytes([UInt8])
}

/// The least and greatest of some values, nulls and NaN left out.
public struct Bounds: Equatable, Sendable {
    public var min: BoundValue
    public var max: BoundValue
    /// False when the bound was cut short and only lies below or above every value.
    public var isMinExact: Bool
    public var isMaxExact: Bool

    public init(min: BoundValue, max: BoundValue, isMinExact: Bool = true, isMaxExact: Bool = true) {
        self.min = min
        self.max = max
        self.isMinExact = isMinExact
        self.isMaxExact = isMaxExact
    }

    /// The bounds of both parts together.
    func union(_ other: Bounds) -> Bounds {
        var union = self
        if other.min.precedes(min) { (union.min, union.isMinExact) = (other.min, other.isMinExact) }
        if max.precedes(other.max) { (union.max, union.isMaxExact) = (other.max, other.isMaxExact) }
        return union
    }
}

extension BoundValue {
    /// Whether this value sorts before `other`, which must be of the same case.
    func precedes(_ other: BoundValue) -> Bool {
        switch (self, other) {
        case (.bool(let left), .bool(let right)): !left && right
        case (.int32(let left), .int32(let right)): left < right
        case (.int64(let left), .int64(let right)): left < right
        case (.float(let left), .float(let right)): left < right
        case (.double(let left), .double(let right)): left < right
        case (.decimal(let left), .decimal(let right)): left < right
        case (.uuid(let left), .uuid(let right)): left < right
        case (.bytes(let left), .bytes(let right)): left.lexicographicallyPrecedes(right)
        default: false
        }
    }

    /// The value in PLAIN form without length, as `Statistics` in parquet.thrift wants it.
    func plain(type: PhysicalType, width: Int) -> [UInt8] {
        switch self {
        case .bool(let value): [value ? 1 : 0]
        case .int32(let value): Self.littleEndian(value)
        case .int64(let value): Self.littleEndian(value)
        case .float(let value): Self.littleEndian(value.bitPattern)
        case .double(let value): Self.littleEndian(value.bitPattern)
        case .decimal(let value):
            switch type {
            case .int32: Self.littleEndian(Int32(truncatingIfNeeded: value))
            case .int64: Self.littleEndian(Int64(truncatingIfNeeded: value))
            default: withUnsafeBytes(of: value.bigEndian) { Array($0.suffix(width)) }
            }
        case .uuid(let value): withUnsafeBytes(of: value.bigEndian) { Array($0) }
        case .bytes(let value): value
        }
    }

    private static func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

/// Cuts byte string bounds to a length that keeps footers small.
enum BoundTruncation {
    /// The longest prefix of at most `limit` bytes; for text it ends between characters.
    static func lower(_ value: [UInt8], limit: Int, isText: Bool) -> [UInt8] {
        guard value.count > limit else { return value }
        var end = limit
        if isText { while end > 0 && value[end] & 0xc0 == 0x80 { end -= 1 } }
        return Array(value[..<end])
    }

    /// The shortest value above all that begin with that prefix, or nil when there is none.
    static func upper(_ value: [UInt8], limit: Int, isText: Bool) -> [UInt8]? {
        guard value.count > limit else { return value }
        let prefix = lower(value, limit: limit, isText: isText)
        return isText ? textAbove(prefix) : bytesAbove(prefix)
    }

    private static func bytesAbove(_ prefix: [UInt8]) -> [UInt8]? {
        guard let last = prefix.lastIndex(where: { $0 != 0xff }) else { return nil }
        var above = Array(prefix[...last])
        above[last] += 1
        return above
    }

    private static func textAbove(_ prefix: [UInt8]) -> [UInt8]? {
        guard let text = String(validating: prefix, as: UTF8.self) else { return nil }
        var scalars = Array(text.unicodeScalars)
        while let last = scalars.popLast() {
            let next = last.value == 0xd7ff ? 0xe000 : last.value + 1
            if let raised = Unicode.Scalar(next) {
                var above = String.UnicodeScalarView(scalars)
                above.append(raised)
                return Array(String(above).utf8)
            }
        }
        return nil
    }
}
