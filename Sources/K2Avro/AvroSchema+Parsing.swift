import K2JSON

extension AvroSchema {
    /// Reads a schema from its JSON text; references to named types that stand earlier are replaced by them.
    public init(parsing bytes: [UInt8]) throws(AvroError) {
        let json: JSONValue
        do throws(JSONValueError) { json = try JSONValue(parsing: bytes, maxDepth: AvroSchemaParser.maxDepth) } catch {
            throw AvroError(.badSchema, "schema: \(error.reason)", at: error.offset)
        }
        try self.init(json: json)
    }

    public init(json: JSONValue) throws(AvroError) {
        var parser = AvroSchemaParser()
        self = try parser.schema(json, namespace: nil, depth: 0)
    }
}

struct AvroSchemaParser {
    static let maxDepth = 128
    /// Bounds fields in all, so that references cannot multiply a short text into a huge schema.
    static let maxNodes = 100_000
    private var named: [String: AvroSchema] = [:]
    private var nodes = 0

    mutating func schema(_ json: JSONValue, namespace: String?, depth: Int) throws(AvroError) -> AvroSchema {
        nodes += 1
        guard depth < Self.maxDepth, nodes < Self.maxNodes else { throw AvroError(.badSchema, "schema: nested too deep or too large") }
        switch json {
        case .string(let name): return try reference(name, namespace: namespace)
        case .array(let branches):
            var result: [AvroSchema] = []
            for branch in branches { result.append(try schema(branch, namespace: namespace, depth: depth + 1)) }
            guard !result.isEmpty else { throw AvroError(.badSchema, "schema: union of nothing") }
            return AvroSchema(.union(result))
        case .object(let object): return try complex(object, namespace: namespace, depth: depth)
        default: throw AvroError(.badSchema, "schema: expected a type, found \(json.kindName)")
        }
    }

    private func reference(_ name: String, namespace: String?) throws(AvroError) -> AvroSchema {
        if let kind = Self.primitive(name) { return AvroSchema(kind) }
        if let found = named[Self.fullName(name, namespace)] ?? named[name] { return found }
        throw AvroError(.badSchema, "schema: unknown type \"\(name)\"")
    }

    private static func primitive(_ name: String) -> AvroSchema.Kind? {
        switch name {
        case "null": .null
        case "boolean": .boolean
        case "int": .int
        case "long": .long
        case "float": .float
        case "double": .double
        case "bytes": .bytes
        case "string": .string
        default: nil
        }
    }

    private static func fullName(_ name: String, _ namespace: String?) -> String {
        guard !name.contains("."), let namespace, !namespace.isEmpty else { return name }
        return namespace + "." + name
    }

    private mutating func complex(_ object: JSONObject, namespace: String?, depth: Int) throws(AvroError) -> AvroSchema {
        guard let type = object["type"] else { throw AvroError(.badSchema, "schema: type missing") }
        guard let typeName = type.stringValue else { return try schema(type, namespace: namespace, depth: depth + 1) }
        switch typeName {
        case "record": return try record(object, namespace: namespace, depth: depth)
        case "fixed":
            let name = try Self.name(object)
            guard let size = object["size"]?.intValue, size >= 0 else { throw AvroError(.badSchema, "schema: size of fixed \"\(name)\" missing") }
            let result = AvroSchema(.fixed(name: name, size: size), attributes: Self.extra(object, ["type", "name", "size"]))
            named[Self.fullName(name, object["namespace"]?.stringValue ?? namespace)] = result
            return result
        case "array":
            guard let items = object["items"] else { throw AvroError(.badSchema, "schema: items of an array missing") }
            let inner = try schema(items, namespace: namespace, depth: depth + 1)
            return AvroSchema(.array(inner), attributes: Self.extra(object, ["type", "items"]))
        case "map":
            guard let values = object["values"] else { throw AvroError(.badSchema, "schema: values of a map missing") }
            let inner = try schema(values, namespace: namespace, depth: depth + 1)
            return AvroSchema(.map(inner), attributes: Self.extra(object, ["type", "values"]))
        case "enum": throw AvroError(.unsupported, "schema: enum types are not read")
        default:
            var result = try reference(typeName, namespace: namespace)
            for member in Self.extra(object, ["type"]).members { result.attributes[member.key] = member.value }
            return result
        }
    }

    private static func name(_ object: JSONObject) throws(AvroError) -> String {
        guard let name = object["name"]?.stringValue, !name.isEmpty else { throw AvroError(.badSchema, "schema: name missing") }
        return name
    }

    private static func extra(_ object: JSONObject, _ known: [String]) -> JSONObject {
        var result = JSONObject()
        for member in object.members where !known.contains(member.key) { result[member.key] = member.value }
        return result
    }

    private mutating func record(_ object: JSONObject, namespace: String?, depth: Int) throws(AvroError) -> AvroSchema {
        let name = try Self.name(object)
        let inner = object["namespace"]?.stringValue ?? name.lastIndex(of: ".").map { String(name[..<$0]) } ?? namespace
        guard let list = object["fields"]?.arrayValue else { throw AvroError(.badSchema, "schema: fields of record \"\(name)\" missing") }
        var fields: [AvroField] = []
        for item in list {
            guard let field = item.objectValue, let fieldName = field["name"]?.stringValue, let type = field["type"] else {
                throw AvroError(.badSchema, "schema: field of record \"\(name)\" without name or type")
            }
            let schema = try schema(type, namespace: inner, depth: depth + 1)
            fields.append(
                AvroField(
                    fieldName, schema, fieldID: field["field-id"]?.intValue, doc: field["doc"]?.stringValue, defaultValue: field["default"]))
        }
        let result = AvroSchema(.record(name: name, fields: fields), attributes: Self.extra(object, ["type", "name", "fields"]))
        named[Self.fullName(name, object["namespace"]?.stringValue ?? namespace)] = result
        return result
    }
}
