import K2JSON

/// Names for field ids, for readers of files without ids: https://iceberg.apache.org/spec/#name-mapping-serialization
///
/// Kept as JSON text in the table property `schema.name-mapping.default`.
public struct NameMapping: Equatable, Sendable {
    public static let property = "schema.name-mapping.default"

    public struct Field: Equatable, Sendable {
        public var fieldID: Int?
        public var names: [String]
        public var fields: [Field]

        public init(fieldID: Int?, names: [String], fields: [Field] = []) {
            self.fieldID = fieldID
            self.names = names
            self.fields = fields
        }
    }

    public var fields: [Field]

    public init(fields: [Field]) { self.fields = fields }

    /// The mapping that gives each field of `schema` its present name.
    public init(_ schema: Schema) { fields = schema.fields.map { Self.field($0.id, $0.name, $0.type) } }

    private static func field(_ id: Int, _ name: String, _ type: IcebergType) -> Field {
        let inner: [Field]
        switch type {
        case .primitive: inner = []
        case .structure(let fields): inner = fields.map { field($0.id, $0.name, $0.type) }
        case .list(let list): inner = [field(list.elementID, "element", list.element)]
        case .map(let map): inner = [field(map.keyID, "key", map.key), field(map.valueID, "value", map.value)]
        }
        return Field(fieldID: id, names: [name], fields: inner)
    }

    public var json: JSONValue { .array(fields.map(Self.json)) }

    private static func json(_ field: Field) -> JSONValue {
        var object = JSONObject()
        if let id = field.fieldID { object["field-id"] = .integer(id) }
        object["names"] = .array(field.names.map { .string($0) })
        if !field.fields.isEmpty { object["fields"] = .array(field.fields.map(json)) }
        return .object(object)
    }

    public init(json: JSONValue) throws(IcebergError) {
        var wrapper = JSONObject()
        wrapper["name-mapping"] = json
        let fields = try JSONFields(.object(wrapper), path: "")
        self.fields = try fields.objects("name-mapping", Self.field)
    }

    private static func field(_ json: JSONFields) throws(IcebergError) -> Field {
        var names: [String] = []
        for name in try json.array("names") {
            guard let text = name.stringValue else { throw IcebergError(.malformed, "\(json.place("names")): expected strings") }
            names.append(text)
        }
        return Field(fieldID: try json.optionalInt("field-id"), names: names, fields: try json.objects("fields", field))
    }
}

extension TableMetadata {
    /// What the property `schema.name-mapping.default` says; nil when the table has none.
    public var nameMapping: NameMapping? {
        get throws(IcebergError) {
            guard let text = properties[NameMapping.property] else { return nil }
            let json: JSONValue
            do throws(JSONValueError) { json = try JSONValue(parsing: text) } catch { throw IcebergError(error, reading: NameMapping.property) }
            return try NameMapping(json: json)
        }
    }
}
