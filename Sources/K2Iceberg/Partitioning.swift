import K2JSON

// Partition specs and sort orders: https://iceberg.apache.org/spec/#partitioning and #sorting.

public struct PartitionField: Equatable, Sendable {
    public var sourceID: Int
    /// From 1000 up.
    public var fieldID: Int
    public var name: String
    public var transform: Transform

    public init(sourceID: Int, fieldID: Int, name: String, transform: Transform) {
        self.sourceID = sourceID
        self.fieldID = fieldID
        self.name = name
        self.transform = transform
    }
}

public struct PartitionSpec: Equatable, Sendable {
    public var specID: Int
    public var fields: [PartitionField]

    public init(specID: Int = 0, fields: [PartitionField]) {
        self.specID = specID
        self.fields = fields
    }

    public static let unpartitioned = PartitionSpec(fields: [])
    /// The last field id of a table that never had a partition field.
    static let firstFieldID = 1000

    public var isUnpartitioned: Bool { fields.isEmpty }

    /// The result type of each field; nil where the source column is gone or the transform unknown.
    public func resultTypes(_ schema: Schema) -> [PrimitiveType?] {
        fields.map { field in schema.primitiveType(of: field.sourceID).flatMap { field.transform.resultType($0) } }
    }

    /// The partition tuple of a row, given the row's value for each source column id.
    public func partition(_ value: (_ sourceID: Int) -> Datum?) throws(IcebergError) -> [Datum?] {
        var tuple: [Datum?] = []
        for field in fields { tuple.append(try field.transform.apply(value(field.sourceID))) }
        return tuple
    }

    /// - Throws: `invalid` when the spec cannot partition a table with `schema`.
    public func validate(for schema: Schema) throws(IcebergError) {
        var names: Set<String> = []
        var ids: Set<Int> = []
        for field in fields {
            let place = "partition spec \(specID): field \"\(field.name)\""
            guard names.insert(field.name).inserted, ids.insert(field.fieldID).inserted else { throw IcebergError(.invalid, "\(place): stands twice") }
            guard field.fieldID >= Self.firstFieldID else { throw IcebergError(.invalid, "\(place): id \(field.fieldID) is below 1000") }
            guard let source = schema.primitiveType(of: field.sourceID) else {
                throw IcebergError(.invalid, "\(place): source \(field.sourceID) is no primitive column")
            }
            guard field.transform.resultType(source) != nil else {
                throw IcebergError(.invalid, "\(place): \(field.transform) cannot be applied to \(source)")
            }
            if let column = schema.field(named: field.name), field.transform != .identity || column.id != field.sourceID {
                throw IcebergError(.invalid, "\(place): a column has that name")
            }
        }
    }
}

extension PartitionSpec {
    /// The array that stands in manifest headers.
    var fieldsJSON: JSONValue {
        .array(
            fields.map { field in
                [
                    "source-id": .integer(field.sourceID), "field-id": .integer(field.fieldID),
                    "transform": .string(field.transform.description), "name": .string(field.name),
                ]
            })
    }

    public var json: JSONValue { ["spec-id": .integer(specID), "fields": fieldsJSON] }

    init(_ fields: JSONFields) throws(IcebergError) {
        self.init(specID: try fields.int("spec-id"), fields: try Self.fields(fields, "fields"))
    }

    /// Reads partition fields. Format version 1 may leave the field ids out: then they count from 1000.
    static func fields(_ json: JSONFields, _ key: String) throws(IcebergError) -> [PartitionField] {
        var next = firstFieldID
        return try json.objects(key) { (field) throws(IcebergError) -> PartitionField in
            let id = try field.optionalInt("field-id") ?? next
            next = max(next, id) + 1
            return PartitionField(
                sourceID: try field.int("source-id"), fieldID: id, name: try field.string("name"),
                transform: Transform(try field.string("transform")))
        }
    }

    var highestFieldID: Int { fields.map(\.fieldID).max() ?? Self.firstFieldID - 1 }
}

public struct SortField: Equatable, Sendable {
    public enum Direction: String, Sendable {
        case ascending = "asc"
        case descending = "desc"
    }

    public enum NullOrder: String, Sendable {
        case first = "nulls-first"
        case last = "nulls-last"
    }

    public var transform: Transform
    public var sourceID: Int
    public var direction: Direction
    public var nullOrder: NullOrder

    public init(sourceID: Int, transform: Transform = .identity, direction: Direction = .ascending, nullOrder: NullOrder = .first) {
        self.transform = transform
        self.sourceID = sourceID
        self.direction = direction
        self.nullOrder = nullOrder
    }
}

public struct SortOrder: Equatable, Sendable {
    /// 0 is the unsorted order.
    public var orderID: Int
    public var fields: [SortField]

    public init(orderID: Int = 1, fields: [SortField]) {
        self.orderID = orderID
        self.fields = fields
    }

    public static let unsorted = SortOrder(orderID: 0, fields: [])

    func validate(for schema: Schema) throws(IcebergError) {
        guard (orderID == 0) == fields.isEmpty else {
            throw IcebergError(.invalid, "sort order \(orderID): expected id 0 exactly for the order without fields")
        }
        for field in fields {
            guard let source = schema.primitiveType(of: field.sourceID), field.transform.resultType(source) != nil else {
                throw IcebergError(.invalid, "sort order \(orderID): \(field.transform) cannot be applied to field \(field.sourceID)")
            }
        }
    }
}

extension SortOrder {
    public var json: JSONValue {
        let list = fields.map { field -> JSONValue in
            [
                "transform": .string(field.transform.description), "source-id": .integer(field.sourceID),
                "direction": .string(field.direction.rawValue), "null-order": .string(field.nullOrder.rawValue),
            ]
        }
        return ["order-id": .integer(orderID), "fields": .array(list)]
    }

    init(_ fields: JSONFields) throws(IcebergError) {
        self.init(
            orderID: try fields.int("order-id"),
            fields: try fields.objects("fields") { (field) throws(IcebergError) -> SortField in
                guard let direction = SortField.Direction(rawValue: try field.string("direction")),
                    let nullOrder = SortField.NullOrder(rawValue: try field.string("null-order"))
                else { throw IcebergError(.malformed, "\(field.path): unknown direction or null order") }
                return SortField(
                    sourceID: try field.int("source-id"), transform: Transform(try field.string("transform")), direction: direction,
                    nullOrder: nullOrder)
            })
    }
}
