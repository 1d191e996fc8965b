import K2JSON

/// The part of Avro's schema language that Iceberg's manifests use, with the attributes it adds
/// (`field-id`, `element-id`, `key-id`, `logicalType` …) kept as they were.
///
/// https://avro.apache.org/docs/1.11.1/specification/ (section "Schema Declaration"). Enums and
/// recursive types are left out: manifests have neither.
public struct AvroSchema: Equatable, Sendable {
    public indirect enum Kind: Equatable, Sendable {
        case null, boolean, int, long, float, double, bytes, string
        case fixed(name: String, size: Int)
        case array(AvroSchema)
        case map(AvroSchema)
        case record(name: String, fields: [AvroField])
        case union([AvroSchema])
    }

    public var kind: Kind
    /// Attributes beyond those of the kind, in their order.
    public var attributes: JSONObject

    public init(_ kind: Kind, attributes: JSONObject = JSONObject()) {
        self.kind = kind
        self.attributes = attributes
    }

    public static let null = AvroSchema(.null)
    public static let boolean = AvroSchema(.boolean)
    public static let int = AvroSchema(.int)
    public static let long = AvroSchema(.long)
    public static let float = AvroSchema(.float)
    public static let double = AvroSchema(.double)
    public static let bytes = AvroSchema(.bytes)
    public static let string = AvroSchema(.string)

    /// The union of null and `schema`, null first.
    public static func optional(_ schema: AvroSchema) -> AvroSchema { AvroSchema(.union([.null, schema])) }

    public static func record(_ name: String, _ fields: [AvroField]) -> AvroSchema {
        AvroSchema(.record(name: name, fields: fields))
    }

    public func with(_ key: String, _ value: JSONValue) -> AvroSchema {
        var result = self
        result.attributes[key] = value
        return result
    }
}

/// One field of a record.
public struct AvroField: Equatable, Sendable {
    public var name: String
    public var schema: AvroSchema
    /// Iceberg's `field-id`, which names a field through renames.
    public var fieldID: Int?
    public var doc: String?
    /// The `default` attribute; written out, not applied when reading.
    public var defaultValue: JSONValue?

    public init(_ name: String, _ schema: AvroSchema, fieldID: Int? = nil, doc: String? = nil, defaultValue: JSONValue? = nil) {
        self.name = name
        self.schema = schema
        self.fieldID = fieldID
        self.doc = doc
        self.defaultValue = defaultValue
    }
}

extension AvroSchema {
    /// The schema as JSON; every named type stands in full.
    public var json: JSONValue {
        if case .union(let branches) = kind { return .array(branches.map(\.json)) }
        if attributes.isEmpty, let name = primitiveName { return .string(name) }
        var object = JSONObject()
        switch kind {
        case .fixed(let name, let size):
            object["type"] = "fixed"
            object["name"] = .string(name)
            object["size"] = .integer(size)
        case .array(let items):
            object["type"] = "array"
            object["items"] = items.json
        case .map(let values):
            object["type"] = "map"
            object["values"] = values.json
        case .record(let name, let fields):
            object["type"] = "record"
            object["name"] = .string(name)
            object["fields"] = .array(fields.map(\.json))
        default:
            object["type"] = .string(primitiveName ?? "null")
        }
        for member in attributes.members { object[member.key] = member.value }
        return .object(object)
    }

    var primitiveName: String? {
        switch kind {
        case .null: "null"
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .bytes: "bytes"
        case .string: "string"
        default: nil
        }
    }
}

extension AvroField {
    var json: JSONValue {
        var object = JSONObject()
        object["name"] = .string(name)
        object["type"] = schema.json
        if let doc { object["doc"] = .string(doc) }
        if let defaultValue { object["default"] = defaultValue }
        if let fieldID { object["field-id"] = .integer(fieldID) }
        return .object(object)
    }
}
