import K2Avro

/// The values of one Avro record, found by Iceberg field id whatever their order and names.
struct AvroRecord {
    /// Positions by field id, made once for a record schema.
    struct Layout {
        let positions: [Int: Int]
        let schemas: [Int: AvroSchema]

        init(_ schema: AvroSchema, _ what: String) throws(IcebergError) {
            guard case .record(_, let fields) = schema.unwrapped.kind else {
                throw IcebergError(.malformed, "\(what): expected a record schema")
            }
            var positions: [Int: Int] = [:]
            var schemas: [Int: AvroSchema] = [:]
            for (place, field) in fields.enumerated() {
                guard let id = field.fieldID else { continue }
                positions[id] = place
                schemas[id] = field.schema
            }
            self.positions = positions
            self.schemas = schemas
        }

        func nested(_ id: Int, _ what: String) throws(IcebergError) -> Layout {
            guard let schema = schemas[id] else { throw IcebergError(.malformed, "\(what): no field with id \(id)") }
            return try Layout(schema, what)
        }
    }

    let values: [AvroValue]
    let layout: Layout
    let what: String

    init(_ value: AvroValue, _ layout: Layout, _ what: String) throws(IcebergError) {
        guard let values = value.recordValue else { throw IcebergError(.malformed, "\(what): expected a record") }
        self.values = values
        self.layout = layout
        self.what = what
    }

    /// The value, or nil when it is null or its field is not in the file.
    func optional(_ id: Int) -> AvroValue? {
        guard let place = layout.positions[id], place < values.count, !values[place].isNull else { return nil }
        return values[place]
    }

    private func wrong(_ id: Int, _ expected: String) -> IcebergError {
        IcebergError(.malformed, "\(what): field \(id): expected \(expected), found \(optional(id) == nil ? "nothing" : "another type")")
    }

    func long(_ id: Int) throws(IcebergError) -> Int64 {
        guard let value = optional(id)?.longValue else { throw wrong(id, "an integer") }
        return value
    }

    func optionalLong(_ id: Int) throws(IcebergError) -> Int64? { optional(id) == nil ? nil : try long(id) }

    func int(_ id: Int) throws(IcebergError) -> Int {
        guard let value = Int32(exactly: try long(id)) else { throw wrong(id, "a 32-bit integer") }
        return Int(value)
    }

    func optionalInt(_ id: Int) throws(IcebergError) -> Int? { optional(id) == nil ? nil : try int(id) }

    func count(_ id: Int) throws(IcebergError) -> Int64 {
        let value = try long(id)
        guard value >= 0 else { throw wrong(id, "a count that is not negative") }
        return value
    }

    func string(_ id: Int) throws(IcebergError) -> String {
        guard let value = optional(id)?.stringValue else { throw wrong(id, "a string") }
        return value
    }

    func optionalString(_ id: Int) throws(IcebergError) -> String? { optional(id) == nil ? nil : try string(id) }

    func optionalBytes(_ id: Int) throws(IcebergError) -> [UInt8]? {
        guard let value = optional(id) else { return nil }
        guard let bytes = value.bytesValue else { throw wrong(id, "bytes") }
        return bytes
    }

    func array(_ id: Int) throws(IcebergError) -> [AvroValue] {
        guard let value = optional(id) else { return [] }
        guard let items = value.arrayValue else { throw wrong(id, "an array") }
        return items
    }

    func longs(_ id: Int) throws(IcebergError) -> [Int64] {
        var result: [Int64] = []
        for item in try array(id) {
            guard let value = item.longValue else { throw wrong(id, "integers") }
            result.append(value)
        }
        return result
    }

    /// An Iceberg map: an array of (key, value) records.
    func map<T>(_ id: Int, _ read: (AvroValue) -> T?) throws(IcebergError) -> [Int: T] {
        var result: [Int: T] = [:]
        for item in try array(id) {
            guard let pair = item.recordValue, pair.count == 2, let key = pair[0].longValue, let value = read(pair[1]) else {
                throw wrong(id, "key-value pairs")
            }
            result[Int(key)] = value
        }
        return result
    }
}

extension AvroSchema {
    /// The one branch that is not null, for the union of null and something.
    var unwrapped: AvroSchema {
        guard case .union(let branches) = kind else { return self }
        return branches.first { $0.kind != .null } ?? self
    }

    /// The items of an array schema.
    var items: AvroSchema? {
        if case .array(let items) = unwrapped.kind { items } else { nil }
    }
}
