/// A leaf of a file's schema: one column of values, with what its levels mean.
public struct Leaf: Equatable, Sendable {
    /// Names from below the root down.
    public var path: [String]
    public var element: SchemaElement
    public var type: PhysicalType
    /// Bytes of a value; 0 unless the type is FIXED_LEN_BYTE_ARRAY.
    public var typeLength: Int
    /// The definition level of a value that is there.
    public var maxDefinition: Int
    /// How many repeated nodes lie on the path.
    public var maxRepetition: Int

    public var name: String { path.joined(separator: ".") }
    public var fieldID: Int32? { element.fieldID }
}

/// A node of a file's schema with its children resolved.
public struct SchemaNode: Equatable, Sendable {
    public var element: SchemaElement
    public var children: [SchemaNode]
    /// The leaves below this node, as indices into the file's list of leaves.
    public var leaves: Range<Int>
}

/// The schema of a file as a tree, built from the flat list in its footer.
public struct SchemaTree: Equatable, Sendable {
    public private(set) var root: SchemaNode
    public private(set) var leaves: [Leaf] = []
    private static let maxDepth = 64

    /// - Throws: when the counts of children do not fit the list, or a leaf lacks what its type needs.
    public init(_ elements: [SchemaElement]) throws(ParquetError) {
        guard let first = elements.first else { throw ParquetError(.malformed, "schema", "no root element") }
        guard first.type == nil else { throw ParquetError(.malformed, "schema", "the root is not a group") }
        root = SchemaNode(element: first, children: [], leaves: 0..<0)
        var next = 1
        let children = try Self.children(of: first, path: [], levels: (0, 0), elements, &next, &leaves)
        guard next == elements.count else {
            throw ParquetError(.malformed, "schema", "\(elements.count) elements, but the tree has \(next)")
        }
        root = SchemaNode(element: first, children: children, leaves: 0..<leaves.count)
    }

    private static func children(
        of parent: SchemaElement, path: [String], levels: (definition: Int, repetition: Int), _ elements: [SchemaElement],
        _ next: inout Int, _ leaves: inout [Leaf]
    ) throws(ParquetError) -> [SchemaNode] {
        let count = Int(parent.childCount ?? 0)
        guard count >= 0, count <= elements.count - next else {
            throw ParquetError(.malformed, "schema", "\(parent.name): \(count) children, but \(elements.count - next) elements are left")
        }
        guard path.count < maxDepth else { throw ParquetError(.malformed, "schema", "deeper than \(maxDepth) levels") }
        var nodes: [SchemaNode] = []
        for _ in 0..<count {
            guard next < elements.count else { throw ParquetError(.malformed, "schema", "\(parent.name): children are missing") }
            let element = elements[next]
            next += 1
            let path = path + [element.name]
            guard let repetition = element.repetition else {
                throw ParquetError(.malformed, "schema", "\(path.joined(separator: ".")): no repetition type")
            }
            let levels = (
                definition: levels.definition + (repetition == .required ? 0 : 1),
                repetition: levels.repetition + (repetition == .repeated ? 1 : 0)
            )
            let firstLeaf = leaves.count
            if element.type != nil {
                leaves.append(try leaf(element, path, levels))
                nodes.append(SchemaNode(element: element, children: [], leaves: firstLeaf..<leaves.count))
            } else {
                let below = try Self.children(of: element, path: path, levels: levels, elements, &next, &leaves)
                nodes.append(SchemaNode(element: element, children: below, leaves: firstLeaf..<leaves.count))
            }
        }
        return nodes
    }

    private static func leaf(
        _ element: SchemaElement, _ path: [String], _ levels: (definition: Int, repetition: Int)
    ) throws(ParquetError) -> Leaf {
        let place = path.joined(separator: ".")
        guard let type = element.type else { throw ParquetError(.malformed, place, "no physical type") }
        if let count = element.childCount, count != 0 { throw ParquetError(.malformed, place, "a leaf with \(count) children") }
        var width = 0
        if type == .fixedLenByteArray {
            guard let length = element.typeLength, length > 0 else {
                throw ParquetError(.malformed, place, "type length: found \(element.typeLength.map(String.init) ?? "none"), expected 1 or more")
            }
            width = Int(length)
        }
        return Leaf(
            path: path, element: element, type: type, typeLength: width, maxDefinition: levels.definition,
            maxRepetition: levels.repetition)
    }
}
