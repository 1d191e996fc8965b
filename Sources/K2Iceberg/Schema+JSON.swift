import K2JSON

// JSON form of schemas: https://iceberg.apache.org/spec/#schemas (appendix C).

extension PrimitiveType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .date: "date"
        case .time: "time"
        case .timestamp: "timestamp"
        case .timestamptz: "timestamptz"
        case .string: "string"
        case .uuid: "uuid"
        case .binary: "binary"
        case .fixed(let length): "fixed[\(length)]"
        case .decimal(let precision, let scale): "decimal(\(precision), \(scale))"
        }
    }

    private static let plain: [String: PrimitiveType] = [
        "boolean": .boolean, "int": .int, "long": .long, "float": .float, "double": .double, "date": .date, "time": .time,
        "timestamp": .timestamp, "timestamptz": .timestamptz, "string": .string, "uuid": .uuid, "binary": .binary,
    ]

    /// Reads `long`, `fixed[16]`, `decimal(38, 12)`; nil when it is none that format version 2 has.
    public init?(_ text: String) {
        if let plain = Self.plain[text] {
            self = plain
        } else if text.hasPrefix("fixed["), text.hasSuffix("]"), let length = Int32(text.dropFirst(6).dropLast()), length >= 0 {
            self = .fixed(Int(length))
        } else if text.hasPrefix("decimal("), text.hasSuffix(")") {
            let parts = text.dropFirst(8).dropLast().split(separator: ",", omittingEmptySubsequences: false)
            guard parts.count == 2, let precision = Self.number(parts[0]), let scale = Self.number(parts[1]),
                (1...38).contains(precision), scale <= precision
            else { return nil }
            self = .decimal(precision: precision, scale: scale)
        } else {
            return nil
        }
    }

    private static func number(_ text: Substring) -> Int? {
        let digits = text.drop { $0 == " " }
        guard digits.utf8.count <= 2, let value = UInt8(digits) else { return nil }
        return Int(value)
    }
}

extension IcebergType {
    var json: JSONValue {
        switch self {
        case .primitive(let type): return .string(type.description)
        case .structure(let fields): return ["type": "struct", "fields": .array(fields.map(\.json))]
        case .list(let list):
            return [
                "type": "list", "element-id": .integer(list.elementID), "element": list.element.json,
                "element-required": .bool(list.elementRequired),
            ]
        case .map(let map):
            return [
                "type": "map", "key-id": .integer(map.keyID), "key": map.key.json, "value-id": .integer(map.valueID),
                "value": map.value.json, "value-required": .bool(map.valueRequired),
            ]
        }
    }

    init(json: JSONValue, path: String) throws(IcebergError) {
        if let name = json.stringValue {
            guard let type = PrimitiveType(name) else { throw IcebergError(.unsupported, "\(path): type \"\(name)\" is not known in format version 2") }
            self = .primitive(type)
            return
        }
        let fields = try JSONFields(json, path: path)
        switch try fields.string("type") {
        case "struct": self = .structure(try fields.objects("fields", NestedField.init))
        case "list":
            self = .list(
                ListType(
                    elementID: try fields.int("element-id"), element: try IcebergType(json: try fields.value("element"), path: fields.place("element")),
                    elementRequired: try fields.bool("element-required")))
        case "map":
            self = .map(
                MapType(
                    keyID: try fields.int("key-id"), key: try IcebergType(json: try fields.value("key"), path: fields.place("key")),
                    valueID: try fields.int("value-id"), value: try IcebergType(json: try fields.value("value"), path: fields.place("value")),
                    valueRequired: try fields.bool("value-required")))
        case let other: throw IcebergError(.malformed, "\(path).type: expected struct, list or map, found \"\(other)\"")
        }
    }
}

extension NestedField {
    private static let known: Set<String> = ["id", "name", "type", "required", "doc"]

    var json: JSONValue {
        var object = JSONObject()
        object["id"] = .integer(id)
        object["name"] = .string(name)
        object["type"] = type.json
        object["required"] = .bool(required)
        if let doc { object["doc"] = .string(doc) }
        object.merge(extra)
        return .object(object)
    }

    init(_ fields: JSONFields) throws(IcebergError) {
        self.init(
            try fields.int("id"), try fields.string("name"), try IcebergType(json: try fields.value("type"), path: fields.place("type")),
            required: try fields.bool("required"), doc: try fields.optionalString("doc"), extra: fields.extra(besides: Self.known))
    }
}

extension Schema {
    /// The schema object as it stands in table metadata and, the very same, in manifest headers.
    public var json: JSONValue {
        [
            "type": "struct", "fields": .array(fields.map(\.json)), "schema-id": .integer(schemaID),
            "identifier-field-ids": .array(identifierFieldIDs.map { .integer($0) }),
        ]
    }

    public init(json: JSONValue) throws(IcebergError) { try self.init(try JSONFields(json, path: "schema")) }

    init(_ fields: JSONFields) throws(IcebergError) {
        guard try fields.string("type") == "struct" else { throw IcebergError(.malformed, "\(fields.place("type")): expected struct") }
        _ = try fields.array("fields")
        try self.init(
            schemaID: try fields.optionalInt("schema-id") ?? 0, fields: try fields.objects("fields", NestedField.init),
            identifierFieldIDs: try fields.ints("identifier-field-ids"))
    }
}
