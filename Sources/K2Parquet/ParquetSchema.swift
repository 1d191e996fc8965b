/// The fields of the files that this library writes, in order.
///
/// Ids are the caller's own numbers, written as `field_id`; nil leaves them out.
public struct ParquetSchema: Equatable, Sendable {
    public var fields: [Field]
    /// Name of the root element; no reader decides by it.
    public var name: String

    public init(_ fields: [Field], name: String = "table") {
        self.fields = fields
        self.name = name
    }

    public struct Field: Equatable, Sendable {
        public var name: String
        public var id: Int32?
        public var isRequired: Bool
        public var type: FieldType

        public init(_ name: String, id: Int32? = nil, _ type: FieldType, isRequired: Bool = false) {
            self.name = name
            self.id = id
            self.isRequired = isRequired
            self.type = type
        }
    }

    /// Types by meaning. The physical type follows from it as Iceberg's table spec lays down
    /// (https://iceberg.apache.org/spec/#parquet).
    public indirect enum FieldType: Equatable, Sendable {
        case boolean
        case int32
        case int64
        case float
        case double
        /// Days since 1970-01-01, in an INT32.
        case date
        /// Microseconds since midnight, of no time zone, in an INT64.
        case timeMicros
        /// Microseconds since 1970-01-01T00:00:00, in an INT64.
        case timestampMicros(isAdjustedToUTC: Bool)
        /// `precision` 1 to 38, `scale` 0 to `precision`: INT32 up to 9 digits, INT64 up to 18, else the fewest bytes that do.
        case decimal(precision: Int, scale: Int)
        case string
        case binary
        case uuid
        /// Exactly that many bytes, 1 or more.
        case fixed(Int)
        case list(element: Field)
        /// Keys must be required.
        case map(key: Field, value: Field)
        /// One field or more.
        case structure([Field])
    }

    /// Whether a schema may have structs, and lists and maps of anything but plain values. `ParquetWriter` takes columns without.
    enum Nesting {
        case flat
        case any
    }
}

extension ParquetSchema.FieldType {
    public static let timestampTZMicros = Self.timestampMicros(isAdjustedToUTC: true)

    /// Fewest bytes whose two's complement holds every number of `precision` digits: 1 to 16.
    public static func decimalWidth(precision: Int) -> Int {
        var width = 1
        var largest: Int128 = 127
        let needed = powerOfTen(precision) - 1
        while largest < needed {
            width += 1
            largest = (largest << 8) | 0xff
        }
        return width
    }

    static func powerOfTen(_ exponent: Int) -> Int128 {
        var power: Int128 = 1
        for _ in 0..<exponent { power *= 10 }
        return power
    }
}
