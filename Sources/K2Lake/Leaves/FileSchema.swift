import K2Iceberg
import K2JSON
import K2Parquet

/// The fields of a data file by the table's field ids: those that the file states, or those that the table's name mapping gives its names.
struct FileSchema {
    struct Node {
        var element: SchemaElement
        /// Nil: not a field of the table.
        var id: Int?
        /// The name mapping says nothing about the name, neither a field nor that there is none.
        var isUnmapped = false
        var children: [Node]
        /// Below this node, as numbers of the file's columns.
        var leaves: Range<Int>
    }

    var fields: [Node]

    /// - Throws: `unsupported` when neither the file nor the table says which column is which.
    init(_ tree: SchemaTree, _ mapping: NameMapping?) throws(IcebergError) {
        if Self.hasIDs(tree.root) {
            fields = tree.root.children.map(Self.identified)
        } else if let mapping {
            fields = tree.root.children.map { Self.named($0, mapping.fields) }
        } else {
            throw IcebergError(.unsupported, "no field ids in the file, and no name mapping in the table")
        }
    }

    private static func hasIDs(_ node: SchemaNode) -> Bool { node.children.contains { $0.element.fieldID != nil || hasIDs($0) } }

    private static func identified(_ node: SchemaNode) -> Node {
        Node(element: node.element, id: node.element.fieldID.map { Int($0) }, children: node.children.map(identified), leaves: node.leaves)
    }

    /// Groups that only make up a list or map have no name of their own in the mapping: what is below them is `element`, or `key` and `value`.
    private static func named(_ node: SchemaNode, _ fields: [NameMapping.Field]) -> Node {
        let field = fields.first { $0.names.contains(node.element.name) }
        var result = unnamed(node, id: field?.fieldID, field?.fields ?? [])
        result.isUnmapped = field == nil
        return result
    }

    private static func unnamed(_ node: SchemaNode, id: Int?, _ inner: [NameMapping.Field]) -> Node {
        var result = Node(element: node.element, id: id, children: [], leaves: node.leaves)
        guard let entries = node.children.first, node.children.count == 1, entries.element.repetition == .repeated else {
            result.children = node.children.map { named($0, inner) }
            return result
        }
        func child(_ name: String) -> NameMapping.Field? { inner.first { $0.names.contains(name) } }
        var middle = Node(element: entries.element, id: nil, children: [], leaves: entries.leaves)
        if inner.contains(where: { $0.names.contains("key") }), entries.children.count == 2 {
            middle.children = zip(entries.children, [child("key"), child("value")]).map { unnamed($0, id: $1?.fieldID, $1?.fields ?? []) }
        } else if node.isWrapped {
            middle.children = entries.children.map { unnamed($0, id: child("element")?.fieldID, child("element")?.fields ?? []) }
        } else {
            middle = unnamed(entries, id: child("element")?.fieldID, child("element")?.fields ?? [])
        }
        result.children = [middle]
        return result
    }
}

extension SchemaNode {
    /// Whether the element of this list is the only child of the repeated group, and not that group itself.
    ///
    /// Source: LogicalTypes.md of apache/parquet-format, Backward-compatibility rules of lists.
    var isWrapped: Bool {
        guard let middle = children.first, middle.children.count == 1, middle.element.type == nil else { return false }
        return middle.element.name != "array" && middle.element.name != element.name + "_tuple"
    }
}

extension FileSchema.Node {
    var isLeaf: Bool { element.type != nil }

    /// As `SchemaNode.isWrapped`.
    var isWrapped: Bool {
        guard let middle = children.first, middle.children.count == 1, !middle.isLeaf else { return false }
        return middle.element.name != "array" && middle.element.name != element.name + "_tuple"
    }

    private var isOptional: Bool { element.repetition == .optional }

    /// The element of a list, and whether the file has a level for its being null.
    var listElement: (node: FileSchema.Node, hasLevel: Bool)? {
        guard !isLeaf, children.count == 1, children[0].element.repetition == .repeated else { return nil }
        if isWrapped, children[0].children[0].element.repetition != .repeated {
            return (children[0].children[0], children[0].children[0].isOptional)
        }
        return (children[0], false)
    }

    /// Key and value of a map, and whether the file has a level for a value's being null.
    var mapEntry: (key: FileSchema.Node, value: FileSchema.Node, valueHasLevel: Bool)? {
        guard !isLeaf, children.count == 1, children[0].element.repetition == .repeated, children[0].children.count == 2 else { return nil }
        let (key, value) = (children[0].children[0], children[0].children[1])
        guard key.element.repetition != .repeated, value.element.repetition != .repeated else { return nil }
        return (key, value, value.isOptional)
    }
}
