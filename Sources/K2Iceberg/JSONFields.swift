import K2JSON

/// The members of one JSON object of table metadata, read with errors that name the place.
struct JSONFields {
    let object: JSONObject
    /// Dotted place in the document.
    let path: String

    init(_ json: JSONValue, path: String) throws(IcebergError) {
        guard let object = json.objectValue else { throw IcebergError(.malformed, "\(path): expected an object, found \(json.kindName)") }
        self.object = object
        self.path = path
    }

    func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func failure(_ key: String, _ expected: String) -> IcebergError {
        guard let value = object[key] else { return IcebergError(.malformed, "\(place(key)): missing") }
        return IcebergError(.malformed, "\(place(key)): expected \(expected), found \(value.numberText ?? value.kindName)")
    }

    /// The member, or nil when it is missing or null.
    func optional(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    func value(_ key: String) throws(IcebergError) -> JSONValue {
        guard let value = optional(key) else { throw failure(key, "a value") }
        return value
    }

    func string(_ key: String) throws(IcebergError) -> String {
        guard let value = object[key]?.stringValue else { throw failure(key, "a string") }
        return value
    }

    func int64(_ key: String) throws(IcebergError) -> Int64 {
        guard let value = object[key]?.int64Value else { throw failure(key, "an integer") }
        return value
    }

    /// An id or count: an integer that fits 32 bits, as the specification has them.
    func int(_ key: String) throws(IcebergError) -> Int {
        guard let value = object[key]?.int64Value, let small = Int32(exactly: value) else { throw failure(key, "a 32-bit integer") }
        return Int(small)
    }

    func bool(_ key: String) throws(IcebergError) -> Bool {
        guard let value = object[key]?.boolValue else { throw failure(key, "true or false") }
        return value
    }

    func array(_ key: String) throws(IcebergError) -> [JSONValue] {
        guard let value = object[key]?.arrayValue else { throw failure(key, "an array") }
        return value
    }

    func optionalString(_ key: String) throws(IcebergError) -> String? { optional(key) == nil ? nil : try string(key) }
    func optionalInt64(_ key: String) throws(IcebergError) -> Int64? { optional(key) == nil ? nil : try int64(key) }
    func optionalInt(_ key: String) throws(IcebergError) -> Int? { optional(key) == nil ? nil : try int(key) }
    func optionalArray(_ key: String) throws(IcebergError) -> [JSONValue] { optional(key) == nil ? [] : try array(key) }

    func ints(_ key: String) throws(IcebergError) -> [Int] {
        var result: [Int] = []
        for item in try optionalArray(key) {
            guard let number = item.int64Value, let small = Int32(exactly: number) else { throw failure(key, "an array of integers") }
            result.append(Int(small))
        }
        return result
    }

    /// An array of strings.
    func texts(_ key: String) throws(IcebergError) -> [String] {
        var result: [String] = []
        for item in try array(key) {
            guard let text = item.stringValue else { throw failure(key, "an array of strings") }
            result.append(text)
        }
        return result
    }

    /// A map of strings; missing means empty.
    func strings(_ key: String) throws(IcebergError) -> [String: String] {
        guard let value = optional(key) else { return [:] }
        let fields = try JSONFields(value, path: place(key))
        var result: [String: String] = [:]
        for member in fields.object.members { result[member.key] = try fields.string(member.key) }
        return result
    }

    /// One value for each item of an array of objects.
    func objects<T>(_ key: String, _ make: (JSONFields) throws(IcebergError) -> T) throws(IcebergError) -> [T] {
        var result: [T] = []
        for (index, item) in try optionalArray(key).enumerated() {
            result.append(try make(try JSONFields(item, path: "\(place(key))[\(index)]")))
        }
        return result
    }

    /// The members that are not among `known`, in their order.
    func extra(besides known: Set<String>) -> JSONObject {
        var result = JSONObject()
        for member in object.members where !known.contains(member.key) { result[member.key] = member.value }
        return result
    }
}

extension JSONObject {
    mutating func merge(_ other: JSONObject) {
        for member in other.members { self[member.key] = member.value }
    }

    /// String values sorted by key, so that equal maps print equal bytes.
    init(sorted strings: [String: String]) {
        self.init()
        for key in strings.keys.sorted() { self[key] = strings[key].map { .string($0) } }
    }
}
