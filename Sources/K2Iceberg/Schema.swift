import K2JSON

// Schemas and data types: https://iceberg.apache.org/spec/#schemas-and-data-types (format version 2).

public enum PrimitiveType: Hashable, Sendable {
    case boolean, int, long, float, double, date, time, timestamp, timestamptz, string, uuid, binary
    case fixed(Int)
    case decimal(precision: Int, scale: Int)
}

public indirect enum IcebergType: Equatable, Sendable {
    case primitive(PrimitiveType)
    case structure([NestedField])
    case list(ListType)
    case map(MapType)

    public static let boolean = IcebergType.primitive(.boolean)
    public static let int = IcebergType.primitive(.int)
    public static let long = IcebergType.primitive(.long)
    public static let float = IcebergType.primitive(.float)
    public static let double = IcebergType.primitive(.double)
    public static let date = IcebergType.primitive(.date)
    public static let time = IcebergType.primitive(.time)
    public static let timestamp = IcebergType.primitive(.timestamp)
    public static let timestamptz = IcebergType.primitive(.timestamptz)
    public static let string = IcebergType.primitive(.string)
    public static let uuid = IcebergType.primitive(.uuid)
    public static let binary = IcebergType.primitive(.binary)
    public static func fixed(_ length: Int) -> IcebergType { .primitive(.fixed(length)) }
    public static func decimal(_ precision: Int, _ scale: Int) -> IcebergType { .primitive(.decimal(precision: precision, scale: scale)) }
}

public struct ListType: Equatable, Sendable {
    public var elementID: Int
    public var element: IcebergType
    public var elementRequired: Bool

    public init(elementID: Int, element: IcebergType, elementRequired: Bool) {
        self.elementID = elementID
        self.element = element
        self.elementRequired = elementRequired
    }
}

public struct MapType: Equatable, Sendable {
    public var keyID: Int
    public var key: IcebergType
    public var valueID: Int
    public var value: IcebergType
    public var valueRequired: Bool

    public init(keyID: Int, key: IcebergType, valueID: Int, value: IcebergType, valueRequired: Bool) {
        self.keyID = keyID
        self.key = key
        self.valueID = valueID
        self.value = value
        self.valueRequired = valueRequired
    }
}

/// A column, or a field of a struct column.
public struct NestedField: Equatable, Sendable {
    public var id: Int
    public var name: String
    public var type: IcebergType
    public var required: Bool
    public var doc: String?
    /// Members of the field's JSON that are not known here, kept.
    public var extra: JSONObject

    public init(_ id: Int, _ name: String, _ type: IcebergType, required: Bool, doc: String? = nil, extra: JSONObject = JSONObject()) {
        self.id = id
        self.name = name
        self.type = type
        self.required = required
        self.doc = doc
        self.extra = extra
    }
}

/// The columns of a table at one time.
public struct Schema: Equatable, Sendable {
    public var schemaID: Int
    public var fields: [NestedField]
    public var identifierFieldIDs: [Int]

    /// - Throws: `invalid` when ids or sibling names repeat, or an identifier names no field.
    public init(schemaID: Int = 0, fields: [NestedField], identifierFieldIDs: [Int] = []) throws(IcebergError) {
        self.schemaID = schemaID
        self.fields = fields
        self.identifierFieldIDs = identifierFieldIDs
        try validate()
    }

    private func validate() throws(IcebergError) {
        var seen: Set<Int> = []
        var repeated: Int?
        visit { id, _, _ in if !seen.insert(id).inserted { repeated = repeated ?? id } }
        if let repeated { throw IcebergError(.invalid, "schema \(schemaID): field id \(repeated) stands twice") }
        var names: Set<String> = []
        for field in fields where !names.insert(field.name).inserted {
            throw IcebergError(.invalid, "schema \(schemaID): column \"\(field.name)\" stands twice")
        }
        for id in identifierFieldIDs where !seen.contains(id) {
            throw IcebergError(.invalid, "schema \(schemaID): identifier field \(id) is not in the schema")
        }
    }

    /// Calls `body` with id, dotted name and type of every field, element, key and value, parents first.
    public func visit(_ body: (_ id: Int, _ name: String, _ type: IcebergType) -> Void) {
        for field in fields { Self.visit(field.id, field.name, field.type, body) }
    }

    private static func visit(_ id: Int, _ name: String, _ type: IcebergType, _ body: (Int, String, IcebergType) -> Void) {
        body(id, name, type)
        switch type {
        case .primitive: break
        case .structure(let fields): for field in fields { visit(field.id, name + "." + field.name, field.type, body) }
        case .list(let list): visit(list.elementID, name + ".element", list.element, body)
        case .map(let map):
            visit(map.keyID, name + ".key", map.key, body)
            visit(map.valueID, name + ".value", map.value, body)
        }
    }

    /// The largest id in use, 0 for an empty schema.
    public var highestFieldID: Int {
        var highest = 0
        visit { id, _, _ in highest = max(highest, id) }
        return highest
    }

    /// The top-level column called `name`.
    public func field(named name: String) -> NestedField? { fields.first { $0.name == name } }

    /// The type of the field with `id`, at any depth.
    public func type(of id: Int) -> IcebergType? {
        var found: IcebergType?
        visit { each, _, type in if each == id { found = type } }
        return found
    }

    public func primitiveType(of id: Int) -> PrimitiveType? {
        if case .primitive(let type)? = type(of: id) { type } else { nil }
    }

    /// The dotted name of the field with `id`.
    public func name(of id: Int) -> String? {
        var found: String?
        visit { each, name, _ in if each == id { found = name } }
        return found
    }

    /// Whether both describe the same columns, whatever their schema ids.
    public func hasSameColumns(as other: Schema) -> Bool {
        fields == other.fields && Set(identifierFieldIDs) == Set(other.identifierFieldIDs)
    }
}
