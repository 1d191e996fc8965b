import K2Iceberg
import K2Parquet

/// How the values of a file's column become those of a table's: https://iceberg.apache.org/spec/#schema-evolution
///
/// What the physical type alone tells (wider integers, wider decimals) needs no case of its own.
public enum LeafConversion: Equatable, Sendable {
    /// The value has the same meaning in both.
    case same
    /// Milliseconds become microseconds.
    case milliseconds
}

/// What a file's column is, in words, where it cannot be read as the table's.
struct LeafMismatch: Error, Equatable {
    var found: String
}

extension LeafConversion {
    init(of column: Leaf, to type: PrimitiveType) throws(LeafMismatch) {
        self = .same
        let element = column.element
        let isFitting: Bool
        switch (type, column.type) {
        case (.boolean, .boolean), (.float, .float), (.double, .float), (.double, .double): isFitting = true
        case (.int, .int32): isFitting = Self.isInteger(element, upTo: 32)
        case (.long, .int32): isFitting = Self.isInteger(element, upTo: 32)
        case (.long, .int64): isFitting = Self.isInteger(element, upTo: 64)
        case (.date, .int32): isFitting = element.logicalType == .date || element.convertedType == .date || Self.isPlain(element)
        case (.time, .int64), (.timestamp, .int64), (.timestamptz, .int64), (.time, .int32):
            guard let unit = Self.unit(element, isTime: type == .time) else { throw LeafMismatch(found: Self.text(column)) }
            self = unit == .millis ? .milliseconds : .same
            isFitting = unit != .nanos && (column.type == .int64 || unit == .millis)
        case (.string, .byteArray): isFitting = true
        case (.binary, .byteArray): isFitting = true
        case (.uuid, .fixedLenByteArray): isFitting = column.typeLength == 16
        case (.fixed(let length), .fixedLenByteArray): isFitting = column.typeLength == length && !Self.isDecimal(element)
        case (.decimal(let precision, let scale), .int32), (.decimal(let precision, let scale), .int64),
            (.decimal(let precision, let scale), .fixedLenByteArray), (.decimal(let precision, let scale), .byteArray):
            isFitting = Self.decimal(element).map { $0.scale == scale && $0.precision <= precision } ?? false
        default: isFitting = false
        }
        if !isFitting { throw LeafMismatch(found: Self.text(column)) }
    }

    private static func isPlain(_ element: SchemaElement) -> Bool { element.logicalType == nil && element.convertedType == nil }

    /// Integers of at most `width` bits. Unsigned ones of fewer bits than the column has fit into a signed one.
    private static func isInteger(_ element: SchemaElement, upTo width: Int8) -> Bool {
        if case .integer(let bits, let isSigned)? = element.logicalType { return isSigned ? bits <= width : bits < width }
        if element.logicalType != nil { return false }
        switch element.convertedType {
        case nil, .int8, .int16, .int32, .uint8, .uint16: return true
        case .int64: return width == 64
        case .uint32: return width == 64 && element.type == .int64
        default: return false
        }
    }

    private static func unit(_ element: SchemaElement, isTime: Bool) -> TimeUnit? {
        switch element.logicalType {
        case .timestamp(_, let unit)? where !isTime: return unit
        case .time(_, let unit)? where isTime: return unit
        case nil: break
        default: return nil
        }
        switch element.convertedType {
        case nil: return element.type == .int64 ? .micros : nil
        case .timestampMicros? where !isTime, .timeMicros? where isTime: return .micros
        case .timestampMillis? where !isTime, .timeMillis? where isTime: return .millis
        default: return nil
        }
    }

    private static func decimal(_ element: SchemaElement) -> (precision: Int, scale: Int)? {
        if case .decimal(let precision, let scale)? = element.logicalType { return (Int(precision), Int(scale)) }
        guard element.convertedType == .decimal else { return nil }
        return (Int(element.precision ?? 0), Int(element.scale ?? 0))
    }

    private static func isDecimal(_ element: SchemaElement) -> Bool { decimal(element) != nil }

    private static func text(_ column: Leaf) -> String {
        if let decimal = decimal(column.element) { return "a decimal(\(decimal.precision), \(decimal.scale))" }
        if column.type == .fixedLenByteArray { return "a column of \(column.typeLength) bytes a value" }
        if let logical = column.element.logicalType { return "a column of \(column.type) (\(logical))" }
        return "a column of \(column.type)"
    }
}
