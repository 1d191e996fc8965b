/// A value read from or written to Avro. Which case fits is said by the schema beside it.
public enum AvroValue: Equatable, Sendable {
    case null
    case boolean(Bool)
    /// Avro's int and long.
    case long(Int64)
    case float(Float)
    case double(Double)
    /// Avro's bytes and fixed.
    case bytes([UInt8])
    case string(String)
    case array([AvroValue])
    case map([AvroMapEntry])
    /// One value a field, in the order of the record's fields.
    case record([AvroValue])

    public var isNull: Bool { if case .null = self { true } else { false } }
    public var longValue: Int64? { if case .long(let value) = self { value } else { nil } }
    public var boolValue: Bool? { if case .boolean(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var bytesValue: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    public var arrayValue: [AvroValue]? { if case .array(let value) = self { value } else { nil } }
    public var recordValue: [AvroValue]? { if case .record(let value) = self { value } else { nil } }

    var kindName: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .long: "an integer"
        case .float: "a float"
        case .double: "a double"
        case .bytes: "bytes"
        case .string: "a string"
        case .array: "an array"
        case .map: "a map"
        case .record: "a record"
        }
    }
}

public struct AvroMapEntry: Equatable, Sendable {
    public var key: String
    public var value: AvroValue

    public init(_ key: String, _ value: AvroValue) {
        self.key = key
        self.value = value
    }
}
