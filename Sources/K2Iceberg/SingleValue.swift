import K2Bytes

// Binary single-value serialization: https://iceberg.apache.org/spec/#binary-single-value-serialization (appendix D).

extension Datum {
    /// The bytes of this value in bounds of manifests and manifest lists.
    public var singleValue: [UInt8] {
        switch self {
        case .boolean(let value): [value ? 1 : 0]
        case .int(let value), .date(let value): Self.littleEndian(value)
        case .long(let value), .time(let value), .timestamp(let value): Self.littleEndian(value)
        case .float(let value): Self.littleEndian(value.bitPattern)
        case .double(let value): Self.littleEndian(value.bitPattern)
        case .string(let text): Array(text.utf8)
        case .uuid(let bytes), .fixed(let bytes), .binary(let bytes): bytes
        case .decimal(let value): Self.minimalBigEndian(value)
        }
    }

    private static func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        Swift.withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// Two's complement, most significant byte first, in as few bytes as keep the sign.
    static func minimalBigEndian(_ value: Int128) -> [UInt8] {
        var bytes = Swift.withUnsafeBytes(of: value.bigEndian) { Array($0) }
        var skip = 0
        while skip < 15, (bytes[skip] == 0 && bytes[skip + 1] < 0x80) || (bytes[skip] == 0xff && bytes[skip + 1] >= 0x80) { skip += 1 }
        bytes.removeFirst(skip)
        return bytes
    }

    /// Two's complement from 1 to 16 bytes, most significant first; nil for any other count.
    static func bigEndian(_ bytes: [UInt8]) -> Int128? {
        guard let first = bytes.first, bytes.count <= 16 else { return nil }
        var value: Int128 = first >= 0x80 ? -1 : 0
        for byte in bytes { value = value << 8 | Int128(byte) }
        return value
    }

    /// Reads a bound of `type`; nil when the bytes are none. An `int` bound is taken for a `long`
    /// column and a `float` one for `double`, since files keep their bounds when a column is widened.
    public init?(singleValue bytes: [UInt8], type: PrimitiveType) {
        switch type {
        case .boolean:
            guard bytes.count == 1 else { return nil }
            self = .boolean(bytes[0] != 0)
        case .int:
            guard let value = Self.integer(bytes, Int32.self) else { return nil }
            self = .int(value)
        case .date:
            guard let value = Self.integer(bytes, Int32.self) else { return nil }
            self = .date(value)
        case .long:
            if let value = Self.integer(bytes, Int64.self) {
                self = .long(value)
            } else if let value = Self.integer(bytes, Int32.self) {
                self = .long(Int64(value))
            } else {
                return nil
            }
        case .time, .timestamp, .timestamptz:
            guard let value = Self.integer(bytes, Int64.self) else { return nil }
            self = type == .time ? .time(value) : .timestamp(value)
        case .float:
            guard let value = Self.integer(bytes, UInt32.self) else { return nil }
            self = .float(Float(bitPattern: value))
        case .double:
            if let value = Self.integer(bytes, UInt64.self) {
                self = .double(Double(bitPattern: value))
            } else if let value = Self.integer(bytes, UInt32.self) {
                self = .double(Double(Float(bitPattern: value)))
            } else {
                return nil
            }
        case .string:
            guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
            self = .string(text)
        case .uuid:
            guard bytes.count == 16 else { return nil }
            self = .uuid(bytes)
        case .fixed: self = .fixed(bytes)
        case .binary: self = .binary(bytes)
        case .decimal:
            guard let value = Self.bigEndian(bytes) else { return nil }
            self = .decimal(value)
        }
    }

    private static func integer<T: FixedWidthInteger>(_ bytes: [UInt8], _ type: T.Type) -> T? {
        guard bytes.count == T.bitWidth / 8 else { return nil }
        var value: T = 0
        for byte in bytes.reversed() { value = value << 8 | T(truncatingIfNeeded: byte) }
        return value
    }
}

/// Lower and upper bounds as manifests keep them: long strings and bytes cut to 16.
///
/// The metrics mode `truncate(16)`, the default of `write.metadata.metrics.default`.
public enum Bounds {
    public static let truncatedLength = 16

    /// A value that is not above `value`.
    public static func lower(_ value: Datum) -> [UInt8] {
        switch value {
        case .string(let text): Array(String(String.UnicodeScalarView(text.unicodeScalars.prefix(truncatedLength))).utf8)
        case .binary(let bytes): Array(bytes.prefix(truncatedLength))
        default: value.singleValue
        }
    }

    /// A value that is not below `value`; nil when cutting leaves none that is.
    public static func upper(_ value: Datum) -> [UInt8]? {
        switch value {
        case .string(let text): upper(text).map { Array($0.utf8) }
        case .binary(let bytes): upper(bytes)
        default: value.singleValue
        }
    }

    private static func upper(_ text: String) -> String? {
        guard text.unicodeScalars.count > truncatedLength else { return text }
        var scalars = Array(text.unicodeScalars.prefix(truncatedLength))
        while let last = scalars.popLast() {
            // The next scalar; the surrogates between are none.
            let next = last.value == 0xd7ff ? 0xe000 : last.value + 1
            if let scalar = UnicodeScalar(next) {
                scalars.append(scalar)
                var view = String.UnicodeScalarView()
                view.append(contentsOf: scalars)
                return String(view)
            }
        }
        return nil
    }

    private static func upper(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count > truncatedLength else { return bytes }
        var cut = Array(bytes.prefix(truncatedLength))
        while let last = cut.popLast() {
            if last < 0xff { return cut + [last + 1] }
        }
        return nil
    }
}
