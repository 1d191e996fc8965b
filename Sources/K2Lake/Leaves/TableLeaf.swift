import K2Iceberg

/// One step from the top of a row down to a primitive: what has to be there for the next one to be.
public enum LeafStep: Equatable, Sendable {
    /// The field, element, key or value of that id is not null.
    case present(id: Int, isOptional: Bool)
    /// The list or map of that id has an entry here.
    case entry(of: Int)

    /// Whether a definition level tells that this step was made.
    var hasLevel: Bool {
        switch self {
        case .present(_, let isOptional): isOptional
        case .entry: true
        }
    }
}

/// A primitive of a table's schema at any depth: what lies in data files as one column of values.
public struct TableLeaf: Equatable, Sendable {
    public let id: Int
    /// Dotted.
    public let name: String
    public let type: PrimitiveType
    public let steps: [LeafStep]

    /// The definition level of a value that is there.
    public var maxDefinition: Int { steps.count { $0.hasLevel } }
    public var maxRepetition: Int { steps.count { if case .entry = $0 { true } else { false } } }

    /// The definition level that says that the first `count` steps were made and no more; nil when that cannot be said, since the step after
    /// them must be made.
    func definition(after count: Int) -> UInt8? {
        guard count == steps.count || steps[count].hasLevel else { return nil }
        return UInt8(steps[..<count].count { $0.hasLevel })
    }
}

extension Schema {
    /// All leaves in the order in which they lie in data files.
    public var leaves: [TableLeaf] {
        var leaves: [TableLeaf] = []
        for field in fields { Self.collect(field.type, field.id, field.name, [.present(id: field.id, isOptional: !field.required)], &leaves) }
        return leaves
    }

    private static func collect(_ type: IcebergType, _ id: Int, _ name: String, _ steps: [LeafStep], _ leaves: inout [TableLeaf]) {
        switch type {
        case .primitive(let primitive): leaves.append(TableLeaf(id: id, name: name, type: primitive, steps: steps))
        case .structure(let fields):
            for field in fields { collect(field.type, field.id, "\(name).\(field.name)", steps + [.present(id: field.id, isOptional: !field.required)], &leaves) }
        case .list(let list):
            let inner = steps + [.entry(of: id), .present(id: list.elementID, isOptional: !list.elementRequired)]
            collect(list.element, list.elementID, name + ".element", inner, &leaves)
        case .map(let map):
            collect(map.key, map.keyID, name + ".key", steps + [.entry(of: id), .present(id: map.keyID, isOptional: false)], &leaves)
            let inner = steps + [.entry(of: id), .present(id: map.valueID, isOptional: !map.valueRequired)]
            collect(map.value, map.valueID, name + ".value", inner, &leaves)
        }
    }
}
