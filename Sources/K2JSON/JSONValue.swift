/// A JSON document as a tree, for cold documents: table metadata, Avro schemas, REST replies.
///
/// Numbers keep their text, so nothing is rounded, and objects keep the order of their members,
/// so equal trees print equal bytes. Not for the record stream: every node here allocates.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// The number's text as RFC 8259 section 6 spells it.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    public static func integer<T: FixedWidthInteger>(_ value: T) -> JSONValue { .number(String(value)) }
}

extension JSONValue {
    public var isNull: Bool { if case .null = self { true } else { false } }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
    /// The number's text, when this is a number.
    public var numberText: String? { if case .number(let value) = self { value } else { nil } }
    /// The value of a number written as a plain integer that fits; `1.0` and `1e3` are none.
    public var int64Value: Int64? { numberText.flatMap { Int64($0) } }
    public var intValue: Int? { numberText.flatMap { Int($0) } }

    /// The member called `key`, when this is an object that has it.
    public subscript(key: String) -> JSONValue? { objectValue?[key] }

    /// What this is, in the words of error messages.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue: Equatable {
    /// Equal as documents: the order of an object's members does not count, the text of a number does.
    public static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.number(let x), .number(let y)): x == y
        case (.string(let x), .string(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.object(let x), .object(let y)): x == y
        default: false
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}

/// The members of a JSON object in the order they were put in; no key stands twice.
public struct JSONObject: Sendable {
    public struct Member: Sendable {
        public var key: String
        public var value: JSONValue
    }

    public private(set) var members: [Member] = []
    /// Positions by key, kept only once a search through the members would be slower.
    private var index: [String: Int] = [:]
    private static let indexedFrom = 12

    public init() {}

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.map(\.key) }

    private func position(of key: String) -> Int? {
        if members.count >= Self.indexedFrom { return index[key] }
        return members.firstIndex { $0.key == key }
    }

    /// Setting keeps the place of a key that is there, adds a new one at the end, and nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            guard let newValue else { return remove(key) }
            if let place = position(of: key) {
                members[place].value = newValue
            } else {
                members.append(Member(key: key, value: newValue))
                noteLast()
            }
        }
    }

    private mutating func noteLast() {
        if members.count == Self.indexedFrom {
            for (place, member) in members.enumerated() { index[member.key] = place }
        } else if members.count > Self.indexedFrom {
            index[members[members.count - 1].key] = members.count - 1
        }
    }

    private mutating func remove(_ key: String) {
        guard let place = position(of: key) else { return }
        members.remove(at: place)
        index.removeAll()
        guard members.count >= Self.indexedFrom else { return }
        for (place, member) in members.enumerated() { index[member.key] = place }
    }
}

extension JSONObject: Equatable {
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.count == b.count && a.members.allSatisfy { b[$0.key] == $0.value }
    }
}
